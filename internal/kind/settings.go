package kind

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// wish is one thing that a declared part of a file sees to: a line, or a setting, and
// what it is to be; a value that is empty: it is not to be there.
type wish struct{ name, value string }

// lineWish is the name of a line that has no other.
const lineWish = "line"

func lineWishes(lines []string) []wish {
	var out []wish
	for _, line := range lines {
		out = append(out, wish{lineWish, line})
	}
	return out
}

// String stands for the wish in what is recorded.
func (w wish) String() string {
	if w.name == lineWish {
		return w.value
	}
	return w.name + "=" + w.value
}

// attr shows a wish that is not fulfilled, of a file whose content is not shown.
func (l fileLook) attr(w wish, before change.Value) change.Attr {
	after := change.Text(w.value)
	if l.secret && w.value != "" {
		after = SecretValue(digestOf(l.path, []byte(w.value)))
	}
	switch {
	case before.Kind != change.Absent || w.name == lineWish:
	case w.value == "":
		before = change.Text("there")
	default: // none, or another one
		before = change.Value{Kind: change.Unseen}
	}
	return change.Attr{Name: w.name, Before: before, After: after}
}

func settingName(section, name string) string {
	if section == "" {
		return name
	}
	return "[" + section + "] " + name
}

func setWish(section, name, value string) wish { return wish{settingName(section, name), value} }

func goneWish(section, name string) wish {
	if name == "" {
		return wish{"[" + section + "]", ""}
	}
	return wish{settingName(section, name), ""}
}

func exactWish(section string) wish {
	if section == "" {
		return wish{"other settings", ""}
	}
	return wish{"other settings of [" + section + "]", ""}
}

// settingsForm are settings that a file has to have by name.
type settingsForm struct{ *spec.Settings }

func (f settingsForm) edit(have []byte) *settingsEdit {
	e := &settingsEdit{Settings: f.Settings, lines: settingLines(f.Form, string(have))}
	e.run()
	return e
}

func (f settingsForm) content(_ context.Context, _ host.Reader, have []byte) ([]byte, error) {
	data := f.edit(have).content()
	if left := f.edit(data).changes; len(left) > 0 {
		return nil, fmt.Errorf("cannot set %s: a line before it goes on, by a \\ at its end or a quote that is not closed: put that right by hand", left[0].name)
	}
	return data, nil
}

func (settingsForm) whole() bool { return false }

func (f settingsForm) ensured() []wish {
	var out []wish
	for _, c := range f.edit(nil).changes { // what is set is all that differs
		out = append(out, c.of)
	}
	group := func(section string, g spec.SettingsGroup) {
		for _, name := range g.Unset {
			out = append(out, goneWish(section, name))
		}
		if spec.Is(g.Exact) {
			out = append(out, exactWish(section))
		}
	}
	group("", f.SettingsGroup)
	for _, name := range slices.Sorted(maps.Keys(f.Sections)) {
		if f.Sections[name].State == Absent {
			out = append(out, goneWish(name, ""))
		}
		group(name, f.Sections[name].SettingsGroup)
	}
	return out
}

// Missing are in the order of those that are ensured, as facts can tell them.
func (f settingsForm) missing(have []byte) []wish {
	changes := f.edit(have).changes
	return slices.DeleteFunc(f.ensured(), func(w wish) bool {
		return !slices.ContainsFunc(changes, func(c settingChange) bool { return c.of == w })
	})
}

// attrs are the settings that differ. Values of hidden variables are not shown.
func (f settingsForm) attrs(at string, have []byte, hidden map[string]bool) []change.Attr {
	var out []change.Attr
	for _, c := range f.edit(have).changes {
		value := func(text string) change.Value {
			if text != "" && hides(c.name, text, hidden) {
				return SecretValue(digestOf(at, []byte(text)))
			}
			return change.Text(text)
		}
		out = append(out, change.Attr{Name: c.name, Before: value(c.before), After: value(c.after)})
	}
	return out
}

// hides reports whether a setting is a hidden variable, however it is spelled, or its
// lines have one.
func hides(name, text string, hidden map[string]bool) bool {
	found := false
	host.EachValue(name+"="+text, hidden, func(_, value string) string {
		found = true
		return value
	})
	return found
}

// notes names what the file reads besides itself, where a setting can be given another
// value.
func (f settingsForm) notes(content []byte) []string {
	var out []string
	for _, l := range settingLines(f.Form, string(content)) {
		if f.Form == spec.SettingINI && l.setting() && slices.Contains([]string{"include", "configfile"}, f.Fold(l.name)) {
			out = append(out, fmt.Sprintf("it reads %s, too, which is not looked at: a setting there may count more", l.value))
		}
	}
	return out
}
