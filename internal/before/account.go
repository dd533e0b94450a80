package before

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// User is a line of passwd(5).
type User struct {
	Name string     `json:"name"`
	User *host.User `json:"user,omitempty"` // nil: there was none
	// Group is the name of the primary group, Groups are the others.
	Group  string   `json:"group,omitempty"`
	Groups []string `json:"groups,omitempty"`
}

func (u *User) subject() host.Subject { return host.Subject{Type: host.SubjectUser, Name: u.Name} }

func (u *User) String() string { return "account " + u.Name }

// state leaves out the other groups, which have images of their own.
func (u *User) state() any { return u.User }

func (u *User) restore(_ context.Context, r host.Reader) (change.Change, error) {
	have, err := r.User(u.Name)
	switch {
	case err != nil, u.User == nil && have == nil:
		return change.Change{}, err
	case u.User == nil:
		return removeUser(r, have), nil
	case have == nil:
		return u.add(r)
	}
	return u.correct(r, have)
}

func removeUser(r host.Reader, have *host.User) change.Change {
	c := change.Change{Action: change.Remove}
	differ(&c, "uid", strconv.Itoa(have.UID), "")
	if t, err := r.Traces(have.Name); err == nil && t.Processes > 0 && have.UID > 0 {
		// Userdel refuses to remove an account that has processes.
		differ(&c, "processes", strconv.Itoa(t.Processes), "ended")
		c.Steps = append(c.Steps, host.EndSessions{User: have.Name})
	}
	c.Steps = append(c.Steps, host.DeleteUser{Name: have.Name})
	return c
}

// add makes an account anew, with its old number.
func (u *User) add(r host.Reader) (change.Change, error) {
	c := change.Change{Action: change.Add, Irreversible: "its password is not kept: it is locked until a new one is set"}
	if taken, err := r.UserByID(u.User.UID); err != nil || taken != nil {
		if err == nil {
			err = fmt.Errorf("cannot bring account %s back: its uid %d belongs to %s now", u.Name, u.User.UID, taken.Name)
		}
		return change.Change{}, err
	}
	step := host.AddUser{
		Name: u.Name, UID: u.User.UID, Home: u.User.Home, Shell: u.User.Shell, Comment: u.User.Comment,
		// A uid below those of people is a system account's.
		System: systemUID(r, u.User.UID),
	}
	group, err := r.GroupByID(u.User.GID)
	if err != nil {
		return change.Change{}, err
	}
	switch {
	case group != nil:
		step.Group = group.Name
	case u.Group == u.Name && u.User.GID == u.User.UID:
		// It comes with a group of its own.
	default:
		return change.Change{}, fmt.Errorf("cannot bring account %s back: there is no group with its gid %d", u.Name, u.User.GID)
	}
	for _, name := range u.Groups {
		g, err := r.Group(name)
		if err != nil {
			return change.Change{}, err
		}
		if g == nil {
			c.Notes = append(c.Notes, "it cannot be in "+name+" again: there is no such group")
			continue
		}
		step.Groups = append(step.Groups, name)
	}
	differ(&c, "uid", "", strconv.Itoa(step.UID))
	differ(&c, "group", "", u.Group)
	differ(&c, "groups", "", strings.Join(step.Groups, ", "))
	differ(&c, "home", "", step.Home)
	differ(&c, "shell", "", step.Shell)
	differ(&c, "comment", "", step.Comment)
	c.Steps = []host.Step{step}
	return c, nil
}

func systemUID(r host.Reader, uid int) bool {
	ranges, err := r.IDRanges()
	return err == nil && uid < ranges.UIDMin
}

func (u *User) correct(r host.Reader, have *host.User) (change.Change, error) {
	c := change.Change{Action: change.Modify}
	s := host.SetUser{Name: u.Name}
	if differ(&c, "uid", strconv.Itoa(have.UID), strconv.Itoa(u.User.UID)) {
		s.UID = &u.User.UID
	}
	if have.GID != u.User.GID {
		g, err := r.GroupByID(u.User.GID)
		if err != nil {
			return change.Change{}, err
		}
		if g == nil {
			return change.Change{}, fmt.Errorf("cannot bring the primary group of %s back: there is no group with gid %d", u.Name, u.User.GID)
		}
		was, err := r.GroupByID(have.GID)
		if err != nil {
			return change.Change{}, err
		}
		before := "#" + strconv.Itoa(have.GID)
		if was != nil {
			before = was.Name
		}
		differ(&c, "group", before, g.Name)
		s.Group = &g.Name
	}
	if differ(&c, "home", have.Home, u.User.Home) {
		s.Home = &u.User.Home
	}
	if differ(&c, "shell", have.Shell, u.User.Shell) {
		s.Shell = &u.User.Shell
	}
	if differ(&c, "comment", have.Comment, u.User.Comment) {
		s.Comment = &u.User.Comment
	}
	if len(c.Attrs) == 0 {
		return change.Change{}, nil
	}
	c.Steps = []host.Step{s}
	return c, nil
}

// Group is a line of group(5).
type Group struct {
	Name  string      `json:"name"`
	Group *host.Group `json:"group,omitempty"` // nil: there was none
	// Shadow is what gshadow said of it; nil where that could not be seen.
	Shadow *host.GroupShadow `json:"shadow,omitempty"`
}

func takeGroup(r host.Reader, name string) (*Group, error) {
	g, err := r.Group(name)
	if err != nil || g == nil || g.Source != "" {
		return &Group{Name: name, Group: g}, err
	}
	s, err := r.GroupShadow(name)
	if host.IsUnknown(err) {
		s, err = nil, nil
	}
	return &Group{Name: name, Group: g, Shadow: s}, err
}

func (g *Group) subject() host.Subject { return host.Subject{Type: host.SubjectGroup, Name: g.Name} }

func (g *Group) String() string { return "group " + g.Name }

// state has the password and the administrators where there are any.
func (g *Group) state() any {
	if s := g.Shadow; s != nil && (s.Missing || s.Password != host.PasswordLocked || len(s.Admins)+len(s.Torn) > 0) {
		return struct {
			*host.Group
			Shadow *host.GroupShadow
		}{g.Group, s}
	}
	return g.Group
}

func (g *Group) restore(_ context.Context, r host.Reader) (change.Change, error) {
	have, err := r.Group(g.Name)
	switch {
	case err != nil, g.Group == nil && have == nil:
		return change.Change{}, err
	case g.Group == nil:
		c := change.Change{Action: change.Remove, Steps: []host.Step{host.DeleteGroup{Name: g.Name}}}
		differ(&c, "gid", strconv.Itoa(have.GID), "")
		g.members(&c, have.Members, nil)
		return c, nil
	}
	c := change.Change{Action: change.Modify}
	if have == nil {
		c.Action = change.Add
		have = &host.Group{Name: g.Name, GID: g.Group.GID}
		differ(&c, "gid", "", strconv.Itoa(g.Group.GID))
		c.Steps = append(c.Steps, host.AddGroup{Name: g.Name, GID: g.Group.GID})
	} else if differ(&c, "gid", strconv.Itoa(have.GID), strconv.Itoa(g.Group.GID)) {
		c.Steps = append(c.Steps, host.SetGID{Name: g.Name, GID: g.Group.GID})
	}
	members, err := present(r, g.Group.Members)
	if err != nil {
		return change.Change{}, err
	}
	if !slices.Equal(have.Members, members) {
		g.members(&c, have.Members, members)
		c.Steps = append(c.Steps, host.SetMembers{Group: g.Name, Members: members})
	}
	if err := g.shadow(r, &c); err != nil {
		return change.Change{}, err
	}
	if len(c.Steps) == 0 {
		return change.Change{Notes: c.Notes}, nil
	}
	return c, nil
}

// shadow brings back administrators who are accounts. A password that is gone stays
// gone, and a line that was missing stays.
func (g *Group) shadow(r host.Reader, c *change.Change) error {
	if g.Shadow == nil {
		return nil
	}
	have, err := r.GroupShadow(g.Name)
	if host.IsUnknown(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if have == nil {
		have = &host.GroupShadow{Password: host.PasswordLocked} // it is made anew
	}
	admins, err := present(r, g.Shadow.Admins)
	if err != nil {
		return err
	}
	if !slices.Equal(have.Admins, admins) {
		for _, a := range admins {
			if !slices.Contains(have.Admins, a) {
				differ(c, "administrator", "", a)
			}
		}
		for _, a := range have.Admins {
			if !slices.Contains(admins, a) {
				differ(c, "administrator", a, "")
			}
		}
		c.Steps = append(c.Steps, host.SetGroupAdmins{Group: g.Name, Admins: admins})
	}
	switch was := g.Shadow.Password; {
	case g.Shadow.Missing && !have.Missing:
		c.Notes = append(c.Notes, "the line of "+g.Name+" that /etc/gshadow lacked stays: it lets nobody in")
	case was == have.Password:
	case was == host.PasswordLocked:
		differ(c, "password", string(have.Password), string(was))
		c.Steps = append(c.Steps, host.LockGroup{Group: g.Name})
	case was == host.PasswordSet:
		c.Notes = append(c.Notes, "the password of group "+g.Name+" is gone and cannot come back: if it was meant, set one with gpasswd "+g.Name)
	}
	return nil
}

func (g *Group) members(c *change.Change, have, want []string) {
	for _, m := range want {
		if !slices.Contains(have, m) {
			differ(c, "member", "", m)
		}
	}
	for _, m := range have {
		if !slices.Contains(want, m) {
			differ(c, "member", m, "")
		}
	}
}

// present are those of some names that are accounts.
func present(r host.Reader, names []string) ([]string, error) {
	var there []string
	for _, name := range names {
		u, err := r.User(name)
		if err != nil {
			return nil, err
		}
		if u != nil {
			there = append(there, name)
		}
	}
	return there, nil
}
