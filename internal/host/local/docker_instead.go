package local

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"opsafe/internal/host"
)

// noteEnd remembers a container that a step removes: it ran before what comes in its place.
func (h *Host) noteEnd(ctx context.Context, c *client.Client, of host.ServiceRef, id string) {
	k, err := keptAs(ctx, c, of, id)
	if err != nil {
		return // it is not brought back then
	}
	h.docker.mu.Lock()
	defer h.docker.mu.Unlock()
	if h.docker.ended == nil {
		h.docker.ended = map[string][]keptContainer{}
	}
	h.docker.ended[of.Project] = append(h.docker.ended[of.Project], k)
}

// notUpError says that a container does not stay up, and where it says why.
type notUpError struct{ why, container string }

func (e *notUpError) Error() string { return e.why + ": docker logs " + e.container }

// withoutLogs is an error of a container that is not there any more.
func withoutLogs(err error) error {
	var down *notUpError
	if errors.As(err, &down) {
		return errors.New(down.why)
	}
	return err
}

// insteadOf has what ran of a project run again, in the place of what has failed, and says
// so in the error of that. Where nothing ran, what has failed is left, to be looked at.
func (h *Host) insteadOf(ctx context.Context, failed error, kept keptProjects) error {
	ran := false
	for _, k := range kept.Containers {
		ran = ran || k.ran()
	}
	if !ran {
		return failed
	}
	const patience = 5 * time.Minute
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	// What compose has stopped looks as if somebody had, as after one that has died.
	back, err := h.putBack(ctx, kept, true)
	what, left := strings.Join(back.Did, ", "), back.Failed
	if what != "" {
		failed = withoutLogs(failed)
	}
	said := strings.Join(append([]string{""}, back.Said...), "\n")
	switch {
	case err != nil:
		return fmt.Errorf("%w; what ran before is not back: %w", failed, err)
	case left != nil && what == "":
		return fmt.Errorf("%w; what ran before is not back: %w%s", failed, left, said)
	case left != nil:
		return fmt.Errorf("%w; %s; the rest of what ran before is not back: %w%s", failed, what, left, said)
	case what == "":
		return fmt.Errorf("%w%s", failed, said)
	}
	return fmt.Errorf("%w; what ran before is back: %s%s", failed, what, said)
}
