package report

import (
	"cmp"
	"maps"
	"slices"

	"opsafe/internal/change"
)

// gather holds what is said of hosts: the same once, with all of them.
type gather[T any] struct {
	order []*T
	at    map[string]*T
}

// add takes what is said of one more host, and gives what holds it.
func (g *gather[T]) add(host, key string, made func() *T, hosts func(*T) *[]string) *T {
	if g.at == nil {
		g.at = map[string]*T{}
	}
	v := g.at[key]
	if v == nil {
		v = made()
		g.at[key], g.order = v, append(g.order, v)
	}
	// A document that says the same of its host twice says it once.
	if of := hosts(v); len(*of) == 0 || (*of)[len(*of)-1] != host {
		*of = append(*of, host)
	}
	return v
}

// all is never nil: in JSON it is a list.
func (g *gather[T]) all() []T {
	out := make([]T, len(g.order))
	for i, v := range g.order {
		out[i] = *v
	}
	return out
}

// sortFindings puts what failed first, and of each sort what is on most hosts.
func sortFindings(all []Finding) {
	rank := func(f Finding) int {
		return slices.Index([]change.Status{change.Failed, change.Blocked, change.Unknown, change.Changed, change.Unchanged}, change.Status(f.Item.Status))
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(len(b.Hosts), len(a.Hosts)), cmp.Compare(a.Item.Kind, b.Item.Kind), cmp.Compare(a.Item.Name, b.Item.Name))
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
