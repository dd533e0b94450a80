package spec

import (
	"strings"

	"opsafe/internal/debian"
)

// The forms of values are the patterns of the checks: a schema refuses nothing
// that they accept.

// WordsForm is one of a few words.
func WordsForm(words ...string) Form { return Form{Words: words} }

// StateForm is present or absent.
func StateForm() Form { return WordsForm("present", "absent") }

// PasswordForm is a rule for passwords.
func PasswordForm() Form {
	return WordsForm(string(PasswordLocked), string(PasswordSetAtFirstLogin), string(PasswordSetByAdmin))
}

// PathForm is what CleanPath accepts.
func PathForm() Form {
	return Form{Says: "path", Pattern: `^(/[^/` + control + `]+)+$`, Not: object{"pattern": `/\.\.?(/|$)`}}
}

// WordForm is what goes into one word of a file that is read word by word.
func WordForm(says string) Form { return Form{Says: says, Pattern: `^[^\s` + control + `]+$`} }

// ModeForm is an octal mode, in quotes.
func ModeForm() Form { return Form{Says: "mode", Pattern: `^[0-7]{3,4}$`} }

// AddressForm is an IP address; that it is none of another form is for validate.
func AddressForm() Form {
	return Form{Says: "address", Pattern: `^([0-9]+(\.[0-9]+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(%.+)?)$`}
}

// BesideForm is a file of the repository, relative to the one that names it.
func BesideForm() Form { return Form{Says: "file", Pattern: `^[^/]`} }

// AccountForm is the name of a user or group.
func AccountForm() Form {
	return Form{Says: "name", Pattern: accountPattern().String(), Longest: 32, Not: object{"pattern": digitsPattern().String()}}
}

// VariableForm is the name of a variable.
func VariableForm() Form { return Form{Says: "name", Pattern: variablePattern().String()} }

// NameForm is the name of what is named freely.
func NameForm() Form { return Form{Says: "name", Pattern: namePattern().String()} }

// PackageForm is the name of a package.
func PackageForm() Form { return Form{Says: "package", Pattern: packagePattern().String()} }

// UnitForm is the name of a unit, with its type.
func UnitForm() Form {
	types := strings.ReplaceAll(strings.Join(debian.UnitTypes(), "|"), ".", "")
	return Form{Says: "unit", Pattern: strings.TrimSuffix(unitPattern().String(), "$") + `\.(` + types + `)$`, Longest: 255}
}

// projectPrefix begins what stands for a compose project beside units.
const projectPrefix = "compose/"

// UnitOrProjectForm is the name of a unit, or compose/NAME, which is a compose project.
func UnitOrProjectForm() Form {
	unit := UnitForm()
	return Form{Says: "unit or compose/NAME", Pattern: unit.Pattern + `|^` + projectPrefix + `[a-z0-9][a-z0-9_-]*$`, Longest: unit.Longest}
}

// ProjectNamed is the compose project that an entry of a list of units stands for;
// false: it is a unit.
func ProjectNamed(entry string) (string, bool) { return strings.CutPrefix(entry, projectPrefix) }

// DropInForm is the name of a drop-in file.
func DropInForm() Form {
	return Form{Says: "name", Pattern: dropInPattern().String(), Longest: 200}
}

// DurationForm is a length of time, in hours, minutes and seconds: 1h30m.
func DurationForm() Form { return Form{Says: "time", Pattern: `^([0-9]{1,6}[hms]){1,3}$`} }

// control are the characters of isControl. A line may have tabs, which come
// between the two parts.
const (
	control     = `\x00-\x1f\x7f-\x9f`
	controlLine = `\x00-\x08\x0a-\x1f\x7f-\x9f`
)

// LineForm is one line of text.
func LineForm() Form { return Form{Says: "line", Pattern: `^[^` + controlLine + `]*$`} }

// EntryForm is an entry of an ACL.
func EntryForm() Form {
	return Form{Says: "ACL entry", Pattern: `^(user|group):[^:]+:[rwxX-]+$`}
}

// ArchiveForm is the address of a package archive.
func ArchiveForm() Form { return Form{Says: "address", Pattern: `^[A-Za-z]+:/[^ \t]*$`} }

// IDForm takes the ids that an account can have.
func IDForm() Form {
	return Form{Min: 1, Max: 4294967293, Not: object{"enum": []any{65534, 65535}}}
}

// conditionForm is the grammar of parseCondition.
func conditionForm() Form {
	const file = `(/[^/\s,]+)+`
	unit := strings.Trim(UnitForm().Pattern, "^$")
	name := strings.Trim(PackageForm().Pattern, "^$")
	return Form{Says: "condition", Pattern: `^\s*(not\s+)?(exists|mounted\s+` + file + `|(device|path)\s+` + file + `\s+exists|release\s+[a-z]+(\s*,\s*[a-z]+)*|package\s+` +
		name + `\s+(available|installed)|unit\s+` + unit + `\s+exists)\s*$`}
}
