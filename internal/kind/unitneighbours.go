package kind

import (
	"context"
	"maps"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// Listed are the units that the keys of the unit's declared text and drop-ins list.
func (u *Unit) Listed(keys ...string) []string {
	texts := [][]byte{u.Data}
	for _, d := range slices.Sorted(maps.Keys(u.DropIns)) {
		texts = append(texts, u.DropIns[d].Data)
	}
	var out []string
	for _, key := range keys {
		for _, text := range texts {
			out = append(out, debian.ParseUnit(string(text)).List("Unit", key)...)
		}
	}
	return out
}

// required are the declared units without which one cannot be started, and those
// without which they cannot.
func (in *Input) required(name string) map[string]bool {
	declared, out := UnitNames(in.Backend), map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if UnitsOf(in.Backend)[name] == nil {
			return // opsafe's own, which no unit requires
		}
		for _, n := range UnitsOf(in.Backend)[name].Listed("Requires", "BindsTo") {
			if other := declared[n]; other != "" && !out[other] && UnitsOf(in.Backend)[other].State != Absent {
				out[other] = true
				visit(other)
			}
		}
	}
	visit(name)
	return out
}

// circle are the declared units that one requires, and that require it: systemd starts
// none of them before it has the files of all. Missing is set if it does not have
// those yet.
func (l UnitLook) circle(ctx context.Context, r host.Reader) (names []string, missing bool, err error) {
	for _, name := range slices.Sorted(maps.Keys(l.In.required(l.Name))) {
		if name == l.Name || !l.In.required(name)[l.Name] {
			continue
		}
		names = append(names, name)
		u, err := r.Unit(ctx, name)
		if err != nil {
			return nil, false, err
		}
		missing = missing || u == nil
	}
	return names, missing, nil
}

// conflicts stops the units that run and that systemd would stop for this one
// (Conflicts= in systemd.unit(5)), by its text and declared drop-ins: so that the plan
// knows that they are stopped, and undo that they ran.
func (l UnitLook) conflicts(ctx context.Context, r host.Reader, c *change.Change) error {
	for _, name := range append(l.Decl.Listed("Conflicts"), l.hostsConflicts(ctx, r)...) {
		if !debian.IsProgramUnit(name) {
			continue
		}
		u, err := r.Unit(ctx, name)
		if err != nil {
			return err
		}
		if !u.Running() {
			continue
		}
		c.Notes = append(c.Notes, name+" is stopped, since the unit conflicts with it")
		if err := stopWith(ctx, r, c, name); err != nil {
			return err
		}
	}
	return nil
}

// hostsConflicts are those of a unit file that the spec leaves to the host. One that
// cannot be read is systemd's to follow.
func (l UnitLook) hostsConflicts(ctx context.Context, r host.Reader) []string {
	if l.In.text(l.Decl.Text).given() {
		return nil
	}
	text, _ := unitText(ctx, r, l.In, l.Name, l.Decl)
	return debian.ParseUnit(string(text)).List("Unit", "Conflicts")
}
