package spec

import "strings"

// The forms of values are the patterns of the checks: a schema refuses nothing
// that they accept.

func wordsForm(words ...string) form { return form{words: words} }

func stateForm() form { return wordsForm("present", "absent") }

func passwordForm() form {
	return wordsForm(string(PasswordLocked), string(PasswordSetAtFirstLogin))
}

// pathForm is what cleanPath accepts.
func pathForm() form {
	return form{says: "path", pattern: `^(/[^/` + control + `]+)+$`, not: object{"pattern": `/\.\.?(/|$)`}}
}

// wordForm is what goes into one word of a file that is read word by word.
func wordForm(says string) form { return form{says: says, pattern: `^[^\s` + control + `]+$`} }

func modeForm() form { return form{says: "mode", pattern: `^[0-7]{3,4}$`} }

// addressForm is an IP address; that it is none of another form is for validate.
func addressForm() form {
	return form{says: "address", pattern: `^([0-9]+(\.[0-9]+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(%.+)?)$`}
}

// besideForm is a file of the repository, relative to the one that names it.
func besideForm() form { return form{says: "file", pattern: `^[^/]`} }

func accountForm() form {
	return form{says: "name", pattern: accountPattern.String(), longest: 32, not: object{"pattern": digitsPattern.String()}}
}

func packageForm() form { return form{says: "package", pattern: packagePattern.String()} }

func unitForm() form {
	types := strings.ReplaceAll(strings.Join(unitSuffixes(), "|"), ".", "")
	return form{says: "unit", pattern: strings.TrimSuffix(unitPattern.String(), "$") + `\.(` + types + `)$`, longest: 255}
}

func dropInForm() form {
	return form{says: "name", pattern: dropInPattern.String(), longest: 200}
}

// control are the characters of isControl. A line may have tabs, which come
// between the two parts.
const (
	control     = `\x00-\x1f\x7f-\x9f`
	controlLine = `\x00-\x08\x0a-\x1f\x7f-\x9f`
)

func lineForm() form { return form{says: "line", pattern: `^[^` + controlLine + `]*$`} }

func entryForm() form {
	return form{says: "ACL entry", pattern: `^(user|group):[^:]+:[rwxX-]+$`}
}

func archiveForm() form { return form{says: "address", pattern: `^[A-Za-z]+:/[^ \t]*$`} }

// idForm takes the ids that an account can have.
func idForm() form {
	return form{min: 1, max: 4294967293, not: object{"enum": []any{65534, 65535}}}
}

// conditionForm is the grammar of parseCondition.
func conditionForm() form {
	const file = `(/[^/\s,]+)+`
	unit := strings.Trim(unitForm().pattern, "^$")
	name := strings.Trim(packageForm().pattern, "^$")
	return form{says: "condition", pattern: `^\s*(not\s+)?((device|path)\s+` + file + `\s+exists|release\s+[a-z]+(\s*,\s*[a-z]+)*|package\s+` +
		name + `\s+(available|installed)|unit\s+` + unit + `\s+exists)\s*$`}
}
