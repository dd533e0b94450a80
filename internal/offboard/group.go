package offboard

import (
	"context"
	"fmt"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// ownGroupLook is the primary group: one that others share, as of an account
// made by hand with useradd -g, is access to what they share. The account gets
// a group of its own in its place.
type ownGroupLook struct{ name string }

func (l ownGroupLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	u, err := r.User(l.name)
	if err != nil || u == nil {
		return c, err
	}
	have, err := kind.GroupOfGID(r, u.GID)
	if err != nil || have == l.name {
		return c, err
	}
	own, err := r.Group(l.name)
	if err != nil {
		return c, err
	}
	if own == nil {
		gid, err := freeGID(r, u.UID)
		if err != nil {
			return c, fmt.Errorf("cannot take %s out of its primary group %s: there is no number for a group of its own: %w", l.name, have, err)
		}
		c.Steps = append(c.Steps, host.AddGroup{Name: l.name, GID: gid})
	}
	c.Action = change.Modify
	c.Differ("primary group", have, l.name)
	c.Steps = append(c.Steps, host.SetUser{Name: l.name, Group: &l.name})
	return c, nil
}

// freeGID is a gid for a person's own group: like, if no group has it, as
// useradd does, or the next that is free.
func freeGID(r host.Reader, like int) (int, error) {
	_, used, err := host.NumbersOf(r)
	if err != nil {
		return 0, err
	}
	ranges, err := r.IDRanges()
	if err != nil {
		return 0, err
	}
	if like >= ranges.GIDMin && like <= ranges.GIDMax && !slices.Contains(used, like) {
		return like, nil
	}
	return host.NextID(ranges.GIDMin, ranges.GIDMax, false, used)
}
