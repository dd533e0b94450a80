package drift

import (
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/kind"
)

// Kinds are the resources that remove orphans: as if the spec declared them absent,
// with all checks of their kinds.
func Kinds(in *kind.Input, orphans []Orphan) []converge.Kind {
	b := *in.Backend
	var own []kind.Resource
	var removes []func(change.ID) bool
	for _, o := range orphans {
		id := change.ID{Kind: string(o.Category), Name: o.Name}
		switch o.Category {
		case Member:
			group, user, _ := strings.Cut(o.Name, "/")
			own = append(own, kind.LeaveSecondary(id, group, user))
		case Group:
			own = append(own, kind.Seal(id, o.Name))
		case Key:
			own = append(own, kind.NoKeys(id, o.Name))
		default:
			for _, k := range ofKinds() {
				if k.category() == o.Category && k.Absent != nil {
					b = k.Absent(b, o.Name)
					removes = append(removes, func(id change.ID) bool { return k.removes(id, o.Name) })
				}
			}
		}
	}
	all := *in
	all.Backend = &b
	out := []converge.Kind{{Kind: kind.Bare("account", kind.StageAccounts), Resources: own}}
	for _, k := range converge.Declare(&all) {
		k.Resources = slices.DeleteFunc(k.Resources, func(r kind.Resource) bool {
			return !slices.ContainsFunc(removes, func(one func(change.ID) bool) bool { return one(r.ID) })
		})
		out = append(out, k)
	}
	return slices.DeleteFunc(out, func(k converge.Kind) bool { return len(k.Resources) == 0 })
}

// removes reports whether a resource removes an orphan.
func (o ofKind) removes(id change.ID, name string) bool {
	if id.Kind != o.of.Name {
		return false
	}
	if o.Removes == nil {
		return id.Name == name
	}
	return o.Removes(id.Name, name)
}
