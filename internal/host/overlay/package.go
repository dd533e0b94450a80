package overlay

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// predictedPackage is a package whose state a step has changed.
type predictedPackage struct {
	now *host.Package // nil: purged
	// brought is what installing it here brought, to take away again.
	brought *host.Provides
}

// Package is what dpkg would say.
func (h *Host) Package(name string) (*host.Package, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.pkg(name)
}

func (h *Host) pkg(name string) (*host.Package, error) {
	if p, ok := h.packages[name]; ok {
		if p.now == nil {
			return nil, nil
		}
		c := *p.now
		return &c, nil
	}
	return h.base.Package(name)
}

// Packages are what dpkg would know.
func (h *Host) Packages() ([]host.Package, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all, err := h.base.Packages()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(slices.Clone(all), func(p host.Package) bool { return h.packages[p.Name] != nil })
	for _, p := range h.packages {
		if p.now != nil {
			all = append(all, *p.now)
		}
	}
	slices.SortFunc(all, func(a, b host.Package) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Manual are those of the base, and what steps have installed by name.
func (h *Host) Manual() ([]string, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all, err := h.base.Manual()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(slices.Clone(all), func(name string) bool {
		p := h.packages[name]
		return p != nil && (p.now == nil || p.now.State != host.Installed)
	})
	for name, p := range h.packages {
		if p.brought != nil && p.now != nil && p.now.State == host.Installed && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all, nil
}

// Candidate is what the base's index says.
func (h *Host) Candidate(name string) (bool, error) { return h.base.Candidate(name) }

func (h *Host) doPackage(ctx context.Context, s host.Step) (bool, error) {
	switch s := s.(type) {
	case host.InstallPackages:
		return true, wrap("install packages", h.install(ctx, s))
	case host.RemovePackages:
		return true, wrap("remove packages", h.removePackages(ctx, s))
	case host.HoldPackages:
		return true, wrap("hold packages", h.hold(s))
	}
	return false, nil
}

func (h *Host) install(ctx context.Context, s host.InstallPackages) error {
	if err := h.copyAccounts(); err != nil {
		return err
	}
	for _, p := range s.Packages {
		if err := h.installable(p, s.Refresh); err != nil {
			return err
		}
	}
	for _, p := range s.Packages {
		old, err := h.pkg(p.Name)
		if err != nil {
			return err
		}
		if old != nil && old.State == host.Installed {
			continue
		}
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

// installable refuses what apt-get would. An index that is about to be fetched
// from other sources than today's is no evidence against a package.
func (h *Host) installable(p host.PackageInstall, refresh bool) error {
	known, err := h.base.Candidate(p.Name)
	if host.IsUnknown(err) {
		return nil
	}
	if err != nil || known {
		return err
	}
	if refresh && h.changedBelow("/etc/apt") {
		return nil
	}
	if now, err := h.pkg(p.Name); err != nil || now != nil && now.State == host.Installed {
		return err
	}
	return fmt.Errorf("apt knows no package %s", p.Name)
}

func (h *Host) changedBelow(dir string) bool {
	for p := range h.files.nodes {
		if below(p, dir) {
			return true
		}
	}
	return false
}

// bring applies what a package provides. What exists already stays as it is,
// as maintainer scripts leave accounts and changed files alone.
func (h *Host) bring(ctx context.Context, p host.PackageInstall) error {
	for _, g := range p.Provides.Groups {
		if h.groupAt(g.Name) == nil {
			g.Members = sortedSet(g.Members)
			h.accounts.groups = append(h.accounts.groups, g)
			h.nameID(kindGroup, g.GID, g.Name)
		}
	}
	for _, u := range p.Provides.Users {
		if h.userAt(u.Name) == nil {
			h.accounts.users = append(h.accounts.users, u)
			h.accounts.passwords[u.Name] = &host.Password{State: host.PasswordLocked, Expires: -1}
			h.nameID(kindUser, u.UID, u.Name)
		}
	}
	why := p.Name + " brings it"
	for _, f := range p.Provides.Files {
		if err := h.bringFile(f, why); err != nil {
			return err
		}
	}
	// Debian's packages reload the manager when they bring units.
	if len(p.Provides.Units) > 0 {
		h.reloadManager(ctx)
	}
	for _, u := range p.Provides.Units {
		if err := h.bringUnit(ctx, u, why); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) bringFile(f host.ProvidedFile, why string) error {
	if err := h.bringParents(f.Path); err != nil {
		return err
	}
	at, old, err := h.place(f.Path)
	if err != nil || old != nil {
		return err
	}
	e := &entry{node: f.Node, fresh: true}
	if e.node.Type == "" {
		e.node.Type = host.TypeFile
	}
	if e.node.Type == host.TypeFile {
		e.unknown = afterApply("content of "+f.Path, why)
		e.node.Links = max(e.node.Links, 1)
	}
	h.files.put(at, e)
	return nil
}

// bringParents makes the directories on the way to a packaged file, as dpkg
// does.
func (h *Host) bringParents(p string) error {
	dir := path.Dir(p)
	if dir == "/" {
		return nil
	}
	_, err := h.resolve(p)
	if !blocked(err) {
		return err
	}
	if err := h.bringParents(dir); err != nil {
		return err
	}
	at, old, err := h.place(dir)
	if err != nil || old != nil {
		return err
	}
	h.files.put(at, &entry{fresh: true, node: host.Node{
		Type: host.TypeDir, Owner: "root", Group: "root", Access: host.AccessOf(0o755), Links: 1,
	}})
	return nil
}

func (h *Host) bringUnit(ctx context.Context, u host.Unit, why string) error {
	if old, err := h.unit(ctx, u.Name); err != nil && !host.IsUnknown(err) || old != nil {
		return err
	}
	if u.Load == "" {
		u.Load = "loaded"
	}
	if u.Fragment == "" {
		u.Fragment = "/lib/systemd/system/" + u.Name
	}
	if err := h.bringFile(host.ProvidedFile{Path: u.Fragment, Node: rootFile(host.TypeFile, 0o644)}, why); err != nil {
		return err
	}
	h.units[u.Name] = &u
	return h.linkUnit(&u, u.Links)
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
			return fmt.Errorf("%s is held", name)
		}
	}
	for _, name := range s.Names {
		if err := h.dropPackage(ctx, name, s.Purge); err != nil {
			return err
		}
	}
	return nil
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

func (h *Host) hold(s host.HoldPackages) error {
	found := make([]*host.Package, 0, len(s.Names))
	var missing []error
	for _, name := range s.Names {
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
		p.Hold = s.Hold
		next := &predictedPackage{now: p}
		if old := h.packages[p.Name]; old != nil {
			next.brought = old.brought
		}
		h.packages[p.Name] = next
	}
	return nil
}
