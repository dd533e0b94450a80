package converge

import (
	"context"
	"fmt"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// fireContainer starts a container that a run has stopped and not started again. One
// that is gone, or has been made anew since, is forgotten: compose makes it, if it is to be
// there.
func (r *run) fireContainer(ctx context.Context, o owed, of host.ServiceRef) {
	out := change.Result{ID: change.ID{Kind: string(o.verb), Name: o.unit}}
	settle := host.Settle{Unit: o.unit, Verb: o.verb}
	have, err := host.FindContainer(ctx, r.Host, of)
	if host.IsUnknown(err) {
		out.Status, out.Reason = change.Unknown, err.Error()
		r.done(out)
		return
	}
	if err == nil && (have == nil || have.Running() || !host.Pending{Container: o.container}.OwedTo(have)) {
		r.drop(ctx, settle)
		return
	}
	if err == nil {
		out.Change = change.Change{Action: change.Run, Why: because(o.why), Steps: []host.Step{host.StartContainer{Of: of, Name: have.Name}}}
		err = r.approve(out)
	}
	if err == nil {
		r.begin([]change.ID{out.ID}, out.Change)
		if _, err = r.do(ctx, out.Change.Steps); err == nil {
			err = r.step(ctx, settle)
		}
	}
	if err != nil {
		err = fmt.Errorf("%w; it is still owed, the next run tries again", err)
	}
	r.done(r.outcome(out, err))
}
