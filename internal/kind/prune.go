package kind

import (
	"context"
	"fmt"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// Leave takes an account out of a group.
func Leave(id change.ID, group, user string) Resource {
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
	return c, heedStrays(r, &c, l.group, "group", "gshadow")
}

// NoKeys removes the keys with which somebody can log in as an account.
func NoKeys(id change.ID, user string) Resource {
	return Resource{ID: id, Looker: noKeysLook{user}}
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
