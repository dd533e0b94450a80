package converge

import (
	"context"
	"errors"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// batch takes resources whose steps can be merged through the same stations,
// side by side: all are looked at before the first is changed.
func (r *run) batch(ctx context.Context, resources []kind.Resource) {
	var outs []change.Result
	var todo []int
	var steps []host.Step
	for _, res := range resources {
		if ctx.Err() != nil {
			return
		}
		out, ok := r.look(ctx, res)
		if ok {
			if err := r.approve(out); err != nil {
				out, ok = r.outcome(out, err), false
			}
		}
		if ok {
			todo = append(todo, len(outs))
			steps = merge(steps, out.Change.Steps)
		}
		outs = append(outs, out)
	}
	var err error
	if len(todo) > 0 {
		ids := make([]change.ID, 0, len(todo))
		for _, i := range todo {
			ids = append(ids, outs[i].ID)
			_, owing := r.owe(ctx, outs[i].ID, outs[i].Change)
			err = errors.Join(err, owing)
		}
		r.begin(ids, change.Change{Steps: steps})
		if err == nil {
			err = r.doEach(ctx, steps)
		}
	}
	for i, out := range outs {
		if !slices.Contains(todo, i) {
			r.done(out)
			continue
		}
		// A batch that failed may still have done part of its work: each
		// resource is judged by what is there now.
		again := r.again(ctx, resources[i])
		if again != nil && err != nil {
			again = err
		}
		r.done(r.outcome(out, again))
	}
}

// merge adds a resource's steps to those of a batch. Its own order is kept: a
// step is never merged into one before its predecessor.
func merge(steps, more []host.Step) []host.Step {
	from := 0
next:
	for _, s := range more {
		for i := from; i < len(steps); i++ {
			if m, ok := host.Merge(steps[i], s); ok {
				steps[i] = m
				from = i + 1
				continue next
			}
		}
		steps = append(steps, s)
		from = len(steps)
	}
	return steps
}

// doEach does all steps of a batch, since they belong to different resources: one
// that fails does not stop the others.
func (r *run) doEach(ctx context.Context, steps []host.Step) error {
	var errs []error
	for _, s := range steps {
		_, err := r.do(ctx, []host.Step{s})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
