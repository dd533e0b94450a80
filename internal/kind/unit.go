package kind

import (
	"opsafe/internal/debian"
	"opsafe/internal/spec"
)

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

// Aliases are the other names that the unit has once it is enabled (Alias= in
// systemd.unit(5)), as far as its text is known before it reaches a host.
func (u *Unit) Aliases() []string {
	text, ok := u.Known()
	if !ok || u.State == Absent || !spec.Is(u.Enabled) {
		return nil
	}
	return debian.ParseUnit(text).List("Install", "Alias")
}

// UnitNames are the names of the declared units, aliases among them, with the name
// by which the unit is declared.
func UnitNames(b *spec.Backend) map[string]string {
	names := map[string]string{}
	for own, u := range spec.Sorted(UnitsOf(b)) {
		for _, alias := range u.Aliases() {
			names[alias] = own
		}
	}
	for own := range UnitsOf(b) {
		names[own] = own
	}
	return names
}
