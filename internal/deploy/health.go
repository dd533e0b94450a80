package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// healthy waits until all that is declared of a release's health is so.
func (w *Worker) healthy(ctx context.Context, revision string) error {
	h := w.Config.Health
	if h.Unit == "" && h.HTTP == "" && len(h.Run) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.Within.Duration)
	defer cancel()
	const pause = 300 * time.Millisecond
	for {
		err := w.healthNow(ctx, revision)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil && w.Wait(ctx, pause) == nil {
			last := err
			if err = w.healthNow(ctx, revision); err == nil {
				return nil
			}
			if ctx.Err() != nil {
				err = last // rather than that there was no time to ask again
			} else {
				continue
			}
		}
		return fmt.Errorf("health: not within %v: %w", h.Within, err)
	}
}

func (w *Worker) healthNow(ctx context.Context, revision string) error {
	h := w.Config.Health
	if h.Unit != "" {
		u, err := w.Machine.UnitNow(ctx, h.Unit)
		if err != nil {
			return err
		}
		if !u.Running() {
			return fmt.Errorf("%s does not run", h.Unit)
		}
	}
	if h.HTTP != "" {
		if err := answers(ctx, h.HTTP); err != nil {
			return err
		}
	}
	if len(h.Run) > 0 {
		return w.program(ctx, h.Run, w.Config.User, revision, nil, nil)
	}
	return nil
}

// answers asks an address, and takes no other for it.
func answers(ctx context.Context, address string) error {
	const each = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, each)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("%s breaks off: %w", address, err)
	}
	if resp.StatusCode < http.StatusOK || resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s answers with status %d", address, resp.StatusCode)
	}
	return nil
}
