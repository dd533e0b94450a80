package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"opsafe/internal/access"
	"opsafe/internal/confirm"
	"opsafe/internal/converge"
	"opsafe/internal/history"
	"opsafe/internal/host"
)

// trial is how the way in was before a run: what is judged after it, and by trying.
type trial struct {
	way    WayIn
	before *access.Answer
	passed bool     // somebody's way was tried, and open
	up     []string // the units on which it rests and that ran
}

// tryBefore tries the way in before a run that is about to change something: of what
// could not be tried before, a trial afterwards would say nothing about the run.
func (r *Runner) tryBefore(ctx context.Context, way WayIn, before *access.Answer) *trial {
	t := &trial{way: way, before: before, up: access.Standing(ctx, r.Host)}
	if before != nil {
		var ways []access.Way
		for _, name := range slices.Sorted(maps.Keys(before.Before)) {
			if w := before.Before[name]; w.Open() {
				ways = append(ways, w)
			}
		}
		// One is enough for what a run may not do; each costs a login.
		t.passed, _, _ = r.tryAll(ctx, ways, true)
	}
	return t
}

// prove looks and tries, after a run that has changed something, whether the way
// in is open. If it is shut, the run is undone at once.
func (r *Runner) prove(ctx context.Context, t *trial, book *history.Book, waiting *confirm.Record) error {
	if t.before == nil || !book.Changed() || !slices.ContainsFunc(slices.Collect(maps.Values(t.before.Before)), access.Way.Open) {
		return nil // what was shut before, the run has not shut
	}
	ctx = context.WithoutCancel(ctx) // half of it would be worse than either state
	why, err := r.shutWay(ctx, t)
	if err != nil || why == "" {
		return err
	}
	if err := r.putBack(ctx, book.Run(), "undo", t.up); err != nil {
		return fmt.Errorf("do not leave this host before it is mended: run %d has shut the way in, and not all of it could be undone:%s\n%w", book.Run(), why, err)
	}
	if waiting != nil {
		if err := confirm.Disarm(ctx, r.Host); err != nil {
			return err
		}
	}
	if left, err := r.shutWay(ctx, t); err == nil && left != "" {
		return fmt.Errorf("do not leave this host before it is mended: run %d has shut the way in:%s\nit has been undone, and the way is shut all the same:%s", book.Run(), why, left)
	}
	return fmt.Errorf("run %d has been undone, since it has shut the way in:%s", book.Run(), why)
}

// shutWay says what shuts the way in; empty if somebody gets in, or it cannot be told.
func (r *Runner) shutWay(ctx context.Context, t *trial) (string, error) {
	now, err := access.FindLockOut(ctx, access.Question{
		Before: r.Host, After: r.Host, Ways: t.before.Before,
		Declared: t.way.Declared, FirstLogin: t.way.FirstLogin, Now: r.Now(),
	})
	if err != nil {
		return "", err
	}
	if now.LockOut != nil && !now.LockOut.Unsure() {
		return losses(now.LockOut), nil
	}
	if !t.passed {
		return "", nil
	}
	// Of whom it cannot be told any more, it is found out.
	return r.tryAfter(ctx, slices.DeleteFunc(now.After, func(w access.Way) bool { return !w.Open() && !t.before.Before[w.Name].Open() })), nil
}

// tryAfter tries ways that no look shows to be shut. It says why all are; if only some
// are, it notes them.
func (r *Runner) tryAfter(ctx context.Context, ways []access.Way) string {
	passed, untried, why := r.tryAll(ctx, ways, false)
	switch {
	case len(why) == 0:
	case passed:
		for _, w := range why {
			r.note("one of several ways in is shut, which no look has shown: %s", w)
		}
	case len(untried) > 0:
		for _, w := range why {
			r.note("no way in that can be tried is open, which no look has shown: %s", w)
		}
		r.note("these ways in cannot be tried, and look open: %s; try one before you leave this host", strings.Join(untried, ", "))
	default:
		return "\n  " + strings.Join(why, "\n  ")
	}
	return ""
}

// tryAll tries all ways or, with first, one after the other until one passes. It says
// whose cannot be tried, and why the others are shut. All are tried once before any is
// tried again: a host that is busy may need a moment, and if all are shut, nobody has to
// wait long.
func (r *Runner) tryAll(ctx context.Context, ways []access.Way, first bool) (passed bool, untried, why []string) {
	for left, n := slices.Clone(ways), 1; ; n++ {
		why = nil
		left = slices.DeleteFunc(left, func(w access.Way) bool {
			if passed && first {
				return true
			}
			switch err := r.tried(ctx, w); {
			case err == nil:
				passed = true
			case errors.Is(err, host.ErrUntried):
				untried = append(untried, w.Name)
			default:
				why = append(why, fmt.Sprintf("%s was tried: %v", w.Name, err))
				return false
			}
			return true
		})
		if len(left) == 0 || passed && first || n == trials || r.Wait(ctx, trialPause) != nil {
			return passed, untried, why
		}
	}
}

// tried tries a way once, if it can be tried, and is not shut for the moment.
func (r *Runner) tried(ctx context.Context, w access.Way) error {
	if len(w.Moment) > 0 || w.Untried {
		return host.ErrUntried
	}
	return converge.Try(ctx, r.Host, host.TryWay{User: w.Name, KeyFiles: w.KeyFiles, Sudo: w.Name != "root"}, host.TrySSHD{})
}

// A way that is shut is tried so often, with a pause between.
const (
	trials     = 3
	trialPause = time.Second
)
