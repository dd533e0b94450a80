package drift

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

// units are files of units, and drop-ins. Links are the marks of what is enabled,
// masked or known by another name, unless they lead to a file elsewhere.
func (f *finder) units(context.Context) error {
	if err := f.dropIns(debian.UnitDir, func(name, at string, n *host.Node) error {
		if !unitName(name) || f.declaredUnit(name) || n.Type == host.TypeSymlink && !elsewhere(n.Target) {
			return nil
		}
		f.add(Unit, name, at)
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
		if !ok || !unitName(unit) {
			continue
		}
		err := f.dropIns(path.Join(debian.UnitDir, dir), func(name, at string, _ *host.Node) error {
			base, ok := strings.CutSuffix(name, ".conf")
			if u := f.in.Backend.Units[unit]; !ok || u != nil && u.DropIns[base] != nil {
				return nil
			}
			f.add(Unit, dir+"/"+base, at)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// declaredUnit reports whether the text of a unit is declared, or it is opsafe's
// own.
func (f *finder) declaredUnit(name string) bool {
	u := f.in.Backend.Units[name]
	owned := strings.HasPrefix(name, "opsafe-") && slices.Contains(f.in.Backend.Owned(), path.Join(debian.UnitDir, name))
	return owned || f.parts[name] || strings.HasPrefix(name, "opsafe-revert.") || name == notes.FirstBoot || strings.HasPrefix(name, kind.FirewallUnits) || u != nil && (u.Content != nil || u.Source != "" || u.Template != "" || u.State == "absent")
}

func unitName(name string) bool {
	return debian.IsFileUnit(name)
}

// elsewhere reports whether a link leads to a unit file of somebody's own.
func elsewhere(target string) bool {
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

// networks are those of docker that it has not made itself.
func (f *finder) networks(ctx context.Context) error {
	all, err := f.Networks(ctx)
	if err != nil {
		return err
	}
	declared := map[string]*spec.Network{}
	if d := f.in.Backend.Docker; d != nil {
		declared = d.Networks
	}
	for _, n := range all {
		if slices.Contains([]string{"bridge", "host", "none"}, n.Name) || declared[n.Name] != nil || kind.DeclaresProject(f.in.Backend, n.Project) {
			continue
		}
		what := "docker network " + n.Name
		way := ""
		if len(n.Containers) > 0 {
			what += ", in use by " + strings.Join(n.Containers, ", ")
			way = "remove these containers first, then opsafe prune network/" + n.Name
		}
		f.addFor(Network, n.Name, what, way)
	}
	return nil
}
