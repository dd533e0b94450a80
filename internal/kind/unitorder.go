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
	names := slices.SortedFunc(maps.Keys(b.Units), func(a, b string) int {
		return cmp.Or(cmp.Compare(unitRank(a), unitRank(b)), strings.Compare(a, b))
	})
	declared := b.UnitNames()
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
	u := b.Units[name]
	if u.State == stateAbsent {
		return nil
	}
	texts := [][]byte{u.Data}
	for _, d := range slices.Sorted(maps.Keys(u.DropIns)) {
		texts = append(texts, u.DropIns[d].Data)
	}
	named := []string{activated(name, u.Data)}
	for _, key := range []string{"Requires", "BindsTo", "Requisite", "Wants", "After"} {
		for _, text := range texts {
			named = append(named, debian.ParseUnit(string(text)).List("Unit", key)...)
		}
	}
	var out []string
	for _, n := range named {
		other := declared[n]
		if other == "" || declared[activated(other, b.Units[other].Data)] == name {
			continue
		}
		out = append(out, other)
	}
	return out
}

// conflicts stops the units that run and that systemd would stop for this one
// (Conflicts= in systemd.unit(5)), by its declared text and drop-ins: so that the plan
// knows that they are stopped, and undo that they ran.
func (l unitLook) conflicts(ctx context.Context, r host.Reader, c *change.Change) error {
	texts := [][]byte{l.decl.Data}
	for _, d := range slices.Sorted(maps.Keys(l.decl.DropIns)) {
		texts = append(texts, l.decl.DropIns[d].Data)
	}
	for _, text := range texts {
		for _, name := range debian.ParseUnit(string(text)).List("Unit", "Conflicts") {
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
	}
	return nil
}
