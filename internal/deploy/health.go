package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// healthy waits until all that is declared of a release's health is so, and has been for
// as long as it has to hold.
func (w *Worker) healthy(ctx context.Context, revision string) error {
	h := w.Config.Health
	if h.Unit == "" && h.HTTP == "" && len(h.Run) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.Within.Duration)
	defer cancel()
	const pause = 300 * time.Millisecond
	var since time.Time // when it has become so
	var last error      // why it is not
	for {
		err := w.healthNow(ctx, revision)
		switch {
		case err == nil && since.IsZero():
			since = w.Now()
		case err != nil && ctx.Err() == nil && !since.IsZero():
			err = fmt.Errorf("it was so, and did not hold for %v: %w", h.Holds, err)
			since = time.Time{}
		}
		if err == nil && w.Now().Sub(since) >= h.Holds.Duration {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("it has become so too late to hold for %v", h.Holds)
		}
		if ctx.Err() == nil || last == nil {
			last = err // rather than that there was no time to ask again
		}
		if ctx.Err() != nil || w.Wait(ctx, pause) != nil {
			return fmt.Errorf("health: not within %v: %w", h.Within, last)
		}
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
		if err := answers(ctx, h.HTTP, h.Status); err != nil {
			return err
		}
	}
	if len(h.Run) > 0 {
		return w.program(ctx, h.Run, w.Config.User, revision, nil, nil)
	}
	return nil
}

// answers asks an address, and takes no other for it: a redirect says nothing of where it
// leads. Status is what has to be answered; 0: any that says that all is well.
func answers(ctx context.Context, address string, status int) error {
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
	well := resp.StatusCode >= http.StatusOK && resp.StatusCode < http.StatusMultipleChoices
	switch {
	case status == 0 && well, resp.StatusCode == status:
		return nil
	case status != 0:
		return fmt.Errorf("%s answers with status %d, not %d", address, resp.StatusCode, status)
	case resp.StatusCode < http.StatusBadRequest && resp.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("%s answers with status %d, a redirect: ask what it leads to, or say that status", address, resp.StatusCode)
	}
	return fmt.Errorf("%s answers with status %d", address, resp.StatusCode)
}
