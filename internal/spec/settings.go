package spec

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Settings are a part of a file: settings by name, each on a line of its own.
type Settings struct {
	Meta
	// Form is how the file writes them: SettingWords, SettingEquals or SettingINI.
	Form          string           `yaml:"form"`
	SettingsGroup `yaml:",inline"` // in a file with sections: those above the first
	// Sections are those of SettingINI.
	Sections map[string]*SettingsSection `yaml:"sections"`
}

// The forms of settings.
const (
	SettingWords  = "words"  // NAME VALUE, as in login.defs(5)
	SettingEquals = "equals" // NAME=VALUE, as in the files of /etc/default
	SettingINI    = "ini"    // NAME = VALUE in [sections], as in smb.conf(5)
)

// SettingsGroup are settings that stand together.
type SettingsGroup struct {
	Set   map[string]string `yaml:"set"`
	Unset []string          `yaml:"unset"`
	// Exact takes out what is not listed.
	Exact *bool `yaml:"exact"`
}

// SettingsSection is a section of an ini file.
type SettingsSection struct {
	Meta
	SettingsGroup `yaml:",inline"`
	// State is present (the default) or absent.
	State string `yaml:"state"`
}

// Fields says what there is to know of the fields.
func (Settings) Fields() []Field {
	return []Field{
		{Name: "form", Is: "how the file writes settings", More: "words: NAME VALUE, as login.defs. equals: NAME=VALUE, as the files of /etc/default. ini: NAME = VALUE in [sections], as smb.conf.", Unset: "an error", Example: "words", Form: WordsForm(SettingWords, SettingEquals, SettingINI)},
		{Name: "sections", Item: "section NAME", Is: "sections of an ini file", More: "Capitals and blanks do not count in names.", Unset: "none", Example: `{global: {set: {disable netbios: "yes"}}}`, Names: &Form{Says: "name of a section", Pattern: `^[^\s\]` + control + `]([^\]` + control + `]*[^\s\]` + control + `])?$`}},
	}
}

// Fields says what there is to know of the fields.
func (SettingsGroup) Fields() []Field {
	return []Field{
		{Name: "set", Is: "what settings are to be, by name", More: "A value is written as it is, with its quotes. A setting stays where it is, or comes below the comment that has it, or else last. Of one that is there several times with other values, the first place stays.", Unset: "none", Example: `{UMASK: "027"}`, Names: new(settingForm()), Form: Form{Says: "value", Pattern: `^(\S([^` + controlLine + `]*\S)?)?$`}},
		{Name: "unset", Is: "settings that are not there", Unset: "none", Example: "[MAIL_DIR]", Form: settingForm(), List: ListRules{Distinct: true}},
		{Name: "exact", Is: "what is not listed goes", More: "Of a section, its other settings; of the file, those above the first section, and the other sections.", Default: "false", Example: "true"},
	}
}

// Fields says what there is to know of the fields.
func (SettingsSection) Fields() []Field {
	return []Field{
		{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", Form: StateForm()},
	}
}

func settingForm() Form {
	return Form{Says: "setting", Pattern: `^[^\s=#;\[` + control + `]([^=` + control + `]*[^\s=` + control + `])?$`}
}

// Fold is a name of a setting or section as it is compared: in ini files neither
// capitals nor blanks count.
func (s *Settings) Fold(name string) string {
	if s.Form != SettingINI {
		return name
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// settings checks the settings of a file.
func (c *Checker) settings(label string, s *Settings) {
	if !s.Has("form") {
		c.Addf(s.Pos, "%s: has no form: want words, equals or ini", label)
	}
	c.One(s.Meta, label, "form", s.Form, SettingWords, SettingEquals, SettingINI)
	if s.Form != SettingINI && s.Has("sections") {
		c.Addf(s.At("sections"), "%s: sections are of the form ini: say one or the other", label)
	}
	if len(s.Set)+len(s.Unset)+len(s.Sections) == 0 && !Is(s.Exact) {
		c.Addf(s.Pos, "%s: says nothing: want set, unset or sections", label)
	}
	c.settingsGroup(s, s.Meta, label, s.SettingsGroup)
	names := map[string]string{}
	for name, section := range Sorted(s.Sections) {
		label := label + ": section " + name
		c.form(section.Pos, label, "the name", name, *Settings{}.Fields()[1].Names)
		if other, taken := names[s.Fold(name)]; taken {
			c.Addf(section.Pos, "%s: is the section %s, too: want one of them", label, other)
		}
		names[s.Fold(name)] = name
		c.State(section.Meta, label, section.State)
		switch says := section.Written("set", "unset", "exact"); {
		case gone(section.State) && len(says) > 0:
			c.Addf(section.At(says[0]), "%s: is absent and has %s: want one or the other", label, says[0])
		case !gone(section.State) && len(section.Set)+len(section.Unset) == 0 && !Is(section.Exact):
			c.Addf(section.Pos, "%s: says nothing: want set, unset or exact, or state: absent", label)
		}
		c.settingsGroup(s, section.Meta, label, section.SettingsGroup)
	}
}

func (c *Checker) settingsGroup(s *Settings, m Meta, label string, g SettingsGroup) {
	form := g.Fields()[0].Form
	seen := map[string]string{}
	name := func(at Pos, label, name string) {
		c.form(at, label, "the name", name, settingForm())
		switch other, taken := seen[s.Fold(name)]; {
		case taken && other != name:
			c.Addf(at, "%s: %s is %s, too: want one of them", label, quote(name), quote(other))
		case s.Form != SettingINI && strings.ContainsFunc(name, unicode.IsSpace):
			c.Addf(at, "%s: %s has blanks in it, which names have in the form ini alone: say one or the other", label, quote(name))
		}
		seen[s.Fold(name)] = name
	}
	for _, key := range slices.Sorted(maps.Keys(g.Set)) {
		at := m.AtKey("set", key)
		name(at, label+": set", key)
		value := g.Set[key]
		switch { // values may be secret, and are not quoted
		case !form.Fits(value):
			c.Addf(at, "%s: set: %s: want a value on one line, without blanks around it", label, key)
		case s.Form == SettingWords && value == "":
			c.Addf(at, "%s: set: %s has no value: want one or the other of a value and unset", label, key)
		case s.Form != SettingWords && strings.HasSuffix(value, `\`):
			c.Addf(at, `%s: set: %s: ends with a \, which continues the line: say one or the other`, label, key)
		}
	}
	c.Distinct(m, label, "unset", g.Unset)
	for i, key := range g.Unset {
		if key == "" {
			continue
		}
		name(m.At("unset", i), label+": unset", key)
		if _, set := g.Set[key]; set {
			c.Addf(m.At("unset", i), "%s: unset: %s is set, too: want one or the other", label, key)
		}
	}
}
