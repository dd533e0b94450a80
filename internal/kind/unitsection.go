package kind

import (
	"path"
	"reflect"
	"slices"

	"opsafe/internal/debian"
	"opsafe/internal/spec"
)

// unitSection is the section units.
func unitSection() spec.Section {
	return spec.Section{
		Type: reflect.TypeFor[map[string]*Unit](), After: "chrony", Judge: checkUnits,
		Field: spec.Field{
			Name: "units", Item: "unit NAME", Is: "systemd's units", Unset: "none", Names: new(spec.UnitForm()),
			Example: `{backup.timer: {source: files/backup.timer, enabled: true, running: true}, backup.service: {content: "[Service]\nType=oneshot\nExecStart=/usr/local/bin/backup\n"}, nginx.service: {drop_ins: {limits: {content: "[Service]\nMemoryMax=1G\n"}}}}`,
		},
	}
}

// Unit is a systemd unit.
type Unit struct {
	spec.Item
	spec.Text `yaml:",inline"`       // the unit file; without: it is the host's
	DropIns   map[string]*UnitDropIn `yaml:"drop_ins"`
	Enabled   *bool                  `yaml:"enabled"`
	Masked    *bool                  `yaml:"masked"`
	Running   *bool                  `yaml:"running"`
	// State absent removes the unit file and its drop-ins.
	State string `yaml:"state"`
}

// UnitDropIn is a file NAME.conf in the unit's drop-in directory.
type UnitDropIn struct {
	spec.Item
	spec.Text `yaml:",inline"`
	State     string `yaml:"state"`
}

// ExistsAs is what the condition exists of a unit asks.
func (Unit) ExistsAs() spec.Fact { return spec.FactUnit }

// Fields says what there is to know of the fields.
func (Unit) Fields() []spec.Field {
	return []spec.Field{
		{Name: "source", Is: "the unit file is this one", More: "A path relative to the file that names it. Without a text, the unit is the host's.", Example: "files/backup.service", Form: spec.BesideForm()},
		{Name: "content", Is: "the unit file itself", More: "Without a text, the unit is the host's.", Example: "|\n  [Service]\n  ExecStart=/usr/bin/sleep infinity\n"},
		{Name: "drop_ins", Item: "drop-in NAME of PARENT", Is: "files NAME.conf beside the unit file", Unset: "none", Example: `{limits: {content: "[Service]\nMemoryMax=1G\n"}}`, Names: new(spec.DropInForm())},
		{Name: "enabled", Is: "started when the host boots", Example: "true"},
		{Name: "masked", Is: "cannot be started at all", Example: "true"},
		{Name: "running", Is: "true: started; false: stopped", More: "One that runs is restarted when its file or a drop-in has changed.", Example: "true"},
		{Name: "state", Is: "whether there is one", More: "absent stops and disables it and removes its file and drop-ins.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// Fields says what there is to know of the fields.
func (UnitDropIn) Fields() []spec.Field {
	return []spec.Field{
		{Name: "content", Is: "the content itself", Example: "|\n  [Service]\n  MemoryMax=1G\n"},
		{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// UnitsOf are the declared units, by name.
func UnitsOf(b *spec.Backend) map[string]*Unit { return spec.Of[map[string]*Unit](b, "units") }

// declared is a text as far as it is known before it reaches a host: templates are
// filled in there.
func declared(t spec.Text) (string, bool) {
	if t.Content != nil {
		return *t.Content, true
	}
	return string(t.Data), t.Source != "" && t.Data != nil
}

// aliases are the other names that the unit has once it is enabled (Alias= in
// systemd.unit(5)), as far as its text is known before it reaches a host.
func (u *Unit) aliases() []string {
	text, ok := declared(u.Text)
	if !ok || u.State == Absent || !spec.Is(u.Enabled) {
		return nil
	}
	return debian.ParseUnit(text).List("Install", "Alias")
}

// unitNames are the names of the declared units, aliases among them, with the name
// by which the unit is declared.
func unitNames(b *spec.Backend) map[string]string {
	names := map[string]string{}
	for own, u := range spec.Sorted(UnitsOf(b)) {
		for _, alias := range u.aliases() {
			names[alias] = own
		}
	}
	for own := range UnitsOf(b) {
		names[own] = own
	}
	return names
}

func nameUnits(c *spec.Checker) {
	for name, u := range UnitsOf(c.Backend()) {
		if u.State == Absent {
			c.NoUnit(name, u.Pos)
		} else {
			c.Units(append(u.aliases(), name)...)
		}
	}
}

func ownUnitFiles(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, u := range UnitsOf(b) {
		at, label := path.Join(debian.UnitDir, name), "unit "+name
		if len(u.Written("source", "content", "template")) > 0 || u.State == Absent {
			out = append(out, spec.Owned{Path: at, Label: label, Pos: u.Pos, Absent: u.State == Absent})
		}
		for dropIn, d := range u.DropIns {
			out = append(out, spec.Owned{Path: at + ".d/" + dropIn + ".conf", Label: "drop-in " + dropIn + " of " + label, Pos: d.Pos, Absent: d.State == Absent})
		}
	}
	return out
}

// checkUnitLinks finds files in the directories of links by which units are enabled, for
// declared units.
func checkUnitLinks(c *spec.Checker) {
	for p, f := range c.Backend().Files {
		dir, name := path.Split(p)
		dir = path.Clean(dir)
		u := UnitsOf(c.Backend())[name]
		if u == nil || path.Dir(dir) != debian.UnitDir || !slices.Contains([]string{".wants", ".requires", ".upholds"}, path.Ext(dir)) {
			continue
		}
		c.Addf(f.Pos, "file %s: is a link by which systemd enables unit %s, which is declared at %s: say enabled there, and leave the link out", p, name, u.Pos)
	}
}
