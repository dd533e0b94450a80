package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/kind/deployment"
)

// compose has projects run with the images that their registries have now. What ran before
// is written down first, and comes back if they fail.
func (w *Worker) compose(ctx context.Context, asked bool, res *Result) error {
	if w.Compose == nil {
		return errors.New("compose projects cannot be deployed here")
	}
	if asked { // what has failed is tried again
		if err := w.unhold(); err != nil {
			return err
		}
	}
	a := &Attempt{What: res.What, Phase: Composing, Began: res.Began, Entries: res.Entries}
	notes, changed, err := w.Compose(ctx, w.Config.Compose, func() error {
		if err := w.Machine.KeepContainers(ctx, w.before(), w.Config.Compose); err != nil {
			return fmt.Errorf("cannot write down what runs now, and so does not touch it: %w", err)
		}
		w.state.Trying = a
		return w.save(ctx)
	})
	if w.state.Trying == nil {
		return cmp.Or(err, errors.New("nothing was tried"))
	}
	for _, n := range notes {
		w.say("%s", n)
	}
	if err == nil {
		err = w.healthy(ctx, "")
	}
	if err == nil {
		w.state.Trying = nil
		if err = w.save(ctx); err == nil {
			return w.composed(asked, changed, notes, res)
		}
		w.state.Trying = a
	}
	w.say("%v", err)
	said, undo := w.undo(ctx, a, false)
	return errors.Join(fmt.Errorf("%w; %s", err, said), undo)
}

// composed takes down what came of compose projects that are well.
func (w *Worker) composed(asked, changed bool, notes []string, res *Result) error {
	if err := w.Machine.ForgetContainers(w.before()); err != nil {
		return err
	}
	if !asked && !changed && w.holds() {
		res.Outcome, res.Reason, res.Quiet = Unchanged, "what has failed before is not tried again: opsafe deploy, or another image, does", true
		return nil
	}
	res.Outcome, res.Notes = Deployed, append(res.Notes, notes...)
	return w.unhold()
}

// composeBack has the containers as they were before the attempt. Died says that another
// worker has died of it.
func (w *Worker) composeBack(ctx context.Context, died bool) (said string, err error) {
	release, err := w.Alone(ctx)
	if err != nil {
		return "what ran before is not back yet, and is tried again", err
	}
	back, err := w.Machine.PutContainersBack(ctx, w.before(), died)
	if err == nil && !died {
		err = w.hold(ctx, back)
	}
	release()
	if err != nil {
		return "what ran before is not back yet, and is tried again", err
	}
	// A commit's status gets the first line alone: it is everybody's to read.
	return strings.Join(append([]string{w.saidOfBack(ctx, back)}, back.Said...), "\n"), nil
}

// saidOfBack says what came of bringing containers back.
func (w *Worker) saidOfBack(ctx context.Context, back host.PutBack) string {
	failed, what := back.Failed, strings.Join(back.Did, ", ")
	switch {
	case failed != nil && what == "":
		return fmt.Sprintf("what ran before is not back: %v", failed)
	case failed != nil:
		return fmt.Sprintf("%s; the rest of what ran before is not back: %v", what, failed)
	case what == "":
		return "no container had been changed"
	}
	if err := w.healthy(ctx, ""); err != nil {
		return fmt.Sprintf("what ran before is back, and does not answer either: %s: %v", what, err)
	}
	return "what ran before is back and answers: " + what
}

// before is where it is written down what ran before an attempt.
func (w *Worker) before() string { return deployment.BeforeFile(w.Config.Name) }
