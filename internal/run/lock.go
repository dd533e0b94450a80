package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/host/local"
)

// Lock keeps other runs away, and clears away what the last one left, if its record
// says that it died. It refuses where changes wait to be confirmed.
func (r *Runner) Lock(ctx context.Context) (release func(), err error) {
	lock, err := r.takeLock(ctx)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(r.overdue(ctx), r.Unconfirmed()); err != nil {
		lock.Release()
		return nil, err
	}
	if err := r.tidy(ctx); err != nil {
		r.note("what a dead run left could not be cleared away: %v", err)
	}
	return lock.Release, nil
}

// Alone keeps other runs away, and does nothing else.
func (r *Runner) Alone(ctx context.Context) (release func(), err error) {
	lock, err := r.takeLock(ctx)
	if err != nil {
		return nil, err
	}
	return lock.Release, nil
}

// takeLock waits a little while for another run, unless it is to wait longer: those that a
// timer starts are short.
func (r *Runner) takeLock(ctx context.Context) (*local.Lock, error) {
	const short, pause = 5 * time.Second, 100 * time.Millisecond
	patience := cmp.Or(r.Patience, short)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for told := false; ; told = true {
		lock, err := local.TakeLock(r.LockPath)
		var held *local.LockedError
		if !errors.As(err, &held) {
			return lock, err
		}
		if !told {
			r.note("%v; waiting for it, up to %v", held, patience)
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}

func (r *Runner) tidy(ctx context.Context) error {
	if r.Tidy == nil {
		return nil
	}
	rec, err := history.Died(r.Host)
	dead, by := local.Dead{}, "a run died"
	if rec != nil {
		dead, by = deadOf(rec), fmt.Sprintf("run %d died", rec.Run)
	}
	done, tidyErr := r.Tidy(ctx, dead)
	for _, what := range done {
		r.note("%s: %s", by, what)
	}
	return errors.Join(err, tidyErr)
}

// deadOf is what the record of a dead run says that it was about.
func deadOf(rec *history.Record) local.Dead {
	dead := local.Dead{Started: rec.Started}
	for _, k := range rec.Kept {
		switch s := k.Subject(); s.Type {
		case host.SubjectUser, host.SubjectGroup, host.SubjectPassword:
			dead.Accounts = true
		case host.SubjectPackage:
			dead.Packages = true
		}
		switch {
		case k.User != nil && k.User.User != nil:
			dead.Users = append(dead.Users, k.User.Name)
		case k.Group != nil && k.Group.Group != nil:
			dead.Groups = append(dead.Groups, k.Group.Name)
		}
	}
	return dead
}
