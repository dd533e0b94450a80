package kind

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// PrimaryGroup is the name of a user's primary group; empty: it is the user's own, or
// has no name.
func PrimaryGroup(r host.Accounts, u *host.User) (string, error) {
	g, err := r.GroupByID(u.GID)
	if err != nil || g == nil || g.Name == u.Name {
		return "", err
	}
	return g.Name, nil
}

// UsersOfPeople are the users of the range of people and services.
func UsersOfPeople(r host.Accounts) ([]host.User, error) {
	all, err := r.Users()
	if err != nil {
		return nil, err
	}
	var out []host.User
	for _, u := range all {
		if ok, err := ofPeople(r, u.UID, false); err != nil {
			return nil, err
		} else if ok {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b host.User) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// adoptUsers takes a user, or those of the range of people and services, with the
// groups of that range that they are in.
func adoptUsers(_ context.Context, t Taker, name string) error {
	if name != "" {
		return takeUser(t, name)
	}
	all, err := UsersOfPeople(t)
	if err != nil {
		return err
	}
	for _, u := range all {
		OrLeaveOut(t, "user "+u.Name, takeUser(t, u.Name))
	}
	_, groups := t.Needs()
	for _, name := range groups {
		g, err := t.Group(name)
		if err != nil {
			return err
		}
		if g == nil {
			continue
		}
		if ok, err := ofPeople(t, g.GID, true); err != nil {
			return err
		} else if ok {
			if err := takeGroup(t, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func takeUser(t Taker, name string) error {
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
	ok, err := ofPeople(t, u.UID, false)
	if err != nil {
		return err
	}
	if !path.IsAbs(u.Home) {
		return fmt.Errorf("its home %q is no absolute path, as a spec wants it: usermod --home sets one", u.Home)
	}
	d := spec.NewDraft()
	if ok {
		d.Number("uid", u.UID)
	} else {
		d.Flag("system", true)
	}
	if err := draftGroups(t, d, u); err != nil {
		return err
	}
	if u.Home != "/home/"+name {
		d.Text("home", u.Home)
	}
	home, err := t.Stat(u.Home)
	if err != nil && !host.IsUnknown(err) {
		return err
	}
	if home != nil && home.Type == host.TypeDir && home.Owner == name {
		d.Quoted("home_mode", home.Access.BaseMode().String())
	}
	d.Text("shell", u.Shell)
	if utf8.ValidString(u.Comment) {
		d.Text("comment", u.Comment)
	} else {
		t.Notef("the comment of the user %s is left out: it is not UTF-8, as a spec is", host.Readable(name))
	}
	return t.Take("from /etc/passwd and /etc/group", d, "users", name)
}

// draftGroups writes the groups that a user is in.
func draftGroups(t Taker, d spec.Draft, u *host.User) error {
	primary, err := PrimaryGroup(t, u)
	if err != nil {
		return err
	}
	if !utf8.ValidString(primary) {
		return fmt.Errorf("its primary group is %s: %w", primary, errNotUTF8)
	}
	all, err := t.Groups()
	if err != nil {
		return err
	}
	var groups []string
	for _, g := range all {
		switch {
		case !slices.Contains(g.Members, u.Name):
		case !utf8.ValidString(g.Name):
			OrLeaveOut(t, "that "+u.Name+" is in "+g.Name, errNotUTF8)
		default:
			groups = append(groups, g.Name)
		}
	}
	slices.Sort(groups)
	d.Text("group", primary).List("groups", groups)
	for _, g := range append(groups, primary) {
		t.Refer("", g)
	}
	return nil
}
