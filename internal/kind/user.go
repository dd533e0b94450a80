package kind

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// account is what is declared of an account, be it a person's or a service's.
// Empty fields are not managed.
type account struct {
	name     string
	person   bool
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

	reserved, gids idSet // all ids that the spec declares, and those of groups
}

// declaredAccount is an account and where it is declared.
type declaredAccount struct {
	account
	pos  spec.Pos
	when spec.Conditions
}

// FirstLogins are the accounts that are to set a password at their first login.
func (in *Input) FirstLogins() []string { return in.withPassword(spec.PasswordSetAtFirstLogin) }

// SetByAdmin are the accounts whose password an administrator sets.
func (in *Input) SetByAdmin() []string { return in.withPassword(spec.PasswordSetByAdmin) }

func (in *Input) withPassword(rule spec.PasswordRule) []string {
	var out []string
	for _, p := range in.Passwords() {
		if p.Rule == rule {
			out = append(out, p.Name)
		}
	}
	return out
}

// Password is what is declared of an account's password, and where.
type Password struct {
	Name string
	Rule spec.PasswordRule
	Pos  spec.Pos
	When spec.Conditions
}

// Passwords are those that are managed: of service accounts, then of people.
func (in *Input) Passwords() []Password {
	var out []Password
	for _, a := range in.accounts() {
		if a.password != "" && !a.absent {
			out = append(out, Password{a.name, a.password, a.pos, a.when})
		}
	}
	return out
}

// accounts lists service accounts, then people.
func (in *Input) accounts() []declaredAccount {
	many := len(in.Backend.Users)
	if in.Roster != nil {
		many += len(in.Roster.Members)
	}
	out := make([]declaredAccount, 0, many)
	for _, name := range slices.Sorted(maps.Keys(in.Backend.Users)) {
		u := in.Backend.Users[name]
		out = append(out, declaredAccount{pos: u.Pos, when: u.When, account: account{
			name: name, absent: u.State == Absent, uid: u.UID, group: u.Group, groups: u.Groups,
			home: homeOf(name, u), homeMode: u.HomeMode, shell: u.Shell, comment: u.Comment,
			system: spec.Is(u.System), password: u.Password, reown: u.Reown,
		}})
	}
	if in.Roster == nil {
		return out
	}
	for _, m := range in.Roster.Members {
		a := account{
			name: m.Name, person: true, groups: m.Groups, home: "/home/" + m.Name, homeMode: m.HomeMode,
			shell: m.Shell, password: m.Password,
		}
		if m.Comment != "" {
			a.comment = &m.Comment
		}
		out = append(out, declaredAccount{pos: m.Pos, account: a})
	}
	return out
}

// Users is the kind user.
func Users() Kind {
	return Kind{
		Part:  spec.Part{Name: "user", Plural: "users", Is: "accounts", Sections: []string{"users"}},
		Stage: StageAccounts, Together: true, Declare: declareUsers, Adopt: adoptUsers, TakenOver: true,
	}
}

// declareUsers lists the accounts, and groups that go after the accounts whose
// primary groups they were.
func declareUsers(in *Input) []Resource {
	accounts := in.accounts()
	out := make([]Resource, 0, len(accounts))
	reserved, gids, lacking := in.reserved(), in.othersGIDs(""), in.verifiedGroups()
	for _, a := range accounts {
		a.reserved, a.gids = reserved, gids
		if in.Backend.Groups[a.name] != nil {
			a.gids = in.othersGIDs(a.name)
		}
		res := userResource(in, a.account, a.pos, a.when)
		res.Looker = userLook{account: a.account, lacking: lacking, above: in.modesAbove(a.home)}
		out = append(out, res)
	}
	return append(out, goneGroups(in)...)
}

// userResource is an account's, without what looks at it.
func userResource(in *Input, a account, pos spec.Pos, when spec.Conditions) Resource {
	var needs []change.ID
	for _, g := range append([]string{a.group}, a.groups...) {
		if g != a.name {
			needs = append(needs, in.NeedGroup(g)...)
		}
	}
	if _, ok := in.Backend.Groups[a.name]; ok {
		needs = append(needs, change.ID{Kind: "group", Name: a.name})
	}
	needs = slices.DeleteFunc(needs, func(id change.ID) bool { return id.Kind == "user" })
	return Resource{ID: change.ID{Kind: "user", Name: a.name}, Pos: pos, When: when, Needs: needs}
}

// ServiceAccount looks at an account of opsafe's own, into which nobody can log in.
func (in *Input) ServiceAccount(name string, absent bool) Looker {
	a := account{name: name, absent: absent, home: "/nonexistent", shell: debian.NoLogin, system: true}
	a.reserved, a.gids = in.reserved(), in.othersGIDs(name)
	return userLook{account: a, lacking: in.verifiedGroups()}
}

type userLook struct {
	account
	// lacking are groups that a package brings which this backend only verifies: the
	// account does without them, and says so.
	lacking map[string]string
	above   map[string]host.Mode // of the declared directories above its home
}

func (l userLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	c, err := l.look(ctx, r)
	if err != nil {
		return c, err
	}
	if l.group == "" {
		err = HeedStrays(r, &c, l.name, "passwd", "shadow", "group", "gshadow")
	} else {
		err = HeedStrays(r, &c, l.name, "passwd", "shadow")
	}
	return c, err
}

func (l userLook) look(ctx context.Context, r host.Reader) (change.Change, error) {
	u, err := r.User(l.name)
	if err != nil {
		return change.Change{}, err
	}
	var c change.Change
	switch {
	case u != nil && u.Source != "":
		return c, elsewhere("account", l.name, u.UID, u.Source)
	case l.absent && u == nil:
		return c, nil
	case l.absent:
		return l.remove(r, u), host.UserGoesAlone(r, l.name)
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
	return c, l.lookReown(ctx, r, u, &c)
}

func (l userLook) remove(r host.Reader, u *host.User) change.Change {
	c := change.Change{Action: change.Remove}
	c.Differ("uid", idText(u.UID), "")
	if n := running(r, l.name); n > 0 && u.UID > 0 {
		// Userdel refuses to remove an account that has processes.
		c.Differ("running", words.Count(n, "process"), "ended")
		c.Steps = append(c.Steps, host.EndSessions{User: l.name})
	}
	c.Steps = append(c.Steps, host.DeleteUser{Name: l.name})
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
	var groups []string
	for _, g := range l.groups {
		got, err := r.Group(g)
		switch pkg := l.lacking[g]; {
		case err != nil:
			return err
		case got == nil && pkg != "":
			c.Notes = append(c.Notes, fmt.Sprintf("not in group %s, which %s brings: the package is missing, and this backend only verifies packages", g, pkg))
		case got == nil:
			return Missing("group "+g, "cannot join group %s: there is no such group on this host: if a package brings it, say so with groups under provides of that package; else declare it under groups", g)
		default:
			groups = append(groups, g)
		}
	}
	step.Groups = groups
	if step.Group == "" {
		own, err := r.Group(l.name)
		if err != nil {
			return err
		}
		if own != nil {
			step.Group = l.name
			if err := completeGroup(r, l.name, c); err != nil {
				return err
			}
		}
	}
	var err error
	if step.UID, err = l.freeUID(r); err != nil {
		return err
	}
	if step.Group == "" {
		if step.GID, err = l.ownGID(r, step.UID); err != nil {
			return err
		}
	}
	c.Action = change.Add
	if s, err := r.Strays(); err == nil && slices.Contains(s.Shadow, l.name) {
		c.Differ("line in /etc/shadow", "there without an account", "made anew, locked")
		lose(c, "what that line of /etc/shadow holds is not kept")
	}
	if step.Group == "" {
		takeOver(r, l.name, c)
	}
	c.FreshID("uid", step.UID)
	c.Fresh("group", step.Group, "groups", strings.Join(step.Groups, ", "), "home", l.home, "shell", step.Shell, "comment", step.Comment)
	c.Steps = append(c.Steps, step)
	return nil
}

func (l userLook) correct(r host.Reader, u *host.User, c *change.Change) error {
	if err := l.personal(r, u); err != nil {
		return err
	}
	if err := completeAccount(r, u, c); err != nil {
		return err
	}
	completed := len(c.Attrs)
	step := host.SetUser{Name: l.name}
	if l.uid != nil && *l.uid != u.UID {
		if _, err := l.freeUID(r); err != nil {
			return err
		}
		step.UID = l.uid
		c.Differ("uid", idText(u.UID), idText(*l.uid))
		if len(l.reown) == 0 {
			c.Notes = append(c.Notes, fmt.Sprintf("files that belong to uid %d keep it; list directories under reown to have them given to %s", u.UID, l.name))
		}
	}
	if l.group != "" {
		have, err := GroupOfGID(r, u.GID)
		if err != nil {
			return err
		}
		if c.Differ("group", have, l.group) {
			step.Group = &l.group
		}
	}
	if l.home != "" && c.Differ("home", u.Home, l.home) {
		step.Home = &l.home
	}
	if l.shell != "" && c.Differ("shell", u.Shell, l.shell) {
		step.Shell = &l.shell
	}
	if l.comment != nil && c.Differ("comment", u.Comment, *l.comment) {
		step.Comment = l.comment
	}
	if len(c.Attrs) > completed {
		if n := running(r, l.name); n > 0 && (step.UID != nil || step.Home != nil) {
			return fmt.Errorf("usermod changes neither uid nor home of an account that has processes, and it has %d: stop what runs as %s first, see ps -u %s", n, l.name, l.name)
		}
		c.Action = change.Modify
		c.Steps = append(c.Steps, step)
	}
	return nil
}

// running counts an account's processes, as far as they can be seen.
func running(r host.Reader, name string) int {
	t, err := r.Traces(name)
	if err != nil {
		return 0 // the tool will tell
	}
	return t.Processes
}

// personal refuses to make a system account of the host a person's.
func (l userLook) personal(r host.Reader, u *host.User) error {
	if !l.person {
		return nil
	}
	ranges, err := r.IDRanges()
	if err != nil {
		return err
	}
	if u.UID < ranges.UIDMin {
		return fmt.Errorf("%s is a system account on this host (uid %d), not a person's: correct the name in developers.yaml", l.name, u.UID)
	}
	return nil
}

// GroupOfGID is the name of a group, or # and its number if it has none.
func GroupOfGID(r host.Reader, gid int) (string, error) {
	g, err := r.GroupByID(gid)
	if err != nil {
		return "", err
	}
	if g == nil {
		return fmt.Sprintf("#%d", gid), nil
	}
	return g.Name, nil
}
