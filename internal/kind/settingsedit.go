package kind

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// settingsEdit brings the lines of a file to what is declared of its settings.
type settingsEdit struct {
	*spec.Settings
	lines   []settingLine
	changes []settingChange
}

// settingChange is a setting that differs, or a section that is to go.
type settingChange struct {
	name          string
	before, after string // empty for none
	of            wish   // what it has to come to
}

// run makes all changes, in the order of names.
func (e *settingsEdit) run() {
	e.group("", e.SettingsGroup)
	listed := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(e.Sections)) {
		listed[e.foldSection(name)] = true
		if s := e.Sections[name]; s.State == Absent {
			e.drop(name, goneWish(name, ""))
		} else {
			e.group(name, s.SettingsGroup)
		}
	}
	for _, l := range slices.Clone(e.lines) {
		if spec.Is(e.Exact) && l.header && !listed[e.foldSection(l.section)] {
			listed[e.foldSection(l.section)] = true
			e.drop(l.section, exactWish(""))
		}
	}
}

func (e *settingsEdit) group(section string, g spec.SettingsGroup) {
	listed := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(g.Set)) {
		listed[e.Fold(name)] = true
		e.set(section, name, g.Set[name])
	}
	for _, name := range g.Unset {
		e.unset(section, name, goneWish(section, name))
	}
	for _, l := range slices.Clone(e.lines) {
		if spec.Is(g.Exact) && l.setting() && e.in(l, section) && !listed[e.Fold(l.name)] {
			listed[e.Fold(l.name)] = true
			e.unset(section, l.name, exactWish(section))
		}
	}
}

func (e *settingsEdit) in(l settingLine, section string) bool {
	return e.foldSection(l.section) == e.foldSection(section)
}

// foldSection is what a section is known by. Samba takes [globals] for [global].
func (e *settingsEdit) foldSection(name string) string {
	if name = e.Fold(name); name == "globals" {
		return "global"
	}
	return name
}

// find lists where a setting is.
func (e *settingsEdit) find(section, name string) []int {
	var at []int
	for i, l := range e.lines {
		if l.setting() && e.in(l, section) && e.Fold(l.name) == e.Fold(name) {
			at = append(at, i)
		}
	}
	return at
}

// shown are the settings at some lines: their values, or all of the lines if these do
// not tell what differs.
func (e *settingsEdit) shown(at []int, want string) string {
	var values, texts []string
	for _, i := range at {
		values, texts = append(values, e.lines[i].value), append(texts, strings.TrimSpace(e.lines[i].text))
	}
	shown := strings.Join(values, " then ")
	if shown == want || shown == "" {
		shown = strings.Join(texts, " then ")
	}
	return strings.ReplaceAll(shown, "\n", " ")
}

// set gives a setting a value. Which of several counts is the program's own matter, so
// that they are left alone only if all say the same.
func (e *settingsEdit) set(section, name, value string) {
	at := e.find(section, name)
	if len(at) == 0 {
		e.changes = append(e.changes, settingChange{settingName(section, name), "", value, setWish(section, name, value)})
		e.add(section, name, value)
		return
	}
	if !slices.ContainsFunc(at, func(i int) bool {
		l := e.lines[i]
		return l.value != value || l.name != name || l.appends()
	}) {
		return
	}
	change := settingChange{settingName(section, name), e.shown(at, value), value, setWish(section, name, value)}
	e.changes = append(e.changes, change)
	l := &e.lines[at[0]]
	l.name, l.value, l.between = name, value, cmp.Or(strings.ReplaceAll(l.between, "+", ""), e.sign())
	l.text = l.before + name + l.between + value
	e.remove(at[1:])
}

func (e *settingsEdit) unset(section, name string, of wish) {
	at := e.find(section, name)
	if len(at) == 0 {
		return
	}
	e.changes = append(e.changes, settingChange{settingName(section, name), e.shown(at, ""), "", of})
	e.remove(at)
}

func (e *settingsEdit) remove(at []int) {
	for _, i := range slices.Backward(at) {
		e.lines = slices.Delete(e.lines, i, i+1)
	}
}

// drop removes a section. Comments at its end mostly belong to what comes after it,
// and stay.
func (e *settingsEdit) drop(section string, of wish) {
	var gone []int
	settings := 0
	for i := 0; i < len(e.lines); i++ {
		if !e.lines[i].header || !e.in(e.lines[i], section) {
			continue
		}
		last := i
		for k := i + 1; k < len(e.lines) && !e.lines[k].header; k++ {
			if !e.lines[k].idle() {
				last = k
			}
			if e.lines[k].setting() {
				settings++
			}
		}
		for ; i < last; i++ {
			gone = append(gone, i)
		}
		gone = append(gone, last)
	}
	if len(gone) > 0 {
		e.changes = append(e.changes, settingChange{"[" + section + "]", words.Count(settings, "setting"), "", of})
		e.remove(gone)
	}
}

// add puts a setting that is missing below the comment that has it, or else below the
// last one of its section, or at the end of a file without sections.
func (e *settingsEdit) add(section, name, value string) {
	header, last, comment, first := -1, -1, -1, len(e.lines)
	var like settingLine
	for i, l := range e.lines {
		if l.header {
			first = min(first, i)
		}
		if l.setting() && (last < 0 || e.in(l, section)) {
			like = l
		}
		switch {
		case !e.in(l, section):
		case l.header && header < 0:
			header = i
		case l.setting():
			last = i
		case l.comment && e.Fold(l.name) == e.Fold(name):
			comment = i
		}
	}
	if section != "" && header < 0 {
		header = e.begin(section)
	}
	at := first
	switch {
	case comment >= 0:
		at, like = comment+1, e.lines[comment]
		like.before = strings.Trim(like.before, "#;")
		if e.Form != spec.SettingINI || like.before == " " {
			like.before = ""
		}
	case last >= 0 && e.Form == spec.SettingINI:
		at = last + 1
	case section != "":
		at = header + 1
	}
	l := settingLine{section: section, before: strings.TrimSuffix(like.before, "export "), name: name, between: cmp.Or(strings.ReplaceAll(like.between, "+", ""), e.sign()), value: value, end: e.end()}
	l.text = l.before + name + l.between + value
	e.insert(at, l)
}

// begin adds a section at the end, and says where.
func (e *settingsEdit) begin(section string) int {
	if n := len(e.lines); n > 0 && strings.TrimSpace(e.lines[n-1].text) != "" {
		e.insert(n, settingLine{section: e.lines[n-1].section, end: e.end()})
	}
	e.insert(len(e.lines), settingLine{text: "[" + section + "]", section: section, header: true, end: e.end()})
	return len(e.lines) - 1
}

// insert puts a line in, and ends the one before it, if it is not.
func (e *settingsEdit) insert(at int, l settingLine) {
	if at > 0 {
		e.lines[at-1].end = cmp.Or(e.lines[at-1].end, e.end())
	}
	e.lines = slices.Insert(e.lines, at, l)
}

// sign is what stands between names and values where the file has no example.
func (e *settingsEdit) sign() string {
	switch e.Form {
	case spec.SettingWords:
		return " "
	case spec.SettingEquals:
		return "="
	}
	return " = "
}

// end is what ends the lines of the file.
func (e *settingsEdit) end() string {
	if len(e.lines) > 0 && e.lines[0].end != "" {
		return e.lines[0].end
	}
	return "\n"
}

func (e *settingsEdit) content() []byte {
	var b strings.Builder
	for _, l := range e.lines {
		b.WriteString(l.text + l.end)
	}
	return []byte(b.String())
}
