package kind

import (
	"context"
	"fmt"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Leave takes an account out of a group, and from it the right to change the members.
func Leave(id change.ID, group, user string) Resource {
	return Resource{ID: id, Looker: leaveLook{group: group, user: user}}
}

// LeaveSecondary is Leave for a group that is not the account's primary one.
func LeaveSecondary(id change.ID, group, user string) Resource {
	return Resource{ID: id, Looker: pruneLook{leaveLook{group: group, user: user}}}
}

// Seal leaves a group to its members: without a password, or administrators.
func Seal(id change.ID, group string) Resource {
	return Resource{ID: id, Looker: sealLook{group: group}}
}

type sealLook struct {
	group string
	asIs  bool // whoever is a member by one of group and gshadow alone stays so
}

func (l sealLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	g, err := r.Group(l.group)
	if err != nil || g == nil {
		return c, err
	}
	members := g.Members
	if l.asIs {
		members = nil
	}
	if err := sealGroup(r, l.group, members, &c); err != nil {
		return c, err
	}
	return c, HeedStrays(r, &c, l.group, "group", "gshadow")
}

// NoKeys removes the keys with which somebody can log in as an account.
func NoKeys(id change.ID, user string) Resource {
	return Resource{ID: id, Looker: noKeysLook{user}}
}

// WipeKeys takes keys out of one file, by their fingerprints.
func WipeKeys(id change.ID, at string, goes func(fingerprint string) bool) Resource {
	return Resource{ID: id, Looker: wipeLook{path: at, goes: goes}}
}

// NoUnit removes a unit of the host's own.
func NoUnit(name string) Resource {
	in := &Input{Backend: &spec.Backend{}, Repo: &spec.Repository{}}
	return Resource{ID: change.ID{Kind: "unit", Name: name}, Looker: UnitLook{In: in, Name: name, Decl: &Unit{State: Absent}}}
}

// wipeLook takes keys out of one file.
type wipeLook struct {
	path string
	goes func(fingerprint string) bool
}

func (l wipeLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	err := wipeKeys(r, &c, l.path, l.goes)
	return c, err
}

// leaveLook is one membership that goes, and the right to change the members.
type leaveLook struct{ group, user string }

func (l leaveLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	g, err := r.Group(l.group)
	if err != nil || g == nil {
		return c, err
	}
	var admins []string
	if s, err := r.GroupShadow(l.group); err != nil {
		return c, err
	} else if s != nil {
		admins = s.Admins
	}
	// gpasswd refuses members without an account.
	users, _, err := withMembers(r, slices.Concat(g.Members, admins))
	if err != nil {
		return c, err
	}
	there := userNames(users)
	without := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(m string) bool { return m == l.user || !there[m] })
	}
	if slices.Contains(admins, l.user) {
		c.Action = change.Modify
		c.Differ("administrator", l.user, "")
		c.Steps = append(c.Steps, host.SetGroupAdmins{Group: l.group, Admins: without(admins)})
	}
	if slices.Contains(g.Members, l.user) {
		c.Action = change.Modify
		c.Differ("member", l.user, "")
		c.Steps = append(c.Steps, host.SetMembers{Group: l.group, Members: without(g.Members)})
	}
	return c, nil
}

// pruneLook is leaveLook, which cannot take an account out of its primary group.
type pruneLook struct{ leaveLook }

func (l pruneLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	u, err := r.User(l.user)
	if err != nil {
		return change.Change{}, err
	}
	g, err := r.Group(l.group)
	if err != nil {
		return change.Change{}, err
	}
	if u != nil && g != nil && u.GID == g.GID {
		return change.Change{}, fmt.Errorf("it is the primary group of %s: take all of their access with opsafe disable-user %s", l.user, l.user)
	}
	return l.leaveLook.Look(ctx, r)
}
