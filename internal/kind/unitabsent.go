package kind

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// remove stops the unit, takes away what enables it, its file and its drop-ins:
// whatever of these is left, they would count again for the next unit of that
// name.
func (l UnitLook) remove(ctx context.Context, r host.Reader, u *host.Unit) (change.Change, error) {
	var c change.Change
	units := []*host.Unit{u}
	if u != nil && debian.IsTemplate(l.Name) {
		for _, name := range u.Instances {
			i, err := r.Unit(ctx, name)
			if err != nil {
				return c, err
			}
			units = append(units, i)
		}
	}
	for _, u := range units {
		if err := l.shut(ctx, r, u, &c); err != nil {
			return c, err
		}
	}
	if err := WriteUnitFile(ctx, r, l.In, &c, l.Name, unitDir+l.Name, l.Decl.Text, true); err != nil {
		return c, err
	}
	dirs, err := l.dropInDirs(r)
	if err != nil {
		return c, err
	}
	for _, dir := range dirs {
		if err := l.dropIns(r, dir, &c); err != nil {
			return c, err
		}
	}
	if len(c.Steps) > 0 {
		c.Action = change.Remove
		c.Steps = append(c.Steps, host.ReloadManager{})
	}
	return c, nil
}

// shut stops a unit and removes the links that enable it.
func (l UnitLook) shut(ctx context.Context, r host.Reader, u *host.Unit, c *change.Change) error {
	of := ""
	if u != nil && u.Name != l.Name {
		of = u.Name + " "
	}
	if u.Running() || u.Looping() {
		c.Differ(of+"running", runs(u), "no")
		if err := stopWith(ctx, r, c, u.Name); err != nil {
			return err
		}
	}
	if u != nil && len(u.Links) > 0 {
		c.Differ(of+"enabled", "yes", "no")
		c.Steps = append(c.Steps, host.DisableUnit{Name: u.Name})
	}
	return nil
}

// dropInDirs are the directories of a unit's drop-ins, and of those of a template's
// instances, which cannot be without it, but of what is declared to be there.
func (l UnitLook) dropInDirs(r host.Reader) ([]string, error) {
	dirs := []string{unitDir + l.Name + ".d"}
	if !debian.IsTemplate(l.Name) {
		return dirs, nil
	}
	names, err := r.ReadDir(debian.UnitDir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		unit, ok := strings.CutSuffix(name, ".d")
		if !ok || unit == l.Name || debian.TemplateOf(unit) != l.Name {
			continue
		}
		if decl := UnitsOf(l.In.Backend)[unit]; decl == nil || decl.State == Absent {
			dirs = append(dirs, unitDir+name)
		}
	}
	return dirs, nil
}

// dropIns removes the drop-ins that are in a directory, and that. Those that
// are declared are resources of their own, and have gone before.
func (l UnitLook) dropIns(r host.Reader, dir string, c *change.Change) error {
	n, err := r.Stat(dir)
	if err != nil || n == nil || n.Type != host.TypeDir {
		return err
	}
	names, err := r.ReadDir(dir)
	if err != nil {
		return err
	}
	var gone []string
	for _, base := range slices.Sorted(slices.Values(names)) {
		at := path.Join(dir, base)
		n, err := r.Stat(at)
		if err != nil {
			return err
		}
		if n == nil || n.Type == host.TypeDir {
			continue
		}
		if _, err := ImageOf(r, at, n); err != nil {
			return err // what cannot be kept is not removed
		}
		c.Steps = append(c.Steps, host.RemovePath{Path: at})
		gone = append(gone, strings.TrimSuffix(base, ".conf"))
	}
	if len(gone) == len(names) {
		c.Steps = append(c.Steps, host.RemovePath{Path: dir})
	}
	if len(gone) > 0 {
		of := ""
		if name := strings.TrimSuffix(path.Base(dir), ".d"); name != l.Name {
			of = name + " "
		}
		c.Differ(of+"drop-ins", strings.Join(gone, ", "), "")
	}
	return nil
}
