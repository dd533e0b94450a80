package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"opsafe/internal/access"
	"opsafe/internal/confirm"
	"opsafe/internal/history"
	"opsafe/internal/host/local"
	"opsafe/internal/words"
)

// Confirm keeps what waits to be confirmed.
func (r *Runner) Confirm(ctx context.Context) error {
	return r.waiting("either it has been already, or the time was over and the old state is back", func(rec *confirm.Record) error {
		if err := confirm.Disarm(ctx, r.Host); err != nil {
			return err
		}
		r.say("Confirmed: what %s changed %s stays.", rec.By, ago(r.Now().Sub(rec.Since)))
		return nil
	})
}

// Revert brings back at once what waits to be confirmed.
func (r *Runner) Revert(ctx context.Context) error {
	return r.waiting("there is nothing to bring back", func(rec *confirm.Record) error { return r.bringBack(ctx, rec, "as asked for", true) })
}

// RevertOwn brings back at once what a run of the same By has changed, which has died before
// it was confirmed.
func (r *Runner) RevertOwn(ctx context.Context) error {
	rec, err := confirm.Read(r.Host)
	if err != nil || rec == nil || rec.By != r.By {
		return err
	}
	return r.Revert(ctx)
}

// waiting does something about what waits to be confirmed, while no other run goes on.
// Otherwise says what it comes to that nothing waits.
func (r *Runner) waiting(otherwise string, do func(*confirm.Record) error) error {
	lock, err := local.TakeLock(r.LockPath)
	if err != nil {
		return err
	}
	defer lock.Release()
	rec, err := confirm.Read(r.Host)
	if err != nil {
		return err
	}
	if rec == nil {
		return errors.New("nothing waits to be confirmed: " + otherwise)
	}
	return do(rec)
}

// The pauses between attempts to bring the old state back: each is twice the one
// before.
const (
	firstPause   = 5 * time.Second
	longestPause = 10 * time.Minute
	// mostAttempts is how often it is tried while units alone do not start: for about an
	// hour.
	mostAttempts = 12
)

// RevertWhenDue waits until the time to confirm is over, and then tries until all is
// back, or for about an hour if all is but that a unit does not start.
func (r *Runner) RevertWhenDue(ctx context.Context) error {
	var last string
	for pause, attempt := firstPause, 1; ; {
		left, err := r.revertIfDue(ctx, attempt >= mostAttempts)
		switch {
		case err == nil && left <= 0:
			return nil
		case err == nil:
		case errors.As(err, new(*local.LockedError)):
			left = firstPause // a run is still at work
		case errors.Is(err, errDown):
			return err
		default:
			attempt++
			left, pause = pause, min(2*pause, longestPause)
			if err.Error() != last {
				r.note("%v", err)
			}
			last = err.Error()
		}
		if err := r.Wait(ctx, left); err != nil {
			return err
		}
	}
}

// revertIfDue makes one attempt, be it the last one. It says for how long there is still time to confirm.
func (r *Runner) revertIfDue(ctx context.Context, last bool) (left time.Duration, err error) {
	lock, err := local.TakeLock(r.LockPath)
	if err != nil {
		return 0, err
	}
	defer lock.Release()
	rec, err := confirm.Read(r.Host)
	if err != nil {
		return 0, err
	}
	if rec == nil {
		return 0, confirm.Disarm(ctx, r.Host) // a run that was killed has left the timer
	}
	if left, err = rec.Left(r.Host); err != nil || left > 0 {
		return left, err
	}
	return 0, r.bringBack(ctx, rec, unconfirmed, last)
}

// unconfirmed is why the state before a run comes back by itself.
const unconfirmed = "nobody confirmed it"

// errDown says that all is back, and that units do not start.
var errDown = errors.New("the state before the run is back, but not all that ran then starts: mend it, and start it with systemctl start")

// bringBack brings back what was there before the run that waits, and forgets it: with
// last, also if units alone do not start.
func (r *Runner) bringBack(ctx context.Context, rec *confirm.Record, why string, last bool) error {
	// Putting back half of it would be worse than either state.
	ctx = context.WithoutCancel(ctx)
	if err := r.putBack(ctx, rec.Run, "revert", rec.Up); err != nil {
		if last && r.onlyDown(ctx, rec) {
			return errors.Join(fmt.Errorf("%w: %w", errDown, err), confirm.Disarm(ctx, r.Host))
		}
		return fmt.Errorf("not everything could be put back; it is tried again, and opsafe confirm gives it up: %w", err)
	}
	if err := confirm.Disarm(ctx, r.Host); err != nil {
		return err
	}
	r.say("The state before the run of %s, %s, is back: %s.", rec.By, ago(r.Now().Sub(rec.Since)), why)
	return nil
}

// UnconfirmedError refuses to change a host on which changes wait to be confirmed.
type UnconfirmedError struct{ text string }

func (e *UnconfirmedError) Error() string { return e.text }

// Unconfirmed returns an UnconfirmedError where changes wait to be confirmed: what would
// be put back would no longer be what was there.
func (r *Runner) Unconfirmed() error {
	rec, err := confirm.Read(r.Host)
	if err != nil || rec == nil {
		return err
	}
	return &UnconfirmedError{fmt.Sprintf("what %s changed %s waits to be confirmed: keep it with opsafe confirm, or bring the old state back with opsafe revert", rec.By, ago(r.Now().Sub(rec.Since)))}
}

// Waiting says what waits to be confirmed, and for how long still; empty: nothing, as far
// as can be seen.
func (r *Runner) Waiting() string {
	rec, err := confirm.Read(r.Host)
	if errors.Is(err, confirm.ErrOther) {
		return err.Error()
	}
	if err != nil || rec == nil {
		return ""
	}
	left, err := rec.Left(r.Host)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("what %s changed in run %d is undone in %s: keep it with sudo opsafe confirm, or have it undone now with sudo opsafe revert; manage refuses until then",
		rec.By, rec.Run, words.Span(max(0, left).Round(time.Second)))
}

// overdue brings back what nobody has confirmed in time, if no timer has.
func (r *Runner) overdue(ctx context.Context) error {
	rec, err := confirm.Read(r.Host)
	if err != nil || rec == nil {
		return nil //nolint:nilerr // what cannot be read, Unconfirmed says
	}
	// Where it cannot be told, it is left to opsafe confirm and opsafe revert.
	if left, err := rec.Left(r.Host); err != nil || left > 0 {
		return nil //nolint:nilerr // see above
	}
	r.note("nobody confirmed in time what %s changed %s: it is brought back first", rec.By, ago(r.Now().Sub(rec.Since)))
	return r.bringBack(ctx, rec, unconfirmed, true)
}

// arm has what a run replaces come back by itself. It returns nil if there is nothing
// that could.
func (r *Runner) arm(ctx context.Context, job Job, book *history.Book) (*confirm.Record, error) {
	back := false
	for _, k := range book.Kept() {
		if why := k.Lost(); why != "" {
			r.note("what cannot come back by itself: %s", why)
		} else {
			back = true
		}
	}
	if !back {
		r.note("nothing of what is changed could come back by itself: there is nothing to confirm")
		return nil, nil
	}
	program, err := r.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find opsafe's own program: %w", err)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("cannot copy opsafe's own program: %w", err)
	}
	rec := &confirm.Record{By: r.By, Command: job.Record.Command, Since: r.Now(), Window: job.Confirm, Run: book.Run(), Up: access.Standing(ctx, r.Host)}
	if err := confirm.Arm(ctx, r.Host, rec, binary); err != nil {
		return nil, errors.Join(err, confirm.Disarm(context.WithoutCancel(ctx), r.Host))
	}
	return rec, nil
}

// await gives the operator the whole window from the end of the run.
func (r *Runner) await(ctx context.Context, rec *confirm.Record, book *history.Book) error {
	ctx = context.WithoutCancel(ctx)
	if !book.Changed() {
		r.note("nothing has been changed: there is nothing to confirm")
		return confirm.Disarm(ctx, r.Host)
	}
	if err := confirm.Rearm(ctx, r.Host, rec); err != nil {
		return err
	}
	var names []string
	for _, k := range book.Kept() {
		if k.Lost() == "" {
			names = append(names, k.String())
		}
	}
	const most = 20
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	r.note("open a new session and run there, within %s: sudo opsafe confirm; otherwise this comes back by itself, also after a reboot: %s",
		words.Span(rec.Window), strings.Join(names, ", "))
	return nil
}

func ago(d time.Duration) string { return d.Round(time.Second).String() + " ago" }
