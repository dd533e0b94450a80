package units

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/spec"
)

// orphans are files of units, and drop-ins: UNIT.d/DROP-IN.
func orphans() kind.Orphans {
	return kind.Orphans{Rank: kind.RankUnits, Find: find, Absent: withoutUnit}
}

// find looks for them. Links are the marks of what is enabled, masked or known by
// another name, unless they lead to a file elsewhere.
func find(_ context.Context, f kind.Finder) error {
	if err := kind.EachUndeclared(f, debian.UnitDir, func(name, at string, n *host.Node) error {
		if !debian.IsFileUnit(name) || declaresUnitFile(f.Backend(), name) || n.Type == host.TypeSymlink && !kind.LeadsElsewhere(n.Target) {
			return nil
		}
		f.Orphan(kind.Orphan{Name: name, What: at})
		return nil
	}); err != nil {
		return err
	}
	names, err := f.ReadDir(debian.UnitDir)
	if err != nil {
		return err
	}
	for _, dir := range names {
		unit, ok := strings.CutSuffix(dir, ".d")
		if !ok || !debian.IsFileUnit(unit) {
			continue
		}
		err := kind.EachUndeclared(f, path.Join(debian.UnitDir, dir), func(name, at string, _ *host.Node) error {
			if strings.HasPrefix(name, "opsafe-") && slices.Contains(f.Backend().Owned(), at) {
				return nil
			}
			base, ok := strings.CutSuffix(name, ".conf")
			if u := kind.UnitsOf(f.Backend())[unit]; !ok || u != nil && u.DropIns[base] != nil {
				return nil
			}
			f.Orphan(kind.Orphan{Name: dir + "/" + base, What: at, Item: "units/" + unit})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// declaresUnitFile reports whether the text of a unit is declared, or it is opsafe's
// own.
func declaresUnitFile(b *spec.Backend, name string) bool {
	if strings.HasPrefix(name, "opsafe-revert.") || name == notes.FirstBoot {
		return true
	}
	if strings.HasPrefix(name, "opsafe-") && slices.Contains(b.Owned(), path.Join(debian.UnitDir, name)) {
		return true
	}
	u := kind.UnitsOf(b)[name]
	return u != nil && (u.Content != nil || u.Source != "" || u.Template != "" || u.State == kind.Absent)
}

// withoutUnit declares a unit's file, or a drop-in of it, to be absent.
func withoutUnit(b spec.Backend, name string) spec.Backend {
	unit, dropIn, ok := strings.Cut(name, ".d/")
	if !ok {
		return spec.With(b, "units", kind.WithAbsent(kind.UnitsOf(&b), name, &kind.Unit{State: kind.Absent}))
	}
	var u kind.Unit
	if declared := kind.UnitsOf(&b)[unit]; declared != nil {
		u = *declared
	}
	u.DropIns = kind.WithAbsent(u.DropIns, dropIn, &kind.UnitDropIn{State: kind.Absent})
	return spec.With(b, "units", kind.WithAbsent(kind.UnitsOf(&b), unit, &u))
}
