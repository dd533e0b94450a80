package overlay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/host"
)

func (h *Host) doPackage(ctx context.Context, s host.PackageStep) error {
	switch s := s.(type) {
	case host.InstallPackages:
		return wrap("install packages", h.install(ctx, s))
	case host.RemovePackages:
		return wrap("remove packages", h.removePackages(ctx, s))
	case host.UpgradePackages:
		return wrap("upgrade packages", h.upgrade(s))
	case host.HoldPackages:
		return wrap("hold packages", h.label(s.Names, func(p *host.Package) { p.Hold = s.Hold }))
	case host.MarkPackages:
		return wrap("mark packages", h.label(s.Names, func(p *host.Package) { p.Auto = s.Auto }))
	}
	return errNoStep
}

func (h *Host) install(ctx context.Context, s host.InstallPackages) error {
	if err := h.copyAccounts(); err != nil {
		return err
	}
	if err := h.installable(ctx, s); err != nil {
		return err
	}
	for _, p := range s.Packages {
		old, err := h.pkg(p.Name)
		if err != nil {
			return err
		}
		if old != nil && old.State == host.Installed {
			continue
		}
		h.installs = true
		now := host.Package{Name: p.Name, State: host.Installed, Hold: old != nil && old.Hold}
		h.packages[p.Name] = &predictedPackage{now: &now, brought: &p.Provides}
		for _, r := range p.Provides.Replaces {
			if err := h.dropPackage(ctx, r, false); err != nil {
				return err
			}
		}
		if err := h.bring(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// upgrade changes nothing but versions: what the new ones bring is not known.
func (h *Host) upgrade(s host.UpgradePackages) error {
	for _, p := range s.Packages {
		old, err := h.pkg(p.Name)
		if err != nil {
			return err
		}
		if old == nil || old.State != host.Installed {
			return fmt.Errorf("%s is not installed", p.Name)
		}
		now := *old
		now.Version = p.To
		next := &predictedPackage{now: &now}
		if before := h.packages[p.Name]; before != nil {
			next.brought = before.brought
		}
		h.packages[p.Name] = next
	}
	return nil
}

// installable refuses what apt-get would. An index that is about to be fetched
// from other sources than today's is no evidence against a package.
func (h *Host) installable(ctx context.Context, s host.InstallPackages) error {
	if s.Refresh && h.changedBelow("/etc/apt") {
		return nil
	}
	var ask host.InstallCheck
	var unknown error
	for _, p := range s.Packages {
		if now, err := h.pkg(p.Name); err != nil {
			return err
		} else if now != nil && now.State == host.Installed {
			continue
		}
		known, err := h.base.Candidate(p.Name)
		switch {
		case host.IsUnknown(err):
			return nil
		case err != nil:
			return err
		case !known:
			unknown = cmp.Or(unknown, fmt.Errorf("apt knows no package %s", p.Name))
		}
		ask.Names = append(ask.Names, p.Name)
		ask.Replaced = slices.Concat(ask.Replaced, p.Provides.Replaces, p.Going)
	}
	if len(ask.Names) == 0 {
		return nil
	}
	for name, p := range h.packages {
		if p.now == nil || p.now.State == host.ConfigFiles {
			ask.Gone = append(ask.Gone, name)
		}
	}
	slices.Sort(ask.Gone)
	ask.With = h.arriving()
	return refusal(h.base.Check(ctx, host.NewInstallCheck(ask), host.NewContent(nil)), unknown)
}

// arriving are the packages that earlier steps install, as far as apt knows them: what it
// knows from other sources than today's is no evidence.
func (h *Host) arriving() []string {
	if h.changedBelow("/etc/apt") {
		return nil
	}
	var out []string
	for name, p := range h.packages {
		if p.now == nil || p.now.State != host.Installed {
			continue
		}
		was, err := h.base.Package(name)
		if err != nil || was != nil && was.State == host.Installed {
			continue
		}
		if known, err := h.base.Candidate(name); err == nil && known {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (h *Host) changedBelow(dir string) bool {
	for p := range h.files.nodes {
		if below(p, dir) {
			return true
		}
	}
	return false
}

func rootFile(t host.NodeType, m host.Mode) host.Node {
	return host.Node{Type: t, Owner: "root", Group: "root", Access: host.AccessOf(m), Links: 1}
}

func (h *Host) removePackages(ctx context.Context, s host.RemovePackages) error {
	for _, name := range s.Names {
		p, err := h.pkg(name)
		if err != nil {
			return err
		}
		if p == nil {
			if known, err := h.base.Candidate(name); err == nil && !known {
				return fmt.Errorf("apt knows no package %s", name)
			}
		}
		if p != nil && p.Hold && p.State == host.Installed {
			return fmt.Errorf("%s is held: take the hold off first, with hold: false", name)
		}
	}
	if err := h.removable(ctx, s); err != nil {
		return err
	}
	for _, name := range s.Names {
		if err := h.dropPackage(ctx, name, s.Purge); err != nil {
			return err
		}
	}
	return nil
}

// removable refuses what apt-get would, of what is there: of what is broken nobody can
// tell before it is tried.
func (h *Host) removable(ctx context.Context, s host.RemovePackages) error {
	if s.Broken {
		return nil
	}
	var ask host.RemoveCheck
	for _, name := range s.Names {
		now, err := h.pkg(name)
		if err != nil {
			return err
		}
		if p := h.packages[name]; p == nil && now != nil && now.State == host.Installed {
			ask.Names = append(ask.Names, name)
		}
	}
	if len(ask.Names) == 0 {
		return nil
	}
	for name, p := range h.packages {
		if was, err := h.base.Package(name); err == nil && was != nil && was.State == host.Installed && (p.now == nil || p.now.State == host.ConfigFiles) {
			ask.Gone = append(ask.Gone, name)
		}
	}
	slices.Sort(ask.Gone)
	ask.With = h.arriving()
	return refusal(h.base.Check(ctx, host.NewRemoveCheck(ask), host.NewContent(nil)), nil)
}

// refusal is what apt has refused, and otherwise what is said where it cannot be asked.
func refusal(err, unknown error) error {
	var refused *host.CheckError
	switch {
	case errors.As(err, &refused) && refused.Program == "opsafe":
		return errors.New(refused.Output)
	case errors.As(err, &refused):
		return err
	case err == nil, errors.Is(err, host.ErrNoProgram), host.IsUnknown(err):
		return unknown
	}
	return err
}

// dropPackage takes a package away with what is known to be its own: all that
// it brought here, else the unit of its name.
func (h *Host) dropPackage(ctx context.Context, name string, purge bool) error {
	p, err := h.pkg(name)
	if err != nil || p == nil {
		return err
	}
	next := &predictedPackage{}
	if !purge {
		next.now = &host.Package{Name: name, Version: p.Version, State: host.ConfigFiles}
	}
	var brought *host.Provides
	if old := h.packages[name]; old != nil {
		brought = old.brought
	}
	h.packages[name] = next
	if brought == nil {
		return h.dropUnit(ctx, name+".service")
	}
	for _, u := range brought.Units {
		if err := h.dropUnit(ctx, u.Name); err != nil {
			return err
		}
	}
	h.dropFiles(brought.Files, purge)
	return nil
}

// dropUnit takes away a unit that a package brought, but not one of the
// administrator's.
func (h *Host) dropUnit(ctx context.Context, name string) error {
	u, err := h.unit(ctx, name)
	if host.IsUnknown(err) {
		return nil
	}
	if err != nil || u == nil || !strings.Contains(u.Fragment, "/lib/systemd/") {
		return err
	}
	if err := h.unlinkUnit(u); err != nil {
		return err
	}
	if at, err := h.resolve(u.Fragment); err == nil {
		h.files.put(at, &entry{absent: true})
	}
	h.units[name] = nil
	delete(h.stale, name)
	return nil
}

// dropFiles removes what a package brought, deepest first; configuration only
// with a purge, directories only when nothing is left in them.
func (h *Host) dropFiles(fs []host.ProvidedFile, purge bool) {
	fs = slices.Clone(fs)
	slices.SortFunc(fs, func(a, b host.ProvidedFile) int { return strings.Compare(b.Path, a.Path) })
	for _, f := range fs {
		if strings.HasPrefix(f.Path, "/etc/") && !purge {
			continue
		}
		at, err := h.resolve(f.Path)
		if err != nil {
			continue
		}
		e, ok := h.files.nodes[at]
		if !ok || e.absent {
			continue
		}
		if names, err := h.list(at); e.node.Type == host.TypeDir && (err != nil || len(names) > 0) {
			continue
		}
		h.files.put(at, &entry{absent: true})
	}
}

// label sets a mark of packages that are there.
func (h *Host) label(names []string, set func(*host.Package)) error {
	found := make([]*host.Package, 0, len(names))
	var missing []error
	for _, name := range names {
		p, err := h.pkg(name)
		if err != nil {
			return err
		}
		if p == nil || p.State == host.ConfigFiles {
			missing = append(missing, fmt.Errorf("%s is not installed", name))
			continue
		}
		found = append(found, p)
	}
	if err := errors.Join(missing...); err != nil {
		return err
	}
	for _, p := range found {
		set(p)
		next := &predictedPackage{now: p}
		if old := h.packages[p.Name]; old != nil {
			next.brought = old.brought
		}
		h.packages[p.Name] = next
	}
	return nil
}
