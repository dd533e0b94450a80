package overlay

import (
	"context"
	"path"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// bring applies what a package provides. What exists already stays as it is,
// as maintainer scripts leave accounts and changed files alone.
func (h *Host) bring(ctx context.Context, p host.PackageInstall) error {
	for _, g := range p.Provides.Groups {
		if h.groupAt(g.Name) == nil {
			g.Members = sortedSet(g.Members)
			h.accounts.groups.add(g)
			h.accounts.shadows[g.Name] = &host.GroupShadow{Password: host.PasswordLocked}
			h.nameID(kindGroup, g.GID, g.Name)
		}
	}
	for _, u := range p.Provides.Users {
		if h.userAt(u.Name) == nil {
			h.accounts.users.add(u)
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
		u.Fragment = debian.ShownUnitDir + "/" + u.Name
	}
	if err := h.bringFile(host.ProvidedFile{Path: u.Fragment, Node: rootFile(host.TypeFile, 0o644)}, why); err != nil {
		return err
	}
	h.units[u.Name] = &u
	return h.linkUnit(&u, u.Links)
}
