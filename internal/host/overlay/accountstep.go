package overlay

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"opsafe/internal/host"
)

func (h *Host) doAccount(_ context.Context, s host.Step) (bool, error) {
	var do func() error
	switch s := s.(type) {
	case host.AddGroup:
		do = func() error { return wrap("add group "+s.Name, h.addGroup(s)) }
	case host.SetGID:
		do = func() error { return wrap("change the gid of group "+s.Name, h.setGID(s)) }
	case host.DeleteGroup:
		do = func() error { return wrap("delete group "+s.Name, h.deleteGroup(s.Name)) }
	case host.SetMembers:
		do = func() error { return wrap("set the members of group "+s.Group, h.setMembers(s)) }
	case host.AddUser:
		do = func() error { return wrap("add user "+s.Name, h.addUser(s)) }
	case host.SetUser:
		do = func() error { return wrap("change user "+s.Name, h.setUser(s)) }
	case host.DeleteUser:
		do = func() error { return wrap("delete user "+s.Name, h.deleteUser(s.Name)) }
	default:
		return false, nil
	}
	if err := h.copyAccounts(); err != nil {
		return true, err
	}
	return true, do()
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s: %w", doing, err)
}

func (h *Host) addGroup(s host.AddGroup) error {
	if h.groupAt(s.Name) != nil {
		return fmt.Errorf("a group %s exists", s.Name)
	}
	if err := h.gidFree(s.GID); err != nil {
		return err
	}
	h.accounts.groups = append(h.accounts.groups, host.Group{Name: s.Name, GID: s.GID})
	h.nameID(kindGroup, s.GID, s.Name)
	return nil
}

func (h *Host) gidFree(gid int) error {
	if gid < 0 {
		return fmt.Errorf("gid %d is not a valid id", gid)
	}
	for _, g := range h.accounts.groups {
		if g.GID == gid {
			return fmt.Errorf("gid %d is taken by group %s", gid, g.Name)
		}
	}
	return nil
}

func (h *Host) uidFree(uid int) error {
	if uid < 0 {
		return fmt.Errorf("uid %d is not a valid id", uid)
	}
	for _, u := range h.accounts.users {
		if u.UID == uid {
			return fmt.Errorf("uid %d is taken by user %s", uid, u.Name)
		}
	}
	return nil
}

func (h *Host) setGID(s host.SetGID) error {
	g := h.groupAt(s.Name)
	if g == nil {
		return noGroup(s.Name)
	}
	if g.GID == s.GID {
		return nil
	}
	if err := h.gidFree(s.GID); err != nil {
		return err
	}
	was := g.GID
	g.GID = s.GID
	// groupmod takes along the users whose primary group it is.
	for i := range h.accounts.users {
		if u := &h.accounts.users[i]; was != host.UnknownID && u.GID == was {
			u.GID = s.GID
		}
	}
	h.unnameID(kindGroup, was, s.Name)
	h.nameID(kindGroup, s.GID, s.Name)
	return nil
}

func (h *Host) deleteGroup(name string) error {
	g := h.groupAt(name)
	if g == nil {
		return noGroup(name)
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
	for _, u := range h.accounts.users {
		if u.GID == g.GID && (g.GID != host.UnknownID || u.Name == g.Name) {
			return u.Name
		}
	}
	return ""
}

func (h *Host) dropGroup(name string) {
	h.accounts.groups = slices.DeleteFunc(h.accounts.groups, func(g host.Group) bool { return g.Name == name })
}

func (h *Host) setMembers(s host.SetMembers) error {
	g := h.groupAt(s.Group)
	if g == nil {
		return noGroup(s.Group)
	}
	for _, m := range s.Members {
		if u, err := h.user(m); err != nil || u == nil {
			return cmp.Or(err, noUser(m))
		}
	}
	g.Members = sortedSet(s.Members)
	return nil
}

func sortedSet(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}

func (h *Host) addUser(s host.AddUser) error {
	if h.userAt(s.Name) != nil {
		return fmt.Errorf("a user %s exists", s.Name)
	}
	if err := h.uidFree(s.UID); err != nil {
		return err
	}
	for _, g := range s.Groups {
		if h.groupAt(g) == nil {
			return noGroup(g)
		}
	}
	gid, err := h.primaryFor(s)
	if err != nil {
		return err
	}
	h.accounts.users = append(h.accounts.users, host.User{
		Name: s.Name, UID: s.UID, GID: gid, Comment: s.Comment, Home: s.Home, Shell: s.Shell,
	})
	for _, name := range s.Groups {
		g := h.groupAt(name)
		g.Members = sortedSet(append(g.Members, s.Name))
	}
	h.accounts.passwords[s.Name] = &host.Password{State: host.PasswordLocked, Expires: -1}
	h.nameID(kindUser, s.UID, s.Name)
	return nil
}

// primaryFor finds the primary group of a new user: the one that is named, else
// one of the user's name, which is made, with the same id if that is free,
// unless it is there.
func (h *Host) primaryFor(s host.AddUser) (int, error) {
	if s.Group != "" {
		g, err := h.group(s.Group)
		if err != nil || g == nil {
			return 0, cmp.Or(err, noGroup(s.Group))
		}
		return g.GID, nil
	}
	if g := h.groupAt(s.Name); g != nil {
		return g.GID, nil
	}
	gid := s.UID
	if h.gidFree(gid) != nil {
		var err error
		if gid, err = h.nextGID(s.System); err != nil {
			return 0, err
		}
	}
	return gid, h.addGroup(host.AddGroup{Name: s.Name, GID: gid, System: s.System})
}

func (h *Host) nextGID(system bool) (int, error) {
	r, err := h.base.IDRanges()
	if err != nil {
		return 0, err
	}
	used := make([]int, 0, len(h.accounts.groups))
	for _, g := range h.accounts.groups {
		used = append(used, g.GID)
	}
	if system {
		return host.NextID(used, r.SysGIDMin, r.SysGIDMax, true)
	}
	return host.NextID(used, r.GIDMin, r.GIDMax, false)
}

func (h *Host) setUser(s host.SetUser) error {
	u := h.userAt(s.Name)
	if u == nil {
		return noUser(s.Name)
	}
	next := *u
	if s.UID != nil && *s.UID != u.UID {
		if err := h.uidFree(*s.UID); err != nil {
			return err
		}
		next.UID = *s.UID
	}
	if s.Group != nil {
		g := h.groupAt(*s.Group)
		if g == nil {
			return noGroup(*s.Group)
		}
		next.GID = g.GID
	}
	for _, f := range []struct {
		to   *string
		from *string
	}{{&next.Home, s.Home}, {&next.Shell, s.Shell}, {&next.Comment, s.Comment}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	was := u.UID
	*u = next
	if was != next.UID {
		h.unnameID(kindUser, was, s.Name)
		h.nameID(kindUser, next.UID, s.Name)
	}
	return nil
}

func (h *Host) deleteUser(name string) error {
	u := h.userAt(name)
	if u == nil {
		return noUser(name)
	}
	gone := *u
	h.accounts.users = slices.DeleteFunc(h.accounts.users, func(u host.User) bool { return u.Name == name })
	for i := range h.accounts.groups {
		g := &h.accounts.groups[i]
		g.Members = slices.DeleteFunc(g.Members, func(m string) bool { return m == name })
	}
	// userdel takes the user's own group along when nobody else needs it.
	if g := h.groupAt(name); g != nil && g.GID == gone.GID && len(g.Members) == 0 && h.primaryOf(g) == "" {
		gid := g.GID
		h.dropGroup(name)
		h.unnameID(kindGroup, gid, name)
	}
	delete(h.accounts.passwords, name)
	h.unnameID(kindUser, gone.UID, name)
	return nil
}

func noUser(name string) error { return fmt.Errorf("there is no user %s", name) }

func noGroup(name string) error { return fmt.Errorf("there is no group %s", name) }
