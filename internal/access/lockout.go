package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsafe/internal/host"
)

// LockOut is the finding that after a change nobody who could, or should, can
// get in with a key and become root any more.
type LockOut struct {
	Lost  []Loss
	Named bool // whether they are people whom the spec names
}

// Loss is what one person is left with.
type Loss struct {
	After Way
	Had   bool // whether they had a way before
}

// Question is about a change: the host before and after it, and whom the spec
// names. A run asks it before it writes anything.
type Question struct {
	Before, After host.Reader
	// Declared are the people and accounts that the spec names.
	Declared []string
	Now      time.Time
}

// FindLockOut returns nil if somebody whom the spec names has a way afterwards.
// Where the spec names nobody who is to become root, it is enough that not
// everybody loses it who had one.
//
// Unsure says why it cannot be told, where nobody who is named had a way before
// either: as on a host that has no sshd yet.
func FindLockOut(ctx context.Context, q Question) (found *LockOut, unsure []string, err error) {
	q.Before, q.After = Cache(q.Before), Cache(q.After)
	named, err := q.losses(ctx, q.Declared)
	if err != nil || named == nil {
		return nil, nil, err
	}
	had := slices.ContainsFunc(named, func(l Loss) bool { return l.Had })
	meant := slices.ContainsFunc(named, func(l Loss) bool { return len(l.After.Root) == 0 && len(l.After.Unknown) == 0 })
	if had || meant {
		return &LockOut{Lost: keep(named, func(l Loss) bool { return l.Had || len(l.After.Root) == 0 }), Named: true}, nil, nil
	}
	for _, l := range named {
		if len(l.After.Login)+len(l.After.Root) == 0 {
			return nil, l.After.Unknown, nil
		}
	}
	users, err := q.Before.Users()
	if err != nil {
		return nil, nil, err
	}
	ids, err := q.Before.IDRanges()
	if err != nil {
		return nil, nil, err
	}
	var others []string
	for _, u := range users {
		if (u.UID == 0 || u.UID >= ids.UIDMin && u.UID <= ids.UIDMax) && !slices.Contains(q.Declared, u.Name) {
			others = append(others, u.Name)
		}
	}
	all, err := q.losses(ctx, others)
	if err != nil || all == nil {
		return nil, nil, err
	}
	if lost := keep(all, func(l Loss) bool { return l.Had }); len(lost) > 0 {
		return &LockOut{Lost: lost}, nil, nil
	}
	return nil, nil, nil
}

// losses returns what each is left with; nil as soon as one of them is left with
// a way.
func (q Question) losses(ctx context.Context, names []string) ([]Loss, error) {
	out := []Loss{}
	for _, name := range names {
		w, err := Judge(ctx, q.After, name, q.Now)
		if err != nil {
			return nil, fmt.Errorf("cannot tell whether %s keeps a way to root: %w", name, err)
		}
		if w.Open() {
			return nil, nil
		}
		out = append(out, Loss{After: w})
	}
	for i := range out {
		w, err := Judge(ctx, q.Before, out[i].After.Name, q.Now)
		if err != nil {
			return nil, fmt.Errorf("cannot tell whether %s has a way to root: %w", out[i].After.Name, err)
		}
		out[i].Had = w.Open()
	}
	return out, nil
}

func keep(all []Loss, ok func(Loss) bool) []Loss {
	return slices.DeleteFunc(slices.Clone(all), func(l Loss) bool { return !ok(l) })
}

// Lines say of each who loses or lacks what, one person a line.
func (l *LockOut) Lines() []string {
	var out []string
	for _, p := range l.Lost {
		verb := "has no way"
		if p.Had {
			verb = "loses theirs"
		}
		why := slices.Concat(p.After.Login, p.After.Root, p.After.Unknown)
		out = append(out, fmt.Sprintf("%s %s: %s", p.After.Name, verb, strings.Join(slices.Compact(why), "; ")))
	}
	return out
}
