package converge

import (
	"context"
	"fmt"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// Keep does steps on what is opsafe's own, in order, until one fails. They need no
// plan: nothing that a spec declares depends on them. It refuses, before the first is
// done, a step that is about anything else.
func Keep(ctx context.Context, h host.Host, steps ...host.Step) error {
	for _, s := range steps {
		if !notes.Own(s) {
			return fmt.Errorf("cannot do %T without a plan: it is not about what is opsafe's own", s)
		}
	}
	for _, s := range steps {
		if err := h.Do(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// Try does trials, in order, until one fails. They change nothing, and need no plan.
func Try(ctx context.Context, h host.Host, trials ...host.TrialStep) error {
	for _, s := range trials {
		if err := h.Do(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// WriteNote writes one of opsafe's own notes, as a whole or not at all, and makes the
// directories that are missing for it.
func WriteNote(ctx context.Context, h host.Host, at string, data []byte) error {
	steps, err := notes.Write(h, at, data)
	if err != nil {
		return err
	}
	return Keep(ctx, h, steps...)
}

// RemoveNote removes one of opsafe's own notes, if it is there.
func RemoveNote(ctx context.Context, h host.Host, at string) error {
	steps, err := notes.Remove(h, at)
	if err != nil {
		return err
	}
	return Keep(ctx, h, steps...)
}

// LoadFirewall puts in force, when the host boots, what a run has set before. It needs
// no plan: that run had one.
func LoadFirewall(ctx context.Context, h host.Host, step host.SetFirewall) error {
	return h.Do(ctx, step)
}
