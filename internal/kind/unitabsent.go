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
	if err := l.dropIns(r, &c); err != nil {
		return c, err
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

// dropIns removes the drop-ins that are there, and their directory. Those that
// are declared are resources of their own, and have gone before.
func (l UnitLook) dropIns(r host.Reader, c *change.Change) error {
	dir := unitDir + l.Name + ".d"
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
		c.Differ("drop-ins", strings.Join(gone, ", "), "")
	}
	return nil
}
