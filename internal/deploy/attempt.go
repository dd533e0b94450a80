package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"

	"opsafe/internal/host"
)

// attempt brings a commit into service, or leaves the one before in it.
func (w *Worker) attempt(ctx context.Context, a *Attempt, res *Result) error {
	w.state.Trying = a
	if err := w.save(ctx); err != nil {
		return err
	}
	err := w.make(ctx, a, res)
	if err == nil {
		w.state.deployed(a, w.Now())
		if err = w.save(ctx); err == nil {
			res.Outcome = Deployed
			w.say("deployed %s", a.Revision)
			return nil
		}
	}
	w.say("%v", err)
	said, undo := w.undo(ctx, a, false)
	if said != "" {
		err = fmt.Errorf("%w; %s", err, said)
	}
	return errors.Join(err, undo)
}

// make does what can be undone.
func (w *Worker) make(ctx context.Context, a *Attempt, res *Result) error {
	if complete := w.state.release(a.Revision) != nil && w.there(a.Revision); !complete {
		if err := w.build(ctx, a.Revision); err != nil {
			return err
		}
	}
	if w.Config.Spec != "" {
		return w.manage(ctx, a)
	}
	if err := w.check(ctx, a.Revision, "before the link moves"); err != nil {
		return err
	}
	if err := w.Machine.SyncTree(w.releaseDir(a.Revision)); err != nil {
		return err
	}
	if err := w.toSwitch(ctx, a); err != nil {
		return err
	}
	if err := w.check(ctx, a.Revision, "once the link has moved"); err != nil {
		return err
	}
	if err := w.act(ctx, a, res); err != nil {
		return err
	}
	return w.healthy(ctx, a.Revision)
}

// toSwitch moves the link, once it is written down that it may have moved.
func (w *Worker) toSwitch(ctx context.Context, a *Attempt) error {
	a.Phase = Switching
	if err := w.save(ctx); err != nil {
		return err
	}
	return w.Machine.Point(w.current(), w.target(a.Revision))
}

// target is what the link leads to for a commit; empty for none.
func (w *Worker) target(revision string) string {
	if revision == "" {
		return ""
	}
	return path.Join("releases", revision)
}

// act restarts and reloads what the release concerns. What somebody has stopped is left
// so, unless nothing has run yet.
func (w *Worker) act(ctx context.Context, a *Attempt, res *Result) error {
	var acts []Act
	for _, unit := range w.Config.Restart {
		acts = append(acts, Act{unit, host.Restart})
	}
	for _, unit := range w.Config.Reload {
		acts = append(acts, Act{unit, host.Reload})
	}
	var units []string
	for _, act := range acts {
		u, err := w.Machine.UnitNow(ctx, act.Unit)
		if err != nil {
			return fmt.Errorf("cannot %s %s: %w", act.Verb, act.Unit, err)
		}
		if u != nil && u.Active == "inactive" && a.From != "" {
			note := act.Unit + " does not run, and is left so"
			res.Notes = append(res.Notes, note)
			w.say("%s", note)
			continue
		}
		a.Acted = append(a.Acted, act)
		if err := w.save(ctx); err != nil {
			return err
		}
		w.say("%s %s", act.Verb, act.Unit)
		if err := w.Machine.ActOn(ctx, act.Unit, act.Verb); err != nil {
			return fmt.Errorf("cannot %s %s: %w", act.Verb, act.Unit, err)
		}
		units = append(units, act.Unit)
	}
	if len(units) == 0 {
		return nil
	}
	return w.Machine.Settled(ctx, units)
}

// undo leaves the release before in service: the link leads to it, what was restarted is
// restarted, containers are those of before. It says whether that answers. The error means
// that it could not be put back. Died says that another worker has died of the attempt.
func (w *Worker) undo(ctx context.Context, a *Attempt, died bool) (said string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin+w.Config.Health.Within.Duration)
	defer cancel()
	switch {
	case a.Phase == Composing:
		if said, err = w.composeBack(ctx, died); err != nil {
			return said, err
		}
	case w.Config.Spec != "" && a.Phase != Building:
		if err := w.Machine.Point(w.current(), w.target(a.From)); err != nil {
			return "", fmt.Errorf("cannot move the link back: %w", err)
		}
		said = w.manageBack(ctx, a)
	case a.Phase == Switching:
		if said, err = w.putBack(ctx, a); err != nil {
			return said, err
		}
	}
	w.state.Trying = nil
	if err := w.save(ctx); err != nil {
		return said, err
	}
	if a.Phase == Composing {
		if err := w.Machine.ForgetContainers(w.before()); err != nil {
			w.say("%v", err)
		}
	} else if w.state.release(a.Revision) == nil {
		if err := w.Machine.RemoveRelease(ctx, w.releaseDir(a.Revision), w.Config.User); err != nil {
			w.say("cannot remove the release %s: %v", a.Revision, err)
		}
	}
	return said, nil
}

func (w *Worker) putBack(ctx context.Context, a *Attempt) (string, error) {
	if err := w.Machine.Point(w.current(), w.target(a.From)); err != nil {
		return "", fmt.Errorf("cannot move the link back: %w", err)
	}
	if a.From == "" {
		return "there was no release before it, and there is none now", nil
	}
	var failed []error
	var units []string
	for _, act := range a.Acted {
		if err := w.Machine.ActOn(ctx, act.Unit, act.Verb); err != nil {
			failed = append(failed, fmt.Errorf("cannot %s %s: %w", act.Verb, act.Unit, err))
		}
		units = append(units, act.Unit)
	}
	if len(units) > 0 {
		failed = append(failed, w.Machine.Settled(ctx, units))
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Sprintf("the release before, %s, is back, and what was restarted does not come up with it: %v", a.From, err), nil
	}
	if err := w.healthy(ctx, a.From); err != nil {
		return fmt.Sprintf("the release before, %s, is back, and does not answer either: %v", a.From, err), nil
	}
	return fmt.Sprintf("the release before, %s, is back and answers", a.From), nil
}

// recover puts back what a worker has left that died.
func (w *Worker) recover(ctx context.Context) error {
	a := w.state.Trying
	if a == nil {
		return nil
	}
	w.say("a worker died while it deployed %s (%s): what it changed is put back", cmp.Or(a.Revision, w.Config.What()), a.Phase)
	said, err := w.undo(ctx, a, true)
	if said != "" {
		w.say("%s", said)
	}
	if err != nil {
		return w.later(ctx, err)
	}
	return nil
}
