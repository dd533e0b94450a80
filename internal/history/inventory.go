package history

import (
	"slices"

	"opsafe/internal/before"
	"opsafe/internal/change"
	"opsafe/internal/host"
)

// Inventory is what packages may bring or take along that no step names.
type Inventory struct {
	Packages []host.Package `json:"packages"`
	Users    []host.User    `json:"users"`
	Groups   []host.Group   `json:"groups"`
}

// Complete adds to the record of a run that did not end what packages have brought
// or taken along, as far as it can be told now.
func (r *Record) Complete(h host.Reader) {
	r.Kept = append(r.Kept, brought(h, r)...)
	r.Inventory = nil
}

// takeInventory looks at everything. What cannot be seen is left out, and nothing
// is said to have been brought of it.
func takeInventory(r host.Reader) *Inventory {
	var i Inventory
	i.Packages, _ = r.Packages()
	i.Users, _ = r.Users()
	i.Groups, _ = r.Groups()
	return &i
}

// brought are images of what packages brought or took along besides what steps
// name. They belong to the first package of the run.
func brought(r host.Reader, rec *Record) []Kept {
	was := rec.Inventory
	if was == nil {
		return nil
	}
	now := takeInventory(r)
	var of change.ID
	known := map[host.Subject]bool{}
	for _, k := range rec.Kept {
		known[k.Subject()] = true
		if k.Package != nil && of == (change.ID{}) {
			of = k.Of
		}
	}
	var images []before.Image
	for name, p := range differing(was.Packages, now.Packages, func(p host.Package) string { return p.Name }) {
		images = append(images, before.Image{Package: &before.Package{Name: name, Package: p}})
	}
	for name, u := range differing(was.Users, now.Users, func(u host.User) string { return u.Name }) {
		images = append(images, before.Image{User: &before.User{Name: name, User: u, Group: groupName(was, u)}})
	}
	for name, g := range differing(was.Groups, now.Groups, func(g host.Group) string { return g.Name }) {
		images = append(images, before.Image{Group: &before.Group{Name: name, Group: g}})
	}
	var out []Kept
	for _, i := range images {
		if !known[i.Subject()] {
			out = append(out, Kept{Image: i, Of: of})
		}
	}
	slices.SortStableFunc(out, func(a, b Kept) int { return compare(a.Subject(), b.Subject()) })
	return out
}

// differing yields what is on only one of two lists, as it was before; nil for
// what has come. An empty list is one that could not be seen.
func differing[T any](was, now []T, name func(T) string) map[string]*T {
	out := map[string]*T{}
	if len(was) == 0 || len(now) == 0 {
		return out
	}
	for _, x := range now {
		out[name(x)] = nil
	}
	for _, x := range was {
		if _, both := out[name(x)]; both {
			delete(out, name(x))
		} else {
			out[name(x)] = &x
		}
	}
	return out
}

func groupName(i *Inventory, u *host.User) string {
	if u == nil {
		return ""
	}
	for _, g := range i.Groups {
		if g.GID == u.GID {
			return g.Name
		}
	}
	return ""
}
