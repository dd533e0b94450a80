package kind

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/notes"
	"opsafe/internal/spec"
)

// unitOrphans are files of units, and drop-ins: UNIT.d/DROP-IN.
func unitOrphans() Orphans {
	return Orphans{Rank: RankUnits, Find: findUnits, Absent: withoutUnit}
}

// findUnits looks for them. Links are the marks of what is enabled, masked or known by
// another name, unless they lead to a file elsewhere.
func findUnits(_ context.Context, f Finder) error {
	if err := EachUndeclared(f, debian.UnitDir, func(name, at string, n *host.Node) error {
		if !debian.IsFileUnit(name) || declaresUnitFile(f.Backend(), name) || n.Type == host.TypeSymlink && !leadsElsewhere(n.Target) {
			return nil
		}
		f.Orphan(Orphan{Name: name, What: at})
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
		err := EachUndeclared(f, path.Join(debian.UnitDir, dir), func(name, at string, _ *host.Node) error {
			if strings.HasPrefix(name, "opsafe-") && slices.Contains(f.Backend().Owned(), at) {
				return nil
			}
			base, ok := strings.CutSuffix(name, ".conf")
			if u := UnitsOf(f.Backend())[unit]; !ok || u != nil && u.DropIns[base] != nil {
				return nil
			}
			f.Orphan(Orphan{Name: dir + "/" + base, What: at, Item: "units/" + unit})
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
	u := UnitsOf(b)[name]
	return u != nil && (u.Content != nil || u.Source != "" || u.Template != "" || u.State == Absent)
}

// leadsElsewhere reports whether a link leads to a unit file of somebody's own.
func leadsElsewhere(target string) bool {
	if target == "/dev/null" || !path.IsAbs(target) {
		return false
	}
	for _, dir := range []string{debian.UnitDir, "/run/systemd", "/lib/systemd", "/usr/lib/systemd"} {
		if strings.HasPrefix(target, dir+"/") {
			return false
		}
	}
	return true
}

// withoutUnit declares a unit's file, or a drop-in of it, to be absent.
func withoutUnit(b spec.Backend, name string) spec.Backend {
	unit, dropIn, ok := strings.Cut(name, ".d/")
	if !ok {
		return spec.With(b, "units", WithAbsent(UnitsOf(&b), name, &Unit{State: Absent}))
	}
	var u Unit
	if declared := UnitsOf(&b)[unit]; declared != nil {
		u = *declared
	}
	u.DropIns = WithAbsent(u.DropIns, dropIn, &UnitDropIn{State: Absent})
	return spec.With(b, "units", WithAbsent(UnitsOf(&b), unit, &u))
}
