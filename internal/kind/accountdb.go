package kind

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// idSet are ids that somebody else is to have.
type idSet map[int]bool

// reserved are all ids that the spec declares, also of what is not selected, does
// not apply today or has failed: whoever got one of them would keep it for ever, and
// with it the files that belong to it.
func (in *Input) reserved() idSet {
	ids := idSet{}
	for _, u := range in.Backend.Users {
		if u.UID != nil {
			ids[*u.UID] = true
		}
	}
	for _, g := range in.Backend.Groups {
		if g.GID != nil {
			ids[*g.GID] = true
		}
	}
	return ids
}

// HeedStrays refuses what account tools would refuse, and says what they do besides.
// Files are the databases that a change of the name would be made in.
func HeedStrays(r host.Reader, c *change.Change, name string, files ...string) error {
	s, err := r.Strays()
	if host.IsUnknown(err) {
		return nil // who may not see it cannot change it either
	}
	if err != nil {
		return err
	}
	changes := slices.ContainsFunc(c.Steps, byAccountTool)
	for _, line := range s.Twice {
		if line.Name != name || !slices.Contains(files, path.Base(line.File)) {
			continue
		}
		if changes {
			return fmt.Errorf("%s has several lines for %s, and no account tool changes what has: leave the one that is to count, with %s", line.File, name, EditorOf(line.File))
		}
		c.Notes = append(c.Notes, fmt.Sprintf("%s has several lines for %s, of which the first counts: take the others out, with %s", line.File, name, EditorOf(line.File)))
	}
	for _, lock := range s.Locks {
		if changes {
			c.Notes = append(c.Notes, lock+" has outlived the account tool that made it, and is removed")
		}
	}
	return nil
}

// takeOver says that a new group is made anew in gshadow, which has a line of its name.
func takeOver(r host.Reader, group string, c *change.Change) {
	if s, err := r.Strays(); err == nil && slices.Contains(s.GShadow, group) {
		c.Differ("line of "+group+" in /etc/gshadow", "there without a group", "made anew, locked")
		lose(c, "what that line of /etc/gshadow holds is not kept")
	}
}

// EditorOf is the command that edits an account database under its lock.
func EditorOf(file string) string {
	return map[string]string{"passwd": "vipw", "shadow": "vipw -s", "group": "vigr", "gshadow": "vigr -s"}[path.Base(file)]
}

func byAccountTool(s host.Step) bool {
	switch s.(type) {
	case host.EndSessions, host.SetLinger:
		return false
	case host.AccountStep:
		return true
	default:
		return false
	}
}

// sealGroup leaves a group to its members: nobody becomes one with a password, or
// makes others one as an administrator whom nothing declares. Members are those that
// it is to have: gshadow has to know the same, since newgrp and sg go by that.
func sealGroup(r host.Reader, name string, members []string, c *change.Change) error {
	s, err := r.GroupShadow(name)
	if host.IsUnknown(err) {
		c.Notes = append(c.Notes, "whether it has a password, or administrators, cannot be told: "+err.Error())
		return nil
	}
	if err != nil || s == nil {
		return err
	}
	had := len(c.Steps)
	torn := slices.ContainsFunc(s.Torn, func(m string) bool { return slices.Contains(members, m) })
	if torn && !slices.ContainsFunc(c.Steps, func(s host.Step) bool { _, ok := s.(host.SetMembers); return ok }) {
		for _, m := range s.Torn {
			c.Attrs = append(c.Attrs, change.Attr{Name: "member", Before: change.Text(m + ", in one of group and gshadow"), After: change.Text(m)})
		}
		c.Steps = append(c.Steps, host.SetMembers{Group: name, Members: members})
	}
	lockGroup(name, s, c)
	if len(s.Admins) > 0 {
		for _, a := range s.Admins {
			c.Attrs = append(c.Attrs, change.Attr{Name: "administrator", Before: change.Text(a)})
		}
		c.Steps = append(c.Steps, host.SetGroupAdmins{Group: name})
	}
	if len(c.Steps) > had {
		c.Action = cmp.Or(c.Action, change.Modify)
	}
	return nil
}

// lockGroup removes a group's password, and adds the line that gshadow may lack.
func lockGroup(name string, s *host.GroupShadow, c *change.Change) {
	switch {
	case s.Missing:
		c.Attrs = append(c.Attrs, change.Attr{Name: "line of " + name + " in /etc/gshadow", After: change.Text("added, locked")})
		c.Irreversible = lineStays
	case s.Password != host.PasswordLocked:
		c.Differ("password", string(s.Password), string(host.PasswordLocked))
		if s.Password == host.PasswordSet {
			lose(c, "the password of a group is not kept")
		}
	default:
		return
	}
	c.Action = cmp.Or(c.Action, change.Modify)
	c.Steps = append(c.Steps, host.LockGroup{Group: name})
}

// lineStays says what undo does about a line that was missing.
const lineStays = "a line that was missing stays: it lets nobody in"

// completeAccount adds the lines of shadow and gshadow that an account and its own
// group lack: so a tool leaves them that was killed between the files, and one that
// writes passwd alone. Nobody gets in by them.
func completeAccount(r host.Reader, u *host.User, c *change.Change) error {
	p, err := r.Password(u.Name)
	if err != nil && !host.IsUnknown(err) {
		return err
	}
	if err == nil && p != nil && p.Missing {
		c.Action = cmp.Or(c.Action, change.Modify)
		c.Attrs = append(c.Attrs, change.Attr{Name: "line in /etc/shadow", After: change.Text("added, locked")})
		c.Irreversible = lineStays
		c.Steps = append(c.Steps, host.AddShadowLine{User: u.Name})
	}
	g, err := r.GroupByID(u.GID)
	if err != nil || g == nil || g.Name != u.Name {
		return err
	}
	return completeGroup(r, u.Name, c)
}

// completeGroup adds the line that gshadow lacks of an account's own group.
func completeGroup(r host.Reader, name string, c *change.Change) error {
	s, err := r.GroupShadow(name)
	if host.IsUnknown(err) {
		return nil
	}
	if err == nil && s != nil && s.Missing {
		lockGroup(name, s, c)
	}
	return err
}

// ownGID is the number of the group of its own that a new account gets: the same as
// the account's, unless another group has it, or is to have it.
func (l userLook) ownGID(r host.Reader, uid int) (int, error) {
	if uid == host.UnknownID {
		return uid, nil
	}
	g, err := r.GroupByID(uid)
	if err != nil {
		return 0, err
	}
	if g == nil && !l.gids[uid] {
		return uid, nil
	}
	ranges, err := r.IDRanges()
	if err != nil {
		return 0, err
	}
	return nextGID(r, ranges, l.system, l.reserved)
}

// othersGIDs are those of the groups that the spec declares, but for one.
func (in *Input) othersGIDs(but string) idSet {
	ids := idSet{}
	for name, g := range in.Backend.Groups {
		if g.GID != nil && name != but {
			ids[*g.GID] = true
		}
	}
	return ids
}
