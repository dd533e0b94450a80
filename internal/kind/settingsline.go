package kind

import (
	"regexp"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// settingLine is a line of a file of settings, with those that continue it.
type settingLine struct {
	text, end string // without and with what ends it
	section   string // the name of the header above it, or of its own
	header    bool
	comment   bool // a setting that is commented out
	// Of a setting: what is before its name, the name, what is between it and the
	// value, and the value, without what continues lines.
	before, name, between, value string
}

// setting reports whether the line sets something.
func (l settingLine) setting() bool { return l.name != "" && !l.comment }

// appends reports whether the line adds to a value that was set before, as in shells.
func (l settingLine) appends() bool { return strings.Contains(l.between, "+") }

// idle reports whether the line is empty or a comment.
func (l settingLine) idle() bool {
	text := strings.TrimSpace(l.text)
	return text == "" || strings.ContainsRune("#;", rune(text[0]))
}

// Settings as they are written in each form. A comment is a setting that is commented
// out only if it looks like one: "#UMASK 022", but no sentence that begins with UMASK.
var (
	wordsSetting  = words.Pattern(`^([ \t]*#?)([^\s#]+)([ \t]*)(.*?)[ \t]*$`)
	equalsSetting = words.Pattern(`(?s)^([ \t]*(?:#[ \t]*)?(?:export[ \t]+)?)([^\s=#]+?)([ \t]*\+?=[ \t]*)(.*?)[ \t]*$`)
	iniSetting    = words.Pattern(`(?s)^([ \t]*(?:[#;][ \t]*)?)([^\s=#;\[](?:[^=\n]*[^\s=])?)([ \t]*=[ \t]*)(.*?)[ \t]*$`)
	iniHeader     = words.Pattern(`^[ \t]*\[[ \t]*([^\]]*?)[ \t]*\]`)
	continued     = words.Pattern(`\\\r?\n[ \t]*`)
)

// settingLines takes a file of settings apart.
func settingLines(form, content string) []settingLine {
	var out []settingLine
	section := ""
	for content != "" {
		var l settingLine
		l.text = content[:settingEnd(form, content)]
		content = content[len(l.text):]
		for _, end := range []string{"\r\n", "\n"} {
			if text, ok := strings.CutSuffix(l.text, end); ok {
				l.text, l.end = text, end
				break
			}
		}
		if m := iniHeader().FindStringSubmatch(l.text); m != nil && form == spec.SettingINI {
			l.header, section = true, m[1]
		} else if m := settingPattern(form).FindStringSubmatch(l.text); m != nil {
			l.before, l.name, l.between, l.value = m[1], m[2], m[3], continued().ReplaceAllString(m[4], "")
			l.comment = strings.ContainsAny(l.before, "#;")
		}
		l.section = section
		out = append(out, l)
	}
	return out
}

func settingPattern(form string) *regexp.Regexp {
	switch form {
	case spec.SettingWords:
		return wordsSetting()
	case spec.SettingEquals:
		return equalsSetting()
	}
	return iniSetting()
}

// settingEnd is where the first line of a text ends, with those that continue it:
// values of shells by quotes and backslashes, those of ini files by backslashes.
func settingEnd(form, text string) int {
	first := strings.IndexByte(text, '\n') + 1
	if first == 0 {
		return len(text)
	}
	if form == spec.SettingWords || (settingLine{text: text[:first]}).idle() {
		return first
	}
	from := strings.IndexByte(text[:first], '=') + 1
	if from == 0 {
		return first
	}
	end := from
	if form == spec.SettingEquals {
		end += len(text[from:]) - len(strings.TrimLeft(text[from:], " \t"))
		end += host.ValueEnd(text[end:])
	} else {
		end = first - 1
		for strings.HasSuffix(strings.TrimSuffix(text[:end], "\r"), `\`) && end < len(text) {
			next := strings.IndexByte(text[end+1:], '\n')
			if next < 0 {
				return len(text)
			}
			end += 1 + next
		}
	}
	if next := strings.IndexByte(text[end:], '\n'); next >= 0 {
		return end + next + 1
	}
	return len(text)
}
