package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"opsafe/internal/queue"
)

// WaitsError says that nothing was tried, because another run waits to be confirmed.
type WaitsError struct{ Err error }

func (e *WaitsError) Error() string { return e.Err.Error() }

func (e *WaitsError) Unwrap() error { return e.Err }

// confirmed waits until no run waits to be confirmed, if what is deployed is a run itself.
// It is no try of what is queued.
func (w *Worker) confirmed(ctx context.Context) error {
	if w.Unconfirmed == nil || w.Config.Spec == "" && len(w.Config.Compose) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.Config.Within.Duration)
	defer cancel()
	const pause = time.Second
	for told := false; ; told = true {
		why := w.Unconfirmed()
		if why == nil {
			return nil
		}
		if !told {
			w.say("nothing is deployed yet: %v", why)
		}
		if w.Wait(ctx, pause) != nil {
			return fmt.Errorf("nothing is deployed yet: %w", why)
		}
	}
}

// notYet has entries tried again by the next worker, as if they had not been begun.
func (w *Worker) notYet(ctx context.Context, entries []queue.Entry, why error) error {
	for _, e := range entries {
		e.Tries = max(0, e.Tries-1)
		if err := w.Queue.Put(e); err != nil {
			return w.later(ctx, errors.Join(why, err))
		}
	}
	return why
}
