package access

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"opsafe/internal/host"
)

// LockOut is the finding that after a change nobody who could, or should, can
// certainly get in with a key and become root any more.
type LockOut struct {
	Lost  []Loss
	Named bool // whether they are people whom the spec names
}

// Unsure reports whether it cannot be told that nobody can: of somebody it is open.
func (l *LockOut) Unsure() bool {
	return slices.ContainsFunc(l.Lost, func(l Loss) bool { return l.After.Verdict() == CannotTell })
}

// Loss is what one person is left with.
type Loss struct {
	Before, After Way
	Had           bool // whether they had a way before, or may have had
}

// Question is about a change: the host before and after it, and whom the spec
// names. A run asks it before it writes anything.
type Question struct {
	Before, After host.Reader
	// Ways are those before the change of whom they are known already, by name.
	Ways map[string]Way
	// Declared are the people and accounts that the spec names.
	Declared []string
	// FirstLogin are those of them who are to set a password at their first login.
	// Who has no key has a locked one until then, and is to become root all the same.
	FirstLogin []string
	// Stand says of some paths for how many each stands, itself among them.
	Stand map[string]int
	Now   time.Time
}

// Answer is what there is to say of the ways in after a change.
type Answer struct {
	// LockOut is nil if somebody keeps a way, or nobody had one to lose.
	LockOut *LockOut
	// Untold says why it cannot be told whether somebody has a way, where the change
	// alters nothing about that.
	Untold []string
	// Before are the ways before the change, by name, and After those that are open,
	// or may be.
	Before map[string]Way
	After  []Way
}

// FindLockOut looks whether somebody whom the spec names has a way after a change.
// Where the spec names nobody who is to become root, it is enough that not
// everybody loses it who had one.
//
// What cannot be told counts as lost, unless it could not be told before either and
// the change alters nothing of what it rests on.
func FindLockOut(ctx context.Context, q Question) (*Answer, error) {
	q.Before, q.After = Cache(q.Before), Cache(q.After)
	out := &Answer{Before: map[string]Way{}}
	named, err := q.losses(ctx, q.Declared, out)
	if err != nil || slices.ContainsFunc(named, Loss.keeps) {
		return out, err
	}
	toBe := func(l Loss) bool {
		return len(l.After.Root) == 0 || l.After.Locked && slices.Contains(q.FirstLogin, l.After.Name)
	}
	meant := slices.ContainsFunc(named, func(l Loss) bool { return toBe(l) && l.After.Verdict() == Shut })
	if out.decide(named) {
		if out.LockOut != nil {
			out.LockOut.Named = true
		}
		return out, nil
	}
	if meant {
		out.LockOut = &LockOut{Lost: keep(named, func(l Loss) bool { return l.Had || toBe(l) }), Named: true}
		return out, nil
	}
	for _, l := range named {
		if l.After.Verdict() == CannotTell {
			out.Untold = l.After.Unknown
			return out, nil
		}
	}
	names, err := q.others()
	if err != nil {
		return nil, err
	}
	others, err := q.losses(ctx, names, out)
	if err != nil || slices.ContainsFunc(others, Loss.keeps) {
		return out, err
	}
	out.decide(others)
	return out, nil
}

// keeps reports whether somebody certainly has a way afterwards.
func (l Loss) keeps() bool { return l.After.Open() }

// decide looks at those of whom nobody certainly has a way afterwards: who had one
// loses it, and who may have one keeps that if nothing of it is altered.
func (out *Answer) decide(all []Loss) (decided bool) {
	lost := keep(all, func(l Loss) bool { return l.Had })
	if len(lost) == 0 {
		return false
	}
	if slices.ContainsFunc(lost, func(l Loss) bool { return l.Before.Open() }) {
		out.LockOut = &LockOut{Lost: lost}
		return true
	}
	for _, l := range lost {
		if l.After.Verdict() == CannotTell && l.After.Seen == l.Before.Seen {
			out.Untold = l.After.Unknown
			return true
		}
	}
	out.LockOut = &LockOut{Lost: lost}
	return true
}

// others are people, and root, whom the spec does not name.
func (q Question) others() ([]string, error) {
	users, err := q.Before.Users()
	if err != nil {
		return nil, err
	}
	ids, err := q.Before.IDRanges()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, u := range users {
		if (u.UID == 0 || u.UID >= ids.UIDMin && u.UID <= ids.UIDMax) && !slices.Contains(q.Declared, u.Name) {
			out = append(out, u.Name)
		}
	}
	return out, nil
}

// losses returns what each had, and is left with.
func (q Question) losses(ctx context.Context, names []string, answer *Answer) ([]Loss, error) {
	var out []Loss
	for _, name := range names {
		before, known := q.Ways[name]
		if !known {
			var err error
			if before, err = Judge(ctx, q.Before, name, q.Now); err != nil {
				return nil, fmt.Errorf("cannot tell whether %s has a way to root: %w", name, err)
			}
		}
		after, err := Judge(ctx, q.After, name, q.Now)
		if err != nil {
			return nil, fmt.Errorf("cannot tell whether %s keeps a way to root: %w", name, err)
		}
		l := Loss{Before: before, After: after.since(before), Had: before.Verdict() != Shut && len(before.Likely) == 0}
		answer.Before[name] = before
		if l.After.Verdict() != Shut {
			answer.After = append(answer.After, l.After)
		}
		out = append(out, l)
	}
	return out, nil
}

// Unrecorded reports whether something cannot be told of a way that a look at the host
// itself might tell.
func (w Way) Unrecorded() bool {
	return slices.ContainsFunc(w.Unknown, func(why string) bool { return !slices.Contains(w.Unjudged, why) })
}

// since counts what a change has brought: what shuts the way for the moment alone,
// and what it has made of things that are not judged.
func (w Way) since(before Way) Way {
	if before.Trusted == nil || w.Trusted == nil { // there is no account
		return w
	}
	if before.Verdict() != Shut && len(before.Likely) == 0 {
		w.Login = append(slices.Clip(w.Login), w.Likely...)
	}
	for _, why := range w.Moment {
		if !slices.Contains(before.Moment, why) {
			w.Login = append(slices.Clip(w.Login), why)
		}
	}
	all := maps.Clone(before.Trusted)
	maps.Copy(all, w.Trusted)
	for _, what := range slices.Sorted(maps.Keys(all)) {
		was, known := before.Trusted[what]
		is, still := w.Trusted[what]
		// A file that comes or goes is a change, what could not be asked for is none.
		if was.digest != is.digest && (known && still || path.IsAbs(what)) {
			w.Unjudged = append(slices.Clip(w.Unjudged), is.since(was, what)...)
		}
	}
	for _, at := range unanswered(before.Listens, w.Listens) {
		w.Unjudged = append(slices.Clip(w.Unjudged), "sshd does not listen on "+at+" any more, and from where people come is not known")
	}
	w.Unknown = append(slices.Clip(w.Unknown), w.Unjudged...)
	return w
}

func keep(all []Loss, ok func(Loss) bool) []Loss {
	return slices.DeleteFunc(slices.Clone(all), func(l Loss) bool { return !ok(l) })
}

// Lines say of each who loses or lacks what, one person a line; and of whom it cannot
// be told, one cause a line.
func (l *LockOut) Lines() []string {
	var out, causes []string
	untold := map[string][]string{}
	for _, p := range l.Lost {
		why := strings.Join(slices.Compact(slices.Concat(p.After.Login, p.After.Root, p.After.Unknown)), "; ")
		verb := "has no way"
		switch {
		case p.After.Verdict() == CannotTell:
			if untold[why] == nil {
				causes = append(causes, why)
			}
			untold[why] = append(untold[why], p.After.Name)
			continue
		case p.Had:
			verb = "loses theirs"
		}
		out = append(out, fmt.Sprintf("%s %s: %s", p.After.Name, verb, why))
	}
	for _, why := range causes {
		out = append(out, fmt.Sprintf("cannot be told of %s: %s", strings.Join(untold[why], ", "), why))
	}
	return out
}
