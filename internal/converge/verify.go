package converge

import (
	"context"
	"fmt"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/kind"
)

// verify looks at everything once more after the last change: a later change
// may have undone an earlier one, and then the host is not in the declared
// state although each step succeeded. What was looked at after the last step is
// not looked at again.
func (r *run) verify(ctx context.Context) {
	r.hint(ctx)
	status := map[change.ID]int{}
	refused := map[change.ID]bool{} // for a part, which later changes may have put in reach
	for i, out := range slices.Backward(r.results) {
		status[out.ID] = i // the first, which is the change, if there are two
		refused[out.ID] = refused[out.ID] || out.Status == change.Failed
	}
	for _, k := range r.Kinds {
		r.watch.time(k.Name, len(k.Resources) > 0, func() {
			for _, res := range k.Resources {
				if i, ok := status[res.ID]; ok && r.looked[res.ID] < r.steps && !r.closed[res.ID] && !refused[res.ID] && ctx.Err() == nil {
					r.lasted(ctx, res, &r.results[i])
				}
			}
		})
	}
}

// lasted looks at a resource for the last time.
func (r *run) lasted(ctx context.Context, res kind.Resource, out *change.Result) {
	if out.Change.Deferred != "" || (out.Status != change.Unchanged && out.Status != change.Changed) {
		return
	}
	err := r.again(ctx, res, out.Change)
	if err == nil {
		return
	}
	out.Status = change.Failed
	out.Err = fmt.Errorf("did not last to the end of the run: %w", err)
	r.bad[out.ID] = out.ID
	if r.Sink != nil {
		r.Sink.Done(*out)
	}
}
