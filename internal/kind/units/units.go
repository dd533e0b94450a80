// Package units is the kind of services, timers and whatever else systemd runs.
package units

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// Kind is the kind unit.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "unit", Plural: "units", Is: "services and timers", Sections: []string{"units"},
			Own: []spec.Section{section()}, Names: names, Owns: owns,
		},
		Stage: kind.StageUnits, Declare: declare, Adopt: adopt, TakenOver: true,
		Covers:  covers,
		Orphans: []kind.Orphans{orphans()},
	}
}

// declare lists drop-ins, then units in the order in which they can be started.
func declare(in *kind.Input) []kind.Resource {
	var dropIns, units []kind.Resource
	for _, name := range order(in.Backend) {
		u := kind.UnitsOf(in.Backend)[name]
		for _, d := range slices.Sorted(maps.Keys(u.DropIns)) {
			dropIns = append(dropIns, kind.UnitDropInResource(in, name, d, u))
		}
		units = append(units, kind.Resource{
			ID: change.ID{Kind: "unit", Name: name}, Pos: u.Pos, When: u.When,
			Needs:   needs(in, name, u),
			Looker:  kind.UnitLook{In: in, Name: name, Decl: u},
			Stopped: u.Running != nil && !*u.Running,
		})
	}
	return append(dropIns, units...)
}

// needs are the unit's drop-ins, what it activates, and the package whose
// unit it is.
func needs(in *kind.Input, name string, u *kind.Unit) []change.ID {
	var needs []change.ID
	for _, d := range slices.Sorted(maps.Keys(u.DropIns)) {
		needs = append(needs, change.ID{Kind: "unit", Name: kind.UnitDropInName(name, d)})
	}
	if started := kind.Activated(name, u.Data); started != "" {
		if declared := kind.UnitNames(in.Backend)[started]; declared != "" {
			needs = append(needs, change.ID{Kind: "unit", Name: declared})
		}
	}
	for _, p := range slices.Sorted(maps.Keys(kind.PackagesOf(in.Backend))) {
		k := kind.Known(p)
		if said := kind.PackagesOf(in.Backend)[p].Provides; said != nil {
			k.Units = append(slices.Clone(k.Units), said.Units...)
		}
		if slices.Contains(k.Units, name) {
			needs = append(needs, in.NeedPackage(p)...)
		}
	}
	return needs
}

// covers are the files of the units that run, or are enabled: a drop-in is judged
// together with the unit that it is for.
func covers(ctx context.Context, r kind.Recorder, _ *spec.Backend) ([]string, error) {
	names, err := r.UnitNames(ctx)
	if err != nil && !host.IsUnknown(err) {
		return nil, err
	}
	places := []string{path.Dir(debian.UnitDir)}
	for _, name := range names {
		u, err := r.Unit(ctx, name)
		if err != nil || u == nil {
			continue
		}
		_, _ = r.ReadDir(path.Join(debian.UnitDir, name+".d"))
		if u.Fragment != "" && (u.Active == "active" || strings.HasPrefix(u.File, "enabled")) {
			places = append(places, u.Fragment)
		}
	}
	return places, ctx.Err()
}
