package drift

import (
	"maps"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// absent is the state of what is to go.
const absent = "absent"

// Kinds are the resources that remove orphans: as if the spec declared them absent,
// with all checks of their kinds.
func Kinds(in *kind.Input, orphans []Orphan) []converge.Kind {
	b := *in.Backend
	b.Sudoers, b.Units = cloned(b.Sudoers), cloned(b.Units)
	docker := spec.Docker{}
	if b.Docker != nil {
		docker = *b.Docker
	}
	docker.Networks = cloned(docker.Networks)
	b.Docker = &docker
	wanted := map[change.ID]bool{}
	var parts []func(change.ID) bool
	var own []kind.Resource
	for _, o := range orphans {
		id := change.ID{Kind: string(o.Category), Name: o.Name}
		switch o.Category {
		case Member:
			group, user, _ := strings.Cut(o.Name, "/")
			own = append(own, kind.Leave(id, group, user))
		case Group:
			own = append(own, kind.Seal(id, o.Name))
		case Key:
			own = append(own, kind.NoKeys(id, o.Name))
		case Sudoers:
			b.Sudoers[o.Name] = &spec.DropIn{State: absent}
		case Unit:
			removeUnit(b.Units, o.Name)
		case Network:
			id = change.ID{Kind: "docker", Name: "network/" + o.Name}
			docker.Networks[o.Name] = &spec.Network{State: absent}
		default:
			if k, ok := kinds.Find(string(o.Category)); ok && k.Strays != nil {
				b = k.Strays.Absent(b, o.Name)
				if part := k.Strays.Parts; part != nil {
					parts = append(parts, func(id change.ID) bool { return id.Kind == k.Name && part(id.Name, o.Name) })
				}
			}
		}
		wanted[id] = true
	}
	all := *in
	all.Backend = &b
	out := []converge.Kind{{Kind: kind.Bare("account", kind.StageAccounts), Resources: own}}
	for _, k := range converge.Declare(&all) {
		k.Resources = slices.DeleteFunc(k.Resources, func(r kind.Resource) bool {
			return !wanted[r.ID] && !slices.ContainsFunc(parts, func(of func(change.ID) bool) bool { return of(r.ID) })
		})
		out = append(out, k)
	}
	return slices.DeleteFunc(out, func(k converge.Kind) bool { return len(k.Resources) == 0 })
}

func cloned[T any](m map[string]T) map[string]T {
	if m == nil {
		return map[string]T{}
	}
	return maps.Clone(m)
}

// removeUnit declares a unit's file, or a drop-in of it, to be absent.
func removeUnit(units map[string]*spec.Unit, name string) {
	unit, dropIn, ok := strings.Cut(name, ".d/")
	if !ok {
		units[name] = &spec.Unit{State: absent}
		return
	}
	u := spec.Unit{}
	if units[unit] != nil {
		u = *units[unit]
	}
	u.DropIns = cloned(u.DropIns)
	u.DropIns[dropIn] = &spec.UnitDropIn{State: absent}
	units[unit] = &u
}
