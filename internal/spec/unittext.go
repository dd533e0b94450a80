package spec

import (
	"slices"
	"strings"

	"opsafe/internal/debian"
)

// needs lists the units that a unit file names and cannot do without, each as a
// setting with one name. Wants=, After= and Before= may name what is not there.
func needs(f debian.UnitFile) []debian.Setting {
	hard := []string{"Requires", "Requisite", "BindsTo", "PartOf"}
	var out []debian.Setting
	for _, s := range f.Settings {
		if s.Section != "Unit" || !slices.Contains(hard, s.Key) {
			continue
		}
		for name := range strings.FieldsSeq(s.Value) {
			s.Value = strings.Trim(name, `"'`)
			if !madeBySystemd(s.Value) {
				out = append(out, s)
			}
		}
	}
	return out
}

// madeBySystemd reports whether a unit is of a type that systemd makes by itself,
// or has a specifier in its name: there is no telling before the host.
func madeBySystemd(name string) bool {
	return debian.IsGeneratedUnit(name) || strings.Contains(name, "%")
}

// Aliases are the other names that the unit has once it is enabled (Alias= in
// systemd.unit(5)), as far as its text is known before it reaches a host.
func (u *Unit) Aliases() []string {
	text, ok := body(u.Text)
	if !ok || gone(u.State) || !Is(u.Enabled) {
		return nil
	}
	return debian.ParseUnit(text).List("Install", "Alias")
}

// UnitNames are the names of the declared units, aliases among them, with the name
// by which the unit is declared.
func (b *Backend) UnitNames() map[string]string {
	names := map[string]string{}
	for own, u := range Sorted(b.Units) {
		for _, alias := range u.Aliases() {
			names[alias] = own
		}
	}
	for own := range b.Units {
		names[own] = own
	}
	return names
}
