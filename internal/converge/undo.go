package converge

import (
	"context"
	"fmt"

	"opsafe/internal/host"
)

// undo are the files that go back to what they were if a unit does not come
// through what is owed to it. They are read where they were recorded, so that
// those of a run that died count, too.
func (r *run) undo(o owed) []host.PriorFile {
	pending, err := r.Host.Pending()
	if err != nil {
		return nil // the next run says so
	}
	for _, p := range pending {
		if p.Unit == o.unit && p.Verb != host.Start && o.verb != host.Start {
			return p.Undo
		}
	}
	return nil
}

// putBack makes files what they were and has the unit take them up, or come up
// with them. The changes that wrote them fail by the look at the end.
func (r *run) putBack(ctx context.Context, o owed, files []host.PriorFile, cause error) error {
	steps := make([]host.Step, 0, len(files)+3)
	for _, f := range files {
		steps = append(steps, f.PutBack())
	}
	steps = append(steps, host.ActOnUnit{Name: o.unit, Verb: o.verb}, host.StartUnit{Name: o.unit}, host.Settle{Unit: o.unit, Verb: o.verb})
	if _, err := r.do(ctx, steps); err != nil {
		return fmt.Errorf("%w; and what was there before could not be put back: %w; it is still owed, the next run tries again", cause, err)
	}
	return fmt.Errorf("%w; what was there before has been put back, and %s runs with it", cause, o.unit)
}
