package converge

import (
	"context"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// mostTogether is how many changes are made together at most: with so many, what is done
// once for all of them is next to nothing, and the run still says that it goes on.
const mostTogether = 1000

// gather takes the first of some resources, and with it those that follow and whose
// changes can be made in the same steps. Each of these is looked at on a host that
// remembers what is going to be done for those before it. It says how many it took.
func (r *run) gather(ctx context.Context, resources []kind.Resource) int {
	first := resources[0]
	if out, waits := r.waits(ctx, first); waits {
		r.done(out)
		return 1
	}
	out, todo := r.look(ctx, r.Host, first)
	if !todo || !r.gathers(first, out) {
		r.act(ctx, first, out, todo)
		return 1
	}
	outs := []change.Result{out}
	ahead := r.Ahead(r.Host)
	for _, res := range resources[1:min(len(resources), mostTogether)] {
		if !foresee(ctx, ahead, outs[len(outs)-1].Change.Steps) || len(res.On) > 0 {
			break
		}
		out, todo := r.look(ctx, ahead, res)
		if !todo || !r.gathers(res, out) {
			break
		}
		outs = append(outs, out)
	}
	if len(outs) == 1 {
		r.act(ctx, first, out, todo)
		return 1
	}
	r.gathered(ctx, resources[:len(outs)], outs)
	return len(outs)
}

// gathers reports whether a change can be made together with others: it consists of
// nothing but steps that can, and may be made.
func (r *run) gathers(res kind.Resource, out change.Result) bool {
	c := out.Change
	if c.Deferred != "" || c.Open != nil || c.PutBack || len(c.Revert)+len(c.Finally)+len(c.Notify) > 0 {
		return false
	}
	for _, s := range c.Steps {
		if _, ok := host.Merge(s, s); !ok {
			return false
		}
	}
	return r.keptOut(res, c) == "" && r.approve(out) == nil
}

// gathered makes the changes of several resources together. If that fails, part of it may
// have been done: each is looked at again, and what is left of it is made by itself.
func (r *run) gathered(ctx context.Context, resources []kind.Resource, outs []change.Result) {
	var ids []change.ID
	var steps []merged
	for i, out := range outs {
		ids = append(ids, out.ID)
		steps = merge(steps, i, out.Change.Steps)
	}
	var whole change.Change
	for _, m := range steps {
		whole.Steps = append(whole.Steps, m.step)
	}
	r.begin(ids, whole)
	_, failed := r.do(ctx, whole.Steps)
	if failed != nil {
		outs[0].Notes = append(slices.Clip(outs[0].Notes), "together with others it could not be made, so each is made by itself: "+strings.ReplaceAll(failed.Error(), "\n", "; "))
	}
	for i, out := range outs {
		err := r.again(ctx, resources[i], out.Change)
		if err != nil && failed != nil {
			r.done(r.alone(ctx, resources[i], out, failed))
		} else {
			r.done(r.outcome(out, err))
		}
		if err != nil && ctx.Err() != nil {
			return // the others are not looked at any more
		}
	}
}

// alone makes what is left of a change that has failed together with others.
func (r *run) alone(ctx context.Context, res kind.Resource, planned change.Result, failed error) change.Result {
	if ctx.Err() != nil {
		return r.outcome(planned, failed)
	}
	left, todo := r.look(ctx, r.Host, res)
	if !todo {
		left.Notes = append(slices.Clip(planned.Notes), left.Notes...)
		return left
	}
	err := r.approve(left)
	if err == nil {
		r.begin([]change.ID{res.ID}, left.Change)
		err = r.apply(ctx, res, left.Change)
	}
	return r.outcome(planned, err)
}
