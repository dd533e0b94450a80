package units

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// order lists the declared units, each after those that its start brings up or
// waits for, which have to be there by then: services and mounts before the timers,
// sockets and automounts that start them, else by name. Where units wait for each
// other, the first by name goes last.
func order(b *spec.Backend) []string {
	names := slices.SortedFunc(maps.Keys(kind.UnitsOf(b)), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
	declared := kind.UnitNames(b)
	var out []string
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, before := range before(b, declared, name) {
			visit(before)
		}
		out = append(out, name)
	}
	for _, name := range names {
		visit(name)
	}
	return out
}

func rank(name string) int {
	switch path.Ext(name) {
	case ".timer", ".path":
		return 2
	case ".socket", ".automount":
		return 1
	default:
		return 0
	}
}

// before are the declared units that one activates, and those that its text and
// its drop-ins have it start with or after (systemd.unit(5)). A socket that
// activates the unit itself comes after it: the two are started together. declared
// has the unit of each name.
func before(b *spec.Backend, declared map[string]string, name string) []string {
	u := kind.UnitsOf(b)[name]
	if u.State == kind.Absent {
		return nil
	}
	named := append([]string{kind.Activated(name, u.Data)}, u.Listed("Requires", "BindsTo", "Requisite", "Wants", "After")...)
	var out []string
	for _, n := range named {
		other := declared[n]
		if other == "" || declared[kind.Activated(other, kind.UnitsOf(b)[other].Data)] == name {
			continue
		}
		out = append(out, other)
	}
	return out
}
