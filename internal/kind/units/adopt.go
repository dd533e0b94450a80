package units

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// errNothingToSay is why a unit cannot be adopted of which only the host knows.
var errNothingToSay = errors.New("there is nothing to say of it")

// adopt takes a unit, or those that have a file or drop-ins of their own.
func adopt(ctx context.Context, t kind.Taker, name string) error {
	if name != "" {
		return take(ctx, t, name)
	}
	names, err := ownUnits(t)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := take(ctx, t, name); err != nil && !errors.Is(err, errNothingToSay) {
			t.Notef("unit %s: %v", name, err)
		}
	}
	return nil
}

// ownUnits are the units that have a file or drop-ins of the host's own.
func ownUnits(r host.Reader) ([]string, error) {
	files, err := r.ReadDir(debian.UnitDir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		n, err := r.Stat(path.Join(debian.UnitDir, file))
		if err != nil {
			return nil, err
		}
		if n == nil {
			continue
		}
		name, dropIns := strings.CutSuffix(file, ".d")
		switch {
		case n.Type == host.TypeDir && dropIns && debian.IsFileUnit(name):
		case n.Type == host.TypeFile && debian.IsFileUnit(file):
			name = file
		default:
			continue // links, and directories of links, by which units are enabled
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// take takes a unit with its drop-ins: its text, if it is the host's own, and
// whether it is enabled and runs.
func take(ctx context.Context, t kind.Taker, name string) error {
	u, err := t.Unit(ctx, name)
	if err != nil {
		return err
	}
	if u == nil {
		return fmt.Errorf("systemd knows no unit %s", name)
	}
	d := spec.NewDraft()
	at := path.Join(debian.UnitDir, name)
	n, err := t.Stat(at)
	if err != nil {
		return err
	}
	from := "from " + at
	if n != nil && n.Type == host.TypeFile {
		if err := kind.DraftContent(t, d, at, n); err != nil {
			return err
		}
	}
	own := !d.Empty()
	dropIns, err := draftDropIns(t, name)
	if err != nil {
		return err
	}
	if !dropIns.Empty() {
		d.Set("drop_ins", dropIns.Node())
	}
	draftSwitches(d, u)
	if d.Empty() {
		return errNothingToSay
	}
	if !own {
		from = "the unit file is the host's"
		if !spec.SystemUnit(name) {
			d.Text("when", "unit "+name+" exists")
		}
	}
	return t.Take(from, d, "units", name)
}

// draftSwitches writes whether a unit starts at boot, and whether it runs. One that does
// its work and ends, or waits to be started, is not said to be stopped.
func draftSwitches(d spec.Draft, u *host.Unit) {
	switch u.File {
	case "enabled", "disabled":
		d.Flag("enabled", u.File == "enabled")
	case "masked":
		d.Flag("masked", true)
	}
	if u.Active == "active" && (u.Sub == "running" || u.Sub == "waiting" || u.Sub == "listening") {
		d.Flag("running", true)
	}
}

// draftDropIns writes the drop-ins of a unit.
func draftDropIns(t kind.Taker, unit string) (spec.Draft, error) {
	out, dir := spec.NewDraft(), path.Join(debian.UnitDir, unit+".d")
	n, err := t.Stat(dir)
	if err != nil || n == nil || n.Type != host.TypeDir {
		return out, err
	}
	names, err := t.ReadDir(dir)
	if err != nil {
		return out, err
	}
	for _, file := range names {
		name, ok := strings.CutSuffix(file, ".conf")
		if !ok {
			continue
		}
		at := path.Join(dir, file)
		n, err := kind.WhatIsAt(t, at)
		if err != nil {
			return out, err
		}
		d := spec.NewDraft()
		if n.Type == host.TypeFile {
			if err := kind.DraftContent(t, d, at, n); err != nil {
				return out, err
			}
		}
		if !d.Empty() {
			out.Set(name, d.Node())
		}
	}
	return out, nil
}
