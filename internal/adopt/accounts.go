package adopt

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// primary is the name of a user's primary group, if it is not one of the user's
// own.
func primary(r host.Accounts, u *host.User) (string, error) {
	g, err := r.GroupByID(u.GID)
	if err != nil || g == nil || g.Name == u.Name {
		return "", err
	}
	return g.Name, nil
}

// errNotUTF8 is why a name cannot be taken over.
var errNotUTF8 = errors.New("the name is not UTF-8, as a spec is")

// human reports whether an id is of the range of people and services.
func (t *taker) human(id int, group bool) (bool, error) {
	ranges, err := t.IDRanges()
	if group {
		return id >= ranges.GIDMin && id <= ranges.GIDMax, err
	}
	return id >= ranges.UIDMin && id <= ranges.UIDMax, err
}

// humans are the users of that range.
func (t *taker) humans() ([]host.User, error) {
	all, err := t.Users()
	if err != nil {
		return nil, err
	}
	var out []host.User
	for _, u := range all {
		if ok, err := t.human(u.UID, false); err != nil {
			return nil, err
		} else if ok {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b host.User) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (t *taker) group(_ context.Context, name string) error {
	if !utf8.ValidString(name) {
		return errNotUTF8
	}
	g, err := t.Group(name)
	if err != nil {
		return err
	}
	if g == nil {
		return fmt.Errorf("there is no group %s", name)
	}
	f := newFields()
	ok, err := t.human(g.GID, true)
	if err != nil {
		return err
	}
	if ok {
		f.number("gid", g.GID)
	} else {
		f.flag("system", true) // its number is the host's own affair
	}
	if s, err := t.GroupShadow(name); err == nil && s != nil && (s.Password == host.PasswordSet || len(s.Admins) > 0) {
		t.notef("the group %s has a password or administrators in /etc/gshadow, who let others in: opsafe takes them away", name)
	}
	from := "from /etc/group"
	if len(g.Members) > 0 {
		from += ", where its members are " + host.Readable(strings.Join(g.Members, ", ")) + "; they get it by their groups"
	}
	t.add(from, f.node, "groups", name)
	return nil
}

// allGroups takes the groups of the range of people and services, but for those
// that are users' own.
func (t *taker) allGroups(ctx context.Context) error {
	all, err := t.Groups()
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b host.Group) int { return strings.Compare(a.Name, b.Name) })
	for _, g := range all {
		ok, err := t.human(g.GID, true)
		if err != nil {
			return err
		}
		own, err := t.User(g.Name)
		if err != nil {
			return err
		}
		if ok && (own == nil || own.GID != g.GID) {
			t.orLeaveOut("group "+g.Name, t.group(ctx, g.Name))
		}
	}
	return nil
}

func (t *taker) user(_ context.Context, name string) error {
	if !utf8.ValidString(name) {
		return errNotUTF8
	}
	u, err := t.User(name)
	if err != nil {
		return err
	}
	if u == nil {
		return fmt.Errorf("there is no user %s", name)
	}
	ok, err := t.human(u.UID, false)
	if err != nil {
		return err
	}
	if !path.IsAbs(u.Home) {
		return fmt.Errorf("its home %q is no absolute path, as a spec wants it: usermod --home sets one", u.Home)
	}
	f := newFields()
	if ok {
		f.number("uid", u.UID)
	} else {
		f.flag("system", true)
	}
	group, err := primary(t, u)
	if err != nil {
		return err
	}
	if !utf8.ValidString(group) {
		return fmt.Errorf("its primary group is %s: %w", group, errNotUTF8)
	}
	f.text("group", group)
	groups, err := t.memberships(name)
	if err != nil {
		return err
	}
	f.list("groups", groups)
	for _, g := range append(groups, group) {
		t.refer("", g)
	}
	if u.Home != "/home/"+name {
		f.text("home", u.Home)
	}
	home, err := t.Stat(u.Home)
	if err != nil && !host.IsUnknown(err) {
		return err
	}
	if home != nil && home.Type == host.TypeDir && home.Owner == name {
		mode := home.Access.BaseMode().String()
		n := newFields().mode(mode)
		_, value := lookUp(n.node, "mode")
		f.set("home_mode", value)
	}
	f.text("shell", u.Shell)
	if utf8.ValidString(u.Comment) {
		f.text("comment", u.Comment)
	} else {
		t.notef("the comment of the user %s is left out: it is not UTF-8, as a spec is", host.Readable(name))
	}
	t.add("from /etc/passwd and /etc/group", f.node, "users", name)
	return nil
}

// memberships are the groups that a user is a member of.
func (t *taker) memberships(name string) ([]string, error) {
	all, err := t.Groups()
	var out []string
	for _, g := range all {
		switch {
		case !slices.Contains(g.Members, name):
		case !utf8.ValidString(g.Name):
			t.orLeaveOut("that "+name+" is in "+g.Name, errNotUTF8)
		default:
			out = append(out, g.Name)
		}
	}
	slices.Sort(out)
	return out, err
}

// allUsers takes the users of the range of people and services, with the groups of
// that range that they are in.
func (t *taker) allUsers(ctx context.Context) error {
	all, err := t.humans()
	if err != nil {
		return err
	}
	for _, u := range all {
		t.orLeaveOut("user "+u.Name, t.user(ctx, u.Name))
	}
	_, groups := t.Needs()
	for _, name := range groups {
		g, err := t.Group(name)
		if err != nil || g == nil {
			return err
		}
		if ok, err := t.human(g.GID, true); err != nil {
			return err
		} else if ok {
			if err := t.group(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// password says of a user that nothing matches the password, if it is so.
func (t *taker) password(_ context.Context, name string) error {
	p, err := t.Password(name)
	if err != nil {
		return err
	}
	switch {
	case p == nil:
		return fmt.Errorf("there is no user %s", name)
	case p.State != host.PasswordLocked:
		t.notef("the password of %s is %s: a spec can only say of one that it is locked", name, p.State)
		return nil
	}
	t.add("from /etc/shadow", newFields().text("password", string(spec.PasswordLocked)).node, "users", name)
	return nil
}

func (t *taker) passwords(ctx context.Context) error {
	all, err := t.humans()
	if err != nil {
		return err
	}
	for _, u := range all {
		if err := t.password(ctx, u.Name); err != nil {
			return err
		}
	}
	return nil
}
