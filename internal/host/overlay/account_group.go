package overlay

import (
	"cmp"
	"fmt"
	"slices"

	"opsafe/internal/host"
)

func (h *Host) addGroup(s host.AddGroup) error {
	if h.groupAt(s.Name) != nil {
		return fmt.Errorf("a group %s exists", s.Name)
	}
	if err := h.gidFree(s.GID); err != nil {
		return err
	}
	h.accounts.groups.add(host.Group{Name: s.Name, GID: s.GID})
	h.accounts.shadows[s.Name] = &host.GroupShadow{Password: host.PasswordLocked}
	h.nameID(kindGroup, s.GID, s.Name)
	return h.editStrays(func(now *host.Strays) { now.GShadow = without(now.GShadow, s.Name) })
}

func (h *Host) gidFree(gid int) error {
	if gid == host.UnknownID {
		return nil
	}
	if gid < 0 {
		return fmt.Errorf("gid %d is not a valid id", gid)
	}
	if g := h.accounts.groups.numbered(gid); g != nil {
		return fmt.Errorf("gid %d is taken by group %s", gid, g.Name)
	}
	return nil
}

func (h *Host) setGID(s host.SetGID) error {
	g := h.groupAt(s.Name)
	if g == nil {
		return h.noGroup(s.Name)
	}
	if g.GID == s.GID {
		return nil
	}
	if err := h.gidFree(s.GID); err != nil {
		return err
	}
	was := g.GID
	g.GID = s.GID
	h.accounts.groups.set(*g)
	// groupmod takes along the users whose primary group it is.
	h.accounts.users.apart()
	for _, u := range h.accounts.users.all() {
		if was != host.UnknownID && u.GID == was {
			u.GID = s.GID
			h.accounts.users.set(u)
		}
	}
	h.unnameID(kindGroup, was, s.Name)
	h.nameID(kindGroup, s.GID, s.Name)
	return nil
}

func (h *Host) deleteGroup(name string) error {
	g := h.groupAt(name)
	if g == nil {
		return h.noGroup(name)
	}
	if u := h.primaryOf(g); u != "" {
		return fmt.Errorf("it is the primary group of user %s", u)
	}
	gid := g.GID
	h.dropGroup(name)
	h.unnameID(kindGroup, gid, name)
	return nil
}

// primaryOf names a user whose primary group it is, or is empty.
func (h *Host) primaryOf(g *host.Group) string {
	for _, u := range h.accounts.users.all() {
		if u.GID == g.GID && (g.GID != host.UnknownID || u.Name == g.Name) {
			return u.Name
		}
	}
	return ""
}

func (h *Host) dropGroup(name string) {
	h.accounts.groups.drop(name)
	delete(h.accounts.shadows, name)
}

func (h *Host) setMembers(s host.SetMembers) error {
	g := h.groupAt(s.Group)
	if g == nil {
		return h.noGroup(s.Group)
	}
	for _, m := range s.Members {
		if u, err := h.user(m); err != nil || u == nil {
			return cmp.Or(err, h.noUser(m))
		}
	}
	g.Members = sortedSet(s.Members)
	h.accounts.groups.set(*g)
	return h.editShadow(s.Group, func(s *host.GroupShadow) { s.Torn, s.Missing = nil, false })
}

// editShadow changes what gshadow says of a group. Where the base may not see it,
// it stays unknown.
func (h *Host) editShadow(group string, edit func(*host.GroupShadow)) error {
	s, err := h.groupShadow(group)
	switch {
	case host.IsUnknown(err):
		return nil
	case err != nil:
		return err
	case s == nil:
		return h.noGroup(group)
	}
	edit(s)
	h.accounts.shadows[group] = s
	return nil
}

func (h *Host) lockGroup(name string) error {
	if h.groupAt(name) == nil {
		return h.noGroup(name)
	}
	return h.editShadow(name, func(s *host.GroupShadow) { s.Password, s.Missing = host.PasswordLocked, false })
}

func (h *Host) setAdmins(s host.SetGroupAdmins) error {
	if h.groupAt(s.Group) == nil {
		return h.noGroup(s.Group)
	}
	for _, a := range s.Admins {
		if u, err := h.user(a); err != nil || u == nil {
			return cmp.Or(err, h.noUser(a))
		}
	}
	return h.editShadow(s.Group, func(g *host.GroupShadow) { g.Admins, g.Missing = sortedSet(s.Admins), false })
}

func (h *Host) nextGID(system bool) (int, error) {
	r, err := h.base.IDRanges()
	if err != nil {
		return 0, err
	}
	used := h.accounts.groups.numbers()
	if system {
		return host.NextID(r.SysGIDMin, r.SysGIDMax, true, used)
	}
	return host.NextID(r.GIDMin, r.GIDMax, false, used)
}

// leaveShadow takes somebody who is gone out of what gshadow says of a group.
func (h *Host) leaveShadow(group, user string) error {
	s, err := h.groupShadow(group)
	if host.IsUnknown(err) || err == nil && (s == nil || !slices.Contains(s.Admins, user) && !slices.Contains(s.Torn, user)) {
		return nil
	}
	if err != nil {
		return err
	}
	gone := func(m string) bool { return m == user }
	s.Admins, s.Torn = slices.DeleteFunc(s.Admins, gone), slices.DeleteFunc(s.Torn, gone)
	h.accounts.shadows[group] = s
	return nil
}
