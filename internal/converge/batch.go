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
	for _, res := range resources {
		if ctx.Err() != nil {
			return
		}
		out, ok := r.look(ctx, r.Host, res)
		if ok {
			if err := r.approve(out); err != nil {
				out, ok = r.outcome(out, err), false
			}
		}
		if ok && out.Change.Deferred != "" {
			out, ok = r.outcome(out, nil), false
		}
		if ok {
			todo = append(todo, len(outs))
		}
		outs = append(outs, out)
	}
	var errs map[int]error
	if len(todo) > 0 {
		// What is broken goes first: it may be in the way of all others.
		slices.SortStableFunc(todo, func(i, j int) int { return urgency(outs[i].Change) - urgency(outs[j].Change) })
		errs = r.together(ctx, outs, todo)
	}
	for i, out := range outs {
		if !slices.Contains(todo, i) {
			r.done(out)
			continue
		}
		// A batch that failed may still have done part of its work: each
		// resource is judged by what is there now.
		again := r.again(ctx, resources[i], out.Change)
		if again != nil && errs[i] != nil {
			again = errs[i]
		}
		r.done(r.outcome(out, again))
	}
}

// urgency is 0 for what has to be done before all else.
func urgency(c change.Change) int {
	for _, s := range c.Steps {
		if gone, ok := s.(host.RemovePackages); ok && gone.Broken {
			return 0
		}
	}
	return 1
}

// together makes the changes of several resources, and says what went wrong with
// each of them.
func (r *run) together(ctx context.Context, outs []change.Result, todo []int) map[int]error {
	var ids []change.ID
	var steps []merged
	var owe []error
	for _, i := range todo {
		ids = append(ids, outs[i].ID)
		_, err := r.owe(ctx, outs[i].ID, outs[i].Change, nil)
		owe = append(owe, err)
		steps = merge(steps, i, outs[i].Change.Steps)
	}
	whole := change.Change{}
	for _, m := range steps {
		whole.Steps = append(whole.Steps, m.step)
	}
	r.begin(ids, whole)
	errs, owing := map[int]error{}, errors.Join(owe...)
	for _, i := range todo {
		errs[i] = owing
	}
	if owing != nil {
		return errs
	}
	var failed []part
	for _, m := range steps {
		failed = append(failed, r.doMerged(ctx, m, errs)...)
	}
	r.later(ctx, failed, len(todo), errs)
	return errs
}

// later tries the removals that failed again, as long as others have gone meanwhile:
// what they needed can go then.
func (r *run) later(ctx context.Context, failed []part, of int, errs map[int]error) {
	for before := of; len(failed) > 0 && len(failed) < before && ctx.Err() == nil; {
		before = len(failed)
		failed = slices.DeleteFunc(failed, func(p part) bool {
			_, errs[p.of] = r.do(ctx, []host.Step{p.step})
			return errs[p.of] == nil
		})
	}
}

// merged is a step of one or of several resources, and what each of them wanted.
type merged struct {
	step  host.Step
	parts []part
}

type part struct {
	of   int // the resource
	step host.Step
}

// merge adds a resource's steps to those of a batch. Its own order is kept: a
// step is never merged into one before its predecessor.
func merge(steps []merged, of int, more []host.Step) []merged {
	from := 0
next:
	for _, s := range more {
		for i := from; i < len(steps); i++ {
			if m, ok := host.Merge(steps[i].step, s); ok {
				steps[i].step = m
				steps[i].parts = append(steps[i].parts, part{of, s})
				from = i + 1
				continue next
			}
		}
		steps = append(steps, merged{s, []part{{of, s}}})
		from = len(steps)
	}
	return steps
}

// doMerged does a step of a batch. What cannot be done for several resources at once
// is done for one after the other, so that one that fails does not stop the others.
// Nor is one taken further that has failed already.
// It returns the removals that failed.
func (r *run) doMerged(ctx context.Context, m merged, errs map[int]error) (failed []part) {
	parts := slices.DeleteFunc(slices.Clone(m.parts), func(p part) bool { return errs[p.of] != nil })
	if len(parts) == 0 {
		return nil
	}
	whole := parts[0].step
	for _, p := range parts[1:] {
		whole, _ = host.Merge(whole, p.step)
	}
	_, err := r.do(ctx, []host.Step{whole})
	if err == nil {
		return nil
	}
	for _, p := range parts {
		if len(parts) > 1 && ctx.Err() == nil {
			_, err = r.do(ctx, []host.Step{p.step})
		}
		errs[p.of] = err
		if _, removal := p.step.(host.RemovePackages); removal && err != nil {
			failed = append(failed, p)
		}
	}
	return failed
}
