package offboard

import (
	"context"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/roster"
)

// Onboard lists what makes a disabled account usable again: it does not expire,
// it has a shell, and the record goes last. Groups, keys and a password come
// with the next run, if the person is on a list.
func Onboard(r host.Reader, t roster.Tombstone) ([]kind.Resource, error) {
	u, err := r.User(t.Name)
	if err != nil {
		return nil, err
	}
	record := kind.Resource{ID: change.ID{Kind: "record", Name: t.Name}, Looker: noTombstoneLook{t.Name}}
	if u == nil {
		return []kind.Resource{record}, nil
	}
	account := change.ID{Kind: "user", Name: t.Name}
	record.Needs = []change.ID{account}
	return []kind.Resource{{ID: account, Looker: unlockLook{t}}, record}, nil
}

type unlockLook struct{ was roster.Tombstone }

func (l unlockLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	u, err := r.User(l.was.Name)
	if err != nil || u == nil {
		return c, err
	}
	p, err := r.Password(l.was.Name)
	if err != nil {
		return c, err
	}
	if p != nil && p.Expires >= 0 && p.Expires <= longAgo {
		to, after := l.was.Expires, "never"
		if to >= 0 && to <= longAgo {
			to = -1
		}
		if to >= 0 {
			after = day(to)
		}
		c.Differ("expires", day(p.Expires), after)
		c.Steps = append(c.Steps, host.SetExpiry{User: l.was.Name, Day: to})
	}
	shell := l.was.Shell
	if shell == "" || shell == noLogin {
		shell = "/bin/bash"
	}
	if u.Shell == noLogin && c.Differ("shell", u.Shell, shell) {
		c.Steps = append(c.Steps, host.SetUser{Name: u.Name, Shell: &shell})
	}
	if len(c.Steps) > 0 {
		c.Action = change.Modify
	}
	return c, nil
}

type noTombstoneLook struct{ name string }

func (l noTombstoneLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	return kind.RemoveNote(r, roster.TombstonePath(l.name))
}
