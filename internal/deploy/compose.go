package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"opsafe/internal/kind/deployment"
)

// compose has projects run with the images that their registries have now. What ran before
// is written down first, and comes back if they fail.
func (w *Worker) compose(ctx context.Context, res *Result) error {
	if w.Compose == nil {
		return errors.New("compose projects cannot be deployed here")
	}
	a := &Attempt{What: res.What, Phase: Composing, Began: res.Began, Entries: res.Entries}
	notes, err := w.Compose(ctx, w.Config.Compose, func() error {
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
			res.Outcome, res.Notes = Deployed, append(res.Notes, notes...)
			return w.Machine.ForgetContainers(w.before())
		}
		w.state.Trying = a
	}
	w.say("%v", err)
	said, undo := w.undo(ctx, a, false)
	return errors.Join(fmt.Errorf("%w; %s", err, said), undo)
}

// composeBack has the containers as they were before the attempt. Died says that another
// worker has died of it.
func (w *Worker) composeBack(ctx context.Context, died bool) (said string, err error) {
	release, err := w.Alone(ctx)
	if err != nil {
		return "what ran before is not back yet, and is tried again", err
	}
	did, failed, err := w.Machine.PutContainersBack(ctx, w.before(), died)
	release()
	switch what := strings.Join(did, ", "); {
	case err != nil:
		return "what ran before is not back yet, and is tried again", err
	case failed != nil && what == "":
		return fmt.Sprintf("what ran before is not back: %v", failed), nil
	case failed != nil:
		return fmt.Sprintf("%s; the rest of what ran before is not back: %v", what, failed), nil
	case what == "":
		return "no container had been changed", nil
	default:
		said = what
	}
	if err := w.healthy(ctx, ""); err != nil {
		return fmt.Sprintf("what ran before is back, and does not answer either: %s: %v", said, err), nil
	}
	return "what ran before is back and answers: " + said, nil
}

// before is where it is written down what ran before an attempt.
func (w *Worker) before() string { return deployment.BeforeFile(w.Config.Name) }
