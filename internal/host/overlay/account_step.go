package overlay

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// doAccount covers the steps on users and groups. It refuses one that writes a
// database which cannot be replaced.
func (h *Host) doAccount(s host.AccountStep) error {
	if err := h.databases(s); err != nil {
		return err
	}
	switch s := s.(type) {
	case host.AddGroup:
		return h.byTool("add group "+s.Name, func() error { return h.addGroup(s) })
	case host.SetGID:
		return h.byTool("change the gid of group "+s.Name, func() error { return h.setGID(s) })
	case host.DeleteGroup:
		return h.byTool("delete group "+s.Name, func() error { return h.deleteGroup(s.Name) })
	case host.SetMembers:
		return h.byTool("set the members of group "+s.Group, func() error { return h.setMembers(s) })
	case host.LockGroup:
		return h.byTool("lock the password of group "+s.Group, func() error { return h.lockGroup(s.Group) })
	case host.SetGroupAdmins:
		return h.byTool("set the administrators of group "+s.Group, func() error { return h.setAdmins(s) })
	case host.AddUser:
		return h.byTool("add user "+s.Name, func() error { return h.addUser(s) })
	case host.AddUsers:
		return eachOf(s.Users, func(u host.AddUser) error { return h.doAccount(u) })
	case host.SetUser:
		return h.byTool("change user "+s.Name, func() error { return h.setUser(s) })
	case host.DeleteUser:
		return h.byTool("delete user "+s.Name, func() error { return h.deleteUser(s.Name) })
	case host.SetPassword:
		return wrap("change the password of "+s.User, h.setPassword(s))
	case host.SetExpiry:
		return wrap("set the expiry of "+s.User, h.setExpiry(s))
	case host.SetPasswordChanged:
		return wrap("set the day of the last change of "+s.User, h.setPasswordChanged(s))
	case host.AddShadowLine:
		return wrap("add a line of shadow for "+s.User, h.addShadowLine(s.User))
	case host.EndSessions:
		return wrap("end the sessions of "+s.User, h.mark(h.ended, s.User, true))
	case host.SetLinger:
		return wrap("set linger of "+s.User, h.mark(h.linger, s.User, s.On))
	}
	return errNoStep
}

// eachOf does several steps, one after another.
func eachOf[S any](steps []S, do func(S) error) error {
	for _, s := range steps {
		if err := do(s); err != nil {
			return err
		}
	}
	return nil
}

// byTool edits the databases as an account tool does, which clears stale locks.
func (h *Host) byTool(doing string, do func() error) error {
	if err := h.copyAccounts(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return wrap(doing, err)
	}
	s, err := h.straysNow()
	if host.IsUnknown(err) {
		return nil
	}
	s.Locks = nil
	h.accounts.strays = &s
	return err
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s: %w", doing, err)
}

func (h *Host) uidFree(uid int) error {
	if uid == host.UnknownID {
		return nil
	}
	if uid < 0 {
		return fmt.Errorf("uid %d is not a valid id", uid)
	}
	if u := h.accounts.users.numbered(uid); u != nil {
		return fmt.Errorf("uid %d is taken by user %s", uid, u.Name)
	}
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
			return h.noGroup(g)
		}
	}
	gid, err := h.primaryFor(s)
	if err != nil {
		return err
	}
	h.accounts.users.add(host.User{
		Name: s.Name, UID: s.UID, GID: gid, Comment: s.Comment, Home: s.Home, Shell: s.Shell,
	})
	for _, name := range s.Groups {
		g := h.groupAt(name)
		at, is := slices.BinarySearch(g.Members, s.Name)
		switch {
		case is:
			continue
		case at == len(g.Members): // whoever has read the members does not see beyond them
			g.Members = append(g.Members, s.Name)
		default:
			g.Members = slices.Insert(slices.Clip(g.Members), at, s.Name)
		}
		h.accounts.groups.set(*g)
	}
	h.accounts.passwords[s.Name] = &host.Password{State: host.PasswordLocked, Expires: -1}
	if err := h.editStrays(func(now *host.Strays) { now.Shadow = without(now.Shadow, s.Name) }); err != nil {
		return err
	}
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
			return 0, cmp.Or(err, h.noGroup(s.Group))
		}
		return g.GID, nil
	}
	if g := h.groupAt(s.Name); g != nil {
		return g.GID, nil
	}
	gid := s.GID
	if gid == 0 {
		gid = s.UID
	}
	if gid == host.UnknownID {
		return gid, h.addGroup(host.AddGroup{Name: s.Name, GID: gid, System: s.System})
	}
	if h.gidFree(gid) != nil {
		var err error
		if gid, err = h.nextGID(s.System); err != nil {
			return 0, err
		}
	}
	return gid, h.addGroup(host.AddGroup{Name: s.Name, GID: gid, System: s.System})
}

// editStrays forgets lines that a new account or group takes over. Where the base may
// not see them, they stay unknown.
func (h *Host) editStrays(edit func(*host.Strays)) error {
	s, err := h.straysNow()
	if host.IsUnknown(err) {
		return nil
	}
	edit(&s)
	h.accounts.strays = &s
	return err
}

// without is a copy of names that lacks one.
func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

func (h *Host) setUser(s host.SetUser) error {
	u := h.userAt(s.Name)
	if u == nil {
		return h.noUser(s.Name)
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
			return h.noGroup(*s.Group)
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
	h.accounts.users.apart()
	h.accounts.users.set(next)
	if was != next.UID {
		h.unnameID(kindUser, was, s.Name)
		h.nameID(kindUser, next.UID, s.Name)
	}
	return nil
}

func (h *Host) deleteUser(name string) error {
	u := h.userAt(name)
	if u == nil {
		return h.noUser(name)
	}
	gone := *u
	h.accounts.users.drop(name)
	for _, g := range h.accounts.groups.all() {
		if slices.Contains(g.Members, name) {
			g.Members = slices.DeleteFunc(slices.Clone(g.Members), func(m string) bool { return m == name })
			h.accounts.groups.set(g)
		}
		if err := h.leaveShadow(g.Name, name); err != nil {
			return err
		}
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

func (h *Host) noUser(name string) error { return h.nobody("user " + name) }

func (h *Host) noGroup(name string) error { return h.nobody("group " + name) }

// nobody is the error for an account that is missing. Packages whose accounts are not
// all known may bring it.
func (h *Host) nobody(what string) error {
	if names := h.awaited(); len(names) > 0 {
		return afterApply("whether there is "+what, strings.Join(names, ", ")+" may bring it: say so under provides of the package")
	}
	return errors.New("there is no " + what)
}
