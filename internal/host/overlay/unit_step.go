package overlay

import (
	"context"
	"errors"
	"fmt"
	"path"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

func (h *Host) doUnit(ctx context.Context, s host.UnitStep) error {
	switch s := s.(type) {
	case host.ReloadManager:
		h.reloadManager(ctx)
		return nil
	case host.EnableUnit:
		return h.thenReload(ctx, wrap("enable "+s.Name, h.enable(ctx, s)))
	case host.DisableUnit:
		return h.thenReload(ctx, wrap("disable "+s.Name, h.edit(ctx, s.Name, h.disable)))
	case host.MaskUnit:
		return h.thenReload(ctx, wrap("mask "+s.Name, h.mask(ctx, s.Name)))
	case host.UnmaskUnit:
		return h.thenReload(ctx, wrap("unmask "+s.Name, h.edit(ctx, s.Name, func(u *host.Unit) error { return h.unmask(ctx, u) })))
	case host.StartUnit:
		return wrap("start "+s.Name, h.edit(ctx, s.Name, func(u *host.Unit) error { return h.start(ctx, u) }))
	case host.AwaitUnits:
		return nil // what is started in memory stays up
	case host.StopUnit:
		return wrap("stop "+s.Name, h.stop(ctx, s.Name))
	case host.ActOnUnit:
		if s.Verb != host.Restart && s.Verb != host.Reload {
			return fmt.Errorf("cannot %s %s: want %s or %s", s.Verb, s.Name, host.Restart, host.Reload)
		}
		return wrap(string(s.Verb)+" "+s.Name, h.edit(ctx, s.Name, func(u *host.Unit) error { return h.act(ctx, u) }))
	}
	return errNoStep
}

// thenReload is what a change of links brings with it, as systemctl does it.
func (h *Host) thenReload(ctx context.Context, err error) error {
	if err == nil {
		h.reloadManager(ctx)
	}
	return err
}

// edit changes a unit that has to exist.
func (h *Host) edit(ctx context.Context, name string, change func(*host.Unit) error) error {
	u, err := h.unit(ctx, name)
	if err != nil {
		return err
	}
	if u == nil {
		return fmt.Errorf("there is no unit %s", name)
	}
	if err := change(u); err != nil {
		return err
	}
	if _, gone := h.units[name]; gone && h.units[name] == nil {
		return nil
	}
	h.units[name] = u
	return nil
}

func (h *Host) enable(ctx context.Context, s host.EnableUnit) error {
	return h.edit(ctx, s.Name, func(u *host.Unit) error {
		switch {
		case u.File == "masked" || u.Load == "masked":
			return errors.New("it is masked")
		case u.File == "static" && len(s.Links) == 0:
			return errors.New("its file has no [Install] section")
		}
		if err := h.unlinkUnit(u); err != nil {
			return err
		}
		u.File, u.Links = "enabled", sortedSet(s.Links)
		return h.linkUnit(u, u.Links)
	})
}

// linkUnit puts the links that enable a unit among the files, with their
// directories.
func (h *Host) linkUnit(u *host.Unit, links []string) error {
	for _, l := range links {
		if !path.IsAbs(l) {
			l = path.Join(debian.UnitDir, l)
		}
		if err := h.bringParents(l); err != nil {
			return err
		}
		at, _, err := h.place(l)
		if err != nil {
			return err
		}
		n := rootFile(host.TypeSymlink, 0o777)
		n.Target, n.Size = u.Fragment, int64(len(u.Fragment))
		h.files.put(at, &entry{node: n, fresh: true})
	}
	return nil
}

func (h *Host) unlinkUnit(u *host.Unit) error {
	for _, l := range u.Links {
		if !path.IsAbs(l) {
			l = path.Join(debian.UnitDir, l)
		}
		at, err := h.resolve(l)
		if blocked(err) {
			continue
		}
		if err != nil {
			return err
		}
		h.files.put(at, &entry{absent: true})
	}
	return nil
}

func (h *Host) disable(u *host.Unit) error {
	if err := h.unlinkUnit(u); err != nil {
		return err
	}
	u.Links = nil
	if u.File != "masked" {
		if u.File == "enabled" {
			u.File = "disabled"
		}
		if u.Fragment != "" {
			u.File = h.fileState(u, u.Fragment)
		}
	}
	h.units[u.Name] = u
	h.forgetGone(u)
	return nil
}

// mask links the unit's name in /etc to nowhere. As systemctl, it does not
// replace a unit file that is there.
func (h *Host) mask(ctx context.Context, name string) error {
	at := path.Join(debian.UnitDir, name)
	old, err := h.stat(at)
	if err != nil {
		return err
	}
	if old != nil && old.Type != host.TypeSymlink {
		return fmt.Errorf("a unit file %s is there", at)
	}
	u, err := h.unit(ctx, name)
	if err != nil {
		return err
	}
	if u == nil {
		u = &host.Unit{Name: name, Active: "inactive", Sub: "dead"}
	}
	n := rootFile(host.TypeSymlink, 0o777)
	n.Target, n.Size = "/dev/null", int64(len("/dev/null"))
	h.files.put(at, &entry{node: n, fresh: true})
	u.Load, u.File, u.Fragment = "masked", "masked", at
	h.units[name] = u
	return nil
}

func (h *Host) unmask(ctx context.Context, u *host.Unit) error {
	if u.File != "masked" && u.Load != "masked" {
		return nil
	}
	h.files.put(path.Join(debian.UnitDir, u.Name), &entry{absent: true})
	h.reread(u)
	if was, err := h.base.Unit(ctx, u.Name); err == nil && was != nil && was.File == "generated" {
		u.Load, u.File, u.Fragment = was.Load, was.File, was.Fragment // by a generator, as before
		h.units[u.Name] = u
	}
	return nil
}

func (h *Host) start(ctx context.Context, u *host.Unit) error {
	if u.Load != "loaded" {
		return fmt.Errorf("it is %s", u.Load)
	}
	if u.Active == "active" && !u.Looping() {
		return nil
	}
	for _, name := range u.Blocks() {
		if b, err := h.unit(ctx, name); err == nil && b.Running() {
			return fmt.Errorf("%s runs already, without it", name)
		}
	}
	// What is not to be seen is taken for a service that keeps running, as most
	// do, and needs no other.
	f := host.UnitText(reader{h}, u)
	if host.UnmetCondition(reader{h}, f) != "" {
		h.startAlong(ctx, u.Name, f) // as systemd does, which does not start the unit itself
		return nil
	}
	u.Active, u.Sub = "active", startedSub(u.Name)
	h.mount(ctx, u)
	h.units[u.Name] = u
	h.startAlong(ctx, u.Name, f)
	if path.Ext(u.Name) != ".service" {
		return nil
	}
	switch {
	case f.Last("Service", "Type") != "oneshot":
	case f.Yes("Service", "RemainAfterExit"):
		u.Sub = "exited"
	default:
		u.Active, u.Sub = "inactive", "dead"
	}
	return nil
}

// startedSub is the substate of a unit that was started, by its type.
func startedSub(name string) string {
	switch path.Ext(name) {
	case ".timer", ".path", ".automount":
		return "waiting"
	case ".socket":
		return "listening"
	case ".mount":
		return "mounted"
	case ".target", ".slice", ".swap":
		return "active"
	}
	return "running"
}

// stop stops a unit and what cannot run without it.
func (h *Host) stop(ctx context.Context, name string) error {
	all, err := host.Along(ctx, reader{h}, name)
	if err != nil {
		return err
	}
	for _, n := range append(all, name) {
		err := h.edit(ctx, n, func(u *host.Unit) error {
			if u.Active != "failed" {
				u.Active, u.Sub = "inactive", "dead"
			}
			h.units[n] = u
			h.unmount(u)
			h.forgetGone(u)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetGone forgets a unit of which nothing is left.
func (h *Host) forgetGone(u *host.Unit) {
	if u.Load == "not-found" && u.File == "" && len(u.Links) == 0 && !u.Running() {
		h.units[u.Name] = nil
	}
}

// reader asks while the lock is held.
type reader struct{ *Host }

func (r reader) Stat(p string) (*host.Node, error) { return r.stat(p) }

func (r reader) ReadFile(p string) ([]byte, error) { return r.readFile(p) }

func (r reader) ReadDir(p string) ([]string, error) { return r.readDir(p) }

func (r reader) Unit(ctx context.Context, name string) (*host.Unit, error) { return r.unit(ctx, name) }

// act restarts or reloads what runs; the unit is as before then.
func (h *Host) act(ctx context.Context, u *host.Unit) error {
	if !u.Running() && !u.Looping() {
		return nil
	}
	if u.Load != "loaded" {
		return fmt.Errorf("it is %s", u.Load)
	}
	u.Active, u.Sub = "inactive", "dead"
	return h.start(ctx, u)
}
