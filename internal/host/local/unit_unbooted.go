package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// lookUnbooted remembers what unbooted says of units. The caller holds mu.
func (u *unitConn) lookUnbooted(names []string) error {
	if u.known == nil {
		u.known = map[string]*host.Unit{}
	}
	for _, name := range names {
		unit, err := u.unbooted(name)
		if err != nil {
			return err
		}
		u.known[name] = unit
	}
	return nil
}

// unbooted is a unit of a machine that does not run, as its files say. Nil: there is
// none. The caller holds mu.
func (u *unitConn) unbooted(name string) (*host.Unit, error) {
	links, err := readLinks(u.etcDir())
	if err != nil {
		return nil, unknown("links below "+u.etcDir(), err)
	}
	unit := &host.Unit{Name: name, Load: "loaded", Active: "inactive", Sub: "dead", Links: links[name]}
	if target, err := os.Readlink(filepath.Join(u.etcDir(), name)); err == nil && target == "/dev/null" {
		unit.Load, unit.File = "masked", "masked"
		return unit, nil
	}
	at, data, err := unitFile(name)
	if err != nil {
		return nil, err
	}
	if at == "" {
		if len(unit.Links) == 0 {
			return nil, nil
		}
		unit.Load = "not-found"
		return unit, nil
	}
	unit.Fragment, unit.File = at, "static"
	f := debian.ParseUnit(data)
	switch {
	case len(unit.Links) > 0:
		unit.File = "enabled"
	case slices.Contains(f.Sections, "Install"):
		unit.File = "disabled"
	}
	if to := debian.ParseUnit(data).Starts(name); to != "" {
		unit.Triggers = []string{to}
	}
	return unit, nil
}

// unitFile finds and reads the file of a unit or of its template; empty: there is none.
func unitFile(name string) (at, data string, err error) {
	names := []string{name}
	if t := debian.TemplateOf(name); t != "" {
		names = append(names, t)
	}
	for _, n := range names {
		for _, dir := range debian.UnitDirs() {
			data, err := os.ReadFile(path.Join(dir, n))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return "", "", unknown("unit "+name, err)
			}
			real, err := filepath.EvalSymlinks(path.Join(dir, n))
			if err != nil {
				return "", "", unknown("unit "+name, err)
			}
			if strings.HasPrefix(real, debian.PackageUnitDir+"/") {
				real = debian.ShownUnitDir + strings.TrimPrefix(real, debian.PackageUnitDir)
			}
			return real, string(data), nil
		}
	}
	return "", "", nil
}

// doUnbooted carries out steps on units of a machine that does not run: by their links
// alone.
func (h *Host) doUnbooted(ctx context.Context, s host.UnitStep) error {
	systemctl := func(verb, name string) error {
		_, err := run(ctx, []string{"systemctl", "--root=/", "--quiet", verb, "--", name}, runOptions{})
		return err
	}
	switch s := s.(type) {
	case host.ReloadManager:
		return nil // it reads them when it starts
	case host.EnableUnit:
		h.units.forget()
		before, err := readLinks(h.units.etcDir())
		if err == nil {
			err = systemctl("enable", s.Name)
		}
		if err != nil {
			return fmt.Errorf("cannot enable %s: %w", s.Name, err)
		}
		return h.dropLinks(s.Name, staleLinks(before[s.Name], s.Links, nil))
	case host.DisableUnit:
		if err := systemctl("disable", s.Name); err != nil {
			return fmt.Errorf("cannot disable %s: %w", s.Name, err)
		}
		left, err := readLinks(h.units.etcDir())
		if err != nil {
			return err
		}
		return h.dropLinks(s.Name, left[s.Name])
	case host.MaskUnit:
		return systemctl("mask", s.Name)
	case host.UnmaskUnit:
		return systemctl("unmask", s.Name)
	case host.StartUnit, host.StopUnit, host.ActOnUnit, host.AwaitUnits:
		return errors.New("systemd does not run in this tree: it is done at the first boot")
	}
	return errNoStep
}

func (h *Host) dropLinks(unit string, links []string) error {
	for _, at := range links {
		if err := h.removePathAt(at); err != nil {
			return fmt.Errorf("cannot remove the link %s of %s: %w", at, unit, err)
		}
	}
	return nil
}
