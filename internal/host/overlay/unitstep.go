package overlay

import (
	"context"
	"errors"
	"fmt"
	"path"

	"opsafe/internal/host"
)

func (h *Host) doUnit(ctx context.Context, s host.Step) (bool, error) {
	switch s := s.(type) {
	case host.ReloadManager:
		h.reloadManager(ctx)
		return true, nil
	case host.EnableUnit:
		return true, h.thenReload(ctx, wrap("enable "+s.Name, h.enable(ctx, s)))
	case host.DisableUnit:
		return true, h.thenReload(ctx, wrap("disable "+s.Name, h.edit(ctx, s.Name, h.disable)))
	case host.MaskUnit:
		return true, h.thenReload(ctx, wrap("mask "+s.Name, h.mask(ctx, s.Name)))
	case host.UnmaskUnit:
		return true, h.thenReload(ctx, wrap("unmask "+s.Name, h.edit(ctx, s.Name, h.unmask)))
	case host.StartUnit:
		return true, wrap("start "+s.Name, h.edit(ctx, s.Name, h.start))
	case host.StopUnit:
		return true, wrap("stop "+s.Name, h.edit(ctx, s.Name, stop))
	case host.ActOnUnit:
		if s.Verb != host.Restart && s.Verb != host.Reload {
			return true, fmt.Errorf("cannot %s %s: want %s or %s", s.Verb, s.Name, host.Restart, host.Reload)
		}
		return true, wrap(string(s.Verb)+" "+s.Name, h.edit(ctx, s.Name, h.act))
	}
	return false, nil
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
			l = path.Join(etcUnits, l)
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
			l = path.Join(etcUnits, l)
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
		u.File = h.fileState(u, u.Fragment)
	}
	return nil
}

// mask links the unit's name in /etc to nowhere. As systemctl, it does not
// replace a unit file that is there.
func (h *Host) mask(ctx context.Context, name string) error {
	at := path.Join(etcUnits, name)
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

func (h *Host) unmask(u *host.Unit) error {
	if u.File != "masked" && u.Load != "masked" {
		return nil
	}
	h.files.put(path.Join(etcUnits, u.Name), &entry{absent: true})
	h.reread(u)
	return nil
}

func (h *Host) start(u *host.Unit) error {
	if u.Load != "loaded" {
		return fmt.Errorf("it is %s", u.Load)
	}
	if u.Active == "active" {
		return nil
	}
	u.Active, u.Sub = "active", startedSub(u.Name)
	if path.Ext(u.Name) != ".service" {
		return nil
	}
	// What is not to be seen is taken for a service that keeps running, as most
	// do.
	content, _ := h.readFile(u.Fragment)
	f := parseUnitFile(content)
	switch {
	case f.last("Service", "Type") != "oneshot":
	case isYes(f.last("Service", "RemainAfterExit")):
		u.Sub = "exited"
	default:
		u.Active, u.Sub = "inactive", "dead"
	}
	return nil
}

// startedSub is the substate of a unit that was started, by its type.
func startedSub(name string) string {
	switch path.Ext(name) {
	case ".timer", ".path":
		return "waiting"
	case ".socket":
		return "listening"
	case ".mount":
		return "mounted"
	case ".target", ".slice":
		return "active"
	}
	return "running"
}

func stop(u *host.Unit) error {
	if u.Active != "failed" {
		u.Active, u.Sub = "inactive", "dead"
	}
	return nil
}

// act restarts or reloads what runs; the unit is as before then.
func (h *Host) act(u *host.Unit) error {
	if !u.Running() {
		return nil
	}
	if u.Load != "loaded" {
		return fmt.Errorf("it is %s", u.Load)
	}
	u.Active, u.Sub = "inactive", "dead"
	return h.start(u)
}
