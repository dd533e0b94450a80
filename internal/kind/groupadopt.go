package kind

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// errNotUTF8 is why a name cannot be taken over.
var errNotUTF8 = errors.New("the name is not UTF-8, as a spec is")

// ofPeople reports whether the number of an account or a group is of the range of
// people and services.
func ofPeople(r host.Accounts, id int, group bool) (bool, error) {
	ranges, err := r.IDRanges()
	if group {
		return id >= ranges.GIDMin && id <= ranges.GIDMax, err
	}
	return id >= ranges.UIDMin && id <= ranges.UIDMax, err
}

// adoptGroups takes a group, or those of the range of people and services, but for
// those that are users' own.
func adoptGroups(_ context.Context, t Taker, name string) error {
	if name != "" {
		return takeGroup(t, name)
	}
	all, err := t.Groups()
	if err != nil {
		return err
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b host.Group) int { return strings.Compare(a.Name, b.Name) })
	for _, g := range all {
		ok, err := ofPeople(t, g.GID, true)
		if err != nil {
			return err
		}
		own, err := t.User(g.Name)
		if err != nil {
			return err
		}
		if ok && (own == nil || own.GID != g.GID) {
			OrLeaveOut(t, "group "+g.Name, takeGroup(t, g.Name))
		}
	}
	return nil
}

func takeGroup(t Taker, name string) error {
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
	d := spec.NewDraft()
	ok, err := ofPeople(t, g.GID, true)
	if err != nil {
		return err
	}
	if ok {
		d.Number("gid", g.GID)
	} else {
		d.Flag("system", true) // its number is the host's own affair
	}
	if s, err := t.GroupShadow(name); err == nil && s != nil && (s.Password == host.PasswordSet || len(s.Admins) > 0) {
		t.Notef("the group %s has a password or administrators in /etc/gshadow, who let others in: opsafe takes them away", name)
	}
	from := "from /etc/group"
	if len(g.Members) > 0 {
		from += ", where its members are " + host.Readable(strings.Join(g.Members, ", ")) + "; they get it by their groups"
	}
	return t.Take(from, d, "groups", name)
}
