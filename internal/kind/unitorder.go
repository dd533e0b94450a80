package kind

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// unitOrder lists the declared units, each after those that its start brings up or
// waits for, which have to be there by then: services and mounts before the timers,
// sockets and automounts that start them, else by name. Where units wait for each
// other, the first by name goes last.
func unitOrder(b *spec.Backend) []string {
	names := slices.SortedFunc(maps.Keys(UnitsOf(b)), func(a, b string) int {
		return cmp.Or(cmp.Compare(unitRank(a), unitRank(b)), strings.Compare(a, b))
	})
	declared := unitNames(b)
	var out []string
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, before := range unitsBefore(b, declared, name) {
			visit(before)
		}
		out = append(out, name)
	}
	for _, name := range names {
		visit(name)
	}
	return out
}

func unitRank(name string) int {
	switch path.Ext(name) {
	case ".timer", ".path":
		return 2
	case ".socket", ".automount":
		return 1
	default:
		return 0
	}
}

// unitsBefore are the declared units that one activates, and those that its text and
// its drop-ins have it start with or after (systemd.unit(5)). A socket that
// activates the unit itself comes after it: the two are started together. declared
// has the unit of each name.
func unitsBefore(b *spec.Backend, declared map[string]string, name string) []string {
	u := UnitsOf(b)[name]
	if u.State == Absent {
		return nil
	}
	named := append([]string{activated(name, u.Data)}, listed(u, "Requires", "BindsTo", "Requisite", "Wants", "After")...)
	var out []string
	for _, n := range named {
		other := declared[n]
		if other == "" || declared[activated(other, UnitsOf(b)[other].Data)] == name {
			continue
		}
		out = append(out, other)
	}
	return out
}

// listed are the units that the keys of a unit's declared text and drop-ins list.
func listed(u *Unit, keys ...string) []string {
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
	declared, out := unitNames(in.Backend), map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if UnitsOf(in.Backend)[name] == nil {
			return // opsafe's own, which no unit requires
		}
		for _, n := range listed(UnitsOf(in.Backend)[name], "Requires", "BindsTo") {
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
	for _, name := range append(listed(l.Decl, "Conflicts"), l.hostsConflicts(ctx, r)...) {
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
