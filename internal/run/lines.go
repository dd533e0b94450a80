package run

import (
	"context"
	"fmt"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/spec"
)

// RememberLines writes down which lines a run has seen to, if that is anything
// new.
func (r *Runner) RememberLines(ctx context.Context, b *spec.Backend, rep *converge.Report) error {
	status := map[string]change.Status{}
	for _, r := range rep.Results {
		if r.ID.Kind == "file" {
			status[r.ID.Name] = r.Status // the last, which tells what stays wrong
		}
	}
	next, fresh := kind.ReadLines(r.Host).With(b.Files, func(p string) bool {
		return status[p] == change.Changed || status[p] == change.Unchanged
	})
	if !fresh {
		return nil
	}
	data, err := next.Marshal()
	if err == nil {
		err = converge.WriteNote(ctx, r.Host, notes.Lines, data)
	}
	if err != nil {
		return fmt.Errorf("cannot remember the declared lines: %w", err)
	}
	return nil
}
