package kind

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// account is what is declared of an account, be it a person's or a service's.
// Empty fields are not managed.
type account struct {
	name     string
	absent   bool
	uid      *int
	group    string // primary; "": one of its own
	groups   []string
	home     string
	homeMode string
	shell    string
	comment  *string
	system   bool
	password spec.PasswordRule
	reown    []string
}

// declareUsers lists service accounts, then people.
func declareUsers(in *Input) []Resource {
	var out []Resource
	for _, name := range slices.Sorted(maps.Keys(in.Backend.Users)) {
		u := in.Backend.Users[name]
		a := account{
			name: name, absent: u.State == stateAbsent, uid: u.UID, group: u.Group, groups: u.Groups,
			home: homeOf(name, u), homeMode: u.HomeMode, shell: u.Shell, comment: u.Comment,
			system: spec.Is(u.System), password: u.Password, reown: u.Reown,
		}
		out = append(out, userResource(in, a, u.Pos, u.When))
	}
	if in.Roster == nil {
		return out
	}
	for _, m := range in.Roster.Members {
		a := account{
			name: m.Name, groups: m.Groups, home: "/home/" + m.Name, homeMode: m.HomeMode,
			shell: m.Shell, password: m.Password,
		}
		if m.Comment != "" {
			a.comment = &m.Comment
		}
		out = append(out, userResource(in, a, m.Pos, nil))
	}
	return out
}

func userResource(in *Input, a account, pos spec.Pos, when spec.Conditions) Resource {
	var needs []change.ID
	for _, g := range append([]string{a.group}, a.groups...) {
		if g != a.name {
			needs = append(needs, in.needGroup(g)...)
		}
	}
	if _, ok := in.Backend.Groups[a.name]; ok {
		needs = append(needs, change.ID{Kind: "group", Name: a.name})
	}
	needs = slices.DeleteFunc(needs, func(id change.ID) bool { return id.Kind == "user" })
	return Resource{ID: change.ID{Kind: "user", Name: a.name}, Pos: pos, When: when, Needs: needs, Looker: userLook{a}}
}

type userLook struct{ account }

func (l userLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	u, err := r.User(l.name)
	if err != nil {
		return change.Change{}, err
	}
	var c change.Change
	switch {
	case l.absent && u == nil:
		return c, nil
	case l.absent:
		return l.remove(u), nil
	case u == nil:
		err = l.add(r, &c)
	default:
		err = l.correct(r, u, &c)
	}
	if err != nil {
		return c, err
	}
	if err := l.lookHome(r, u, &c); err != nil {
		return c, err
	}
	if err := l.lookPassword(r, u, &c); err != nil {
		return c, err
	}
	return c, l.lookReown(ctx, r, u, &c)
}

func (l userLook) remove(u *host.User) change.Change {
	c := change.Change{Action: change.Remove, Steps: []host.Step{host.DeleteUser{Name: l.name, Was: *u}}}
	differ(&c, "uid", idText(u.UID), "")
	c.Notes = append(c.Notes, fmt.Sprintf("its home %s stays, and belongs to nobody", u.Home))
	return c
}

func (l userLook) add(r host.Reader, c *change.Change) error {
	step := host.AddUser{
		Name: l.name, Group: l.group, Groups: l.groups, Home: l.home,
		Shell: cmp.Or(l.shell, "/bin/sh"), System: l.system,
	}
	if l.comment != nil {
		step.Comment = *l.comment
	}
	for _, g := range l.groups {
		if got, err := r.Group(g); err != nil {
			return err
		} else if got == nil {
			return fmt.Errorf("cannot join group %s: there is no such group on this host", g)
		}
	}
	if step.Group == "" {
		own, err := r.Group(l.name)
		if err != nil {
			return err
		}
		if own != nil {
			step.Group = l.name
		}
	}
	var err error
	if step.UID, err = l.freeUID(r); err != nil {
		return err
	}
	c.Action = change.Add
	fresh(c, "uid", idText(step.UID), "group", step.Group, "groups", list(l.groups), "home", l.home, "shell", step.Shell, "comment", step.Comment)
	c.Steps = append(c.Steps, step)
	return nil
}

// freeUID is the declared uid, if nobody has it, or the next that is free both
// as uid and as gid, so that an own group has the same number.
func (l userLook) freeUID(r host.Reader) (int, error) {
	users, err := r.Users()
	if err != nil {
		return 0, err
	}
	var used []int
	for _, u := range users {
		if l.uid != nil && u.UID == *l.uid {
			return 0, fmt.Errorf("uid %d is taken by %s", u.UID, u.Name)
		}
		used = append(used, u.UID)
	}
	if l.uid != nil {
		return *l.uid, nil
	}
	groups, err := r.Groups()
	if err != nil {
		return 0, err
	}
	for _, g := range groups {
		used = append(used, g.GID)
	}
	ranges, err := r.IDRanges()
	if err != nil {
		return 0, err
	}
	if l.system {
		return host.NextID(used, ranges.SysUIDMin, ranges.SysUIDMax, true)
	}
	return host.NextID(used, ranges.UIDMin, ranges.UIDMax, false)
}

func (l userLook) correct(r host.Reader, u *host.User, c *change.Change) error {
	step := host.SetUser{Name: l.name, Was: *u}
	if l.uid != nil && *l.uid != u.UID {
		if _, err := l.freeUID(r); err != nil {
			return err
		}
		step.UID = l.uid
		differ(c, "uid", idText(u.UID), idText(*l.uid))
		if len(l.reown) == 0 {
			c.Notes = append(c.Notes, fmt.Sprintf("files that belong to uid %d keep it; list directories under reown to have them given to %s", u.UID, l.name))
		}
	}
	if l.group != "" {
		have, err := groupOfGID(r, u.GID)
		if err != nil {
			return err
		}
		if differ(c, "group", have, l.group) {
			step.Group = &l.group
		}
	}
	if l.home != "" && differ(c, "home", u.Home, l.home) {
		step.Home = &l.home
	}
	if l.shell != "" && differ(c, "shell", u.Shell, l.shell) {
		step.Shell = &l.shell
	}
	if l.comment != nil && differ(c, "comment", u.Comment, *l.comment) {
		step.Comment = l.comment
	}
	if len(c.Attrs) > 0 {
		c.Action = change.Modify
		c.Steps = append(c.Steps, step)
	}
	return nil
}

func groupOfGID(r host.Reader, gid int) (string, error) {
	g, err := r.GroupByID(gid)
	if err != nil {
		return "", err
	}
	if g == nil {
		return fmt.Sprintf("#%d", gid), nil
	}
	return g.Name, nil
}

// lookPassword brings the password field to the rule. A password that its owner
// has set satisfies set-at-first-login.
func (l userLook) lookPassword(r host.Reader, u *host.User, c *change.Change) error {
	if l.password == "" {
		return nil
	}
	was := host.Password{State: host.PasswordLocked, Expires: -1} // of a new account
	if u != nil {
		p, err := r.Password(l.name)
		if err != nil {
			return err
		}
		if p == nil {
			return fmt.Errorf("it has no line in /etc/shadow: run pwconv, then try again")
		}
		was = *p
	}
	var to host.PasswordChange
	switch l.password {
	case spec.PasswordLocked:
		if was.State == host.PasswordLocked {
			return nil
		}
		to = host.LockPassword
	case spec.PasswordSetAtFirstLogin:
		if was.State == host.PasswordLocked && was.HasHash {
			// Somebody locked it by hand: to take the lock off, and the
			// password with it, would let them in again.
			c.Notes = append(c.Notes, "its password is locked, by hand, and stays so: unlock it with passwd -u "+l.name)
			return nil
		}
		if was.State == host.PasswordSet || was.State == host.PasswordEmpty && was.MustChange {
			return nil
		}
		to = host.PasswordAtFirstLogin
	}
	before := string(was.State)
	if u == nil {
		before = ""
	}
	differ(c, "password", before, string(to))
	c.Action = cmp.Or(c.Action, change.Modify)
	c.Steps = append(c.Steps, host.SetPassword{User: l.name, To: to, Was: was})
	return nil
}
