// Package converge is the loop that brings a host to its declared state: look,
// compare, change, look again. It is the only caller of host.Host.Do. Given an
// overlay it plans; given the real host it applies: it cannot tell which.
package converge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// Run brings the host to the declared state. A failure in one resource stops
// what needs it, not the rest; it is in the report, not in an error.
func Run(ctx context.Context, o Options) *Report {
	r := &run{Options: o, bad: map[change.ID]change.ID{}, unseen: map[change.ID]bool{}, closed: map[change.ID]bool{}, declared: map[string]kind.Stage{}, stopped: map[string]bool{}, looked: map[change.ID]int{}}
	all := 0
	for _, k := range o.Kinds {
		all += len(k.Resources)
		for _, res := range k.Resources {
			if res.ID.Kind == "unit" {
				r.declared[res.ID.Name] = k.Stage
				r.stopped[res.ID.Name] = res.Stopped
			}
		}
	}
	r.results = make([]change.Result, 0, all)
	start := o.Now()
	r.watch.now = o.Now
	r.all(ctx)
	return &Report{
		Results:     r.results,
		Summary:     change.Count(r.results),
		Took:        o.Now().Sub(start),
		Times:       r.watch.times.With(),
		Interrupted: ctx.Err() != nil,
	}
}

type run struct {
	Options
	results  []change.Result
	bad      map[change.ID]change.ID // failed or blocked, with what failed first
	unseen   map[change.ID]bool      // unknown
	closed   map[change.ID]bool      // what has only been closed
	exposed  []change.ID             // what could not be closed
	declared map[string]kind.Stage   // units that the spec declares, and when
	stopped  map[string]bool         // units that the spec declares not to run
	owed     []owed
	// undropped are notes of what is not owed any more, which could not be taken away.
	undropped []host.Settle
	acted     []string // units that were started or restarted, and may not have settled yet
	changed   bool
	steps     int               // that were begun
	looked    map[change.ID]int // after how many steps each was looked at last
	watch     stopwatch
}

func (r *run) all(ctx context.Context) {
	r.hint(ctx)
	r.recall()
	for i, k := range r.Kinds {
		whole := false
		r.watch.time(k.Name, len(k.Resources) > 0, func() { whole = r.kind(ctx, k) })
		if !whole {
			return
		}
		last := i+1 == len(r.Kinds)
		if last || r.Kinds[i+1].Stage != k.Stage {
			r.watch.time(TimeRestart, len(r.owed) > 0, func() { r.settle(ctx, k.Stage, last) })
		}
	}
	if r.changed {
		r.watch.time(TimeRestart, len(r.acted) > 0, func() { r.await(ctx) })
		r.verify(ctx)
	}
}

// kind takes all resources of a kind, and reports whether it came to the last.
func (r *run) kind(ctx context.Context, k Kind) bool {
	if k.Batch {
		r.batch(ctx, k.Resources)
		return true
	}
	for left := k.Resources; len(left) > 0; {
		if ctx.Err() != nil {
			return false
		}
		n := 1
		if k.Together && r.Ahead != nil {
			n = r.gather(ctx, left)
		} else {
			r.resource(ctx, left[0])
		}
		left = left[n:]
	}
	return true
}

// hint tells the host which units the run is going to ask for, so that it can
// ask systemd once.
func (r *run) hint(ctx context.Context) {
	var h host.Hints
	for _, k := range r.Kinds {
		for _, res := range k.Resources {
			for _, m := range res.On {
				h.Units = append(h.Units, m.Units...)
			}
			if w, ok := res.Looker.(interface{ Hints() host.Hints }); ok {
				more := w.Hints()
				h.Units = append(h.Units, more.Units...)
				h.Docker = h.Docker || more.Docker
			}
		}
	}
	r.Host.Prefetch(ctx, h)
}

// resource takes one resource from look to look again.
func (r *run) resource(ctx context.Context, res kind.Resource) {
	if out, waits := r.waits(ctx, res); waits {
		r.done(out)
		return
	}
	out, todo := r.look(ctx, r.Host, res)
	r.act(ctx, res, out, todo)
}

// act makes the change that a look has found, if there is something to do.
func (r *run) act(ctx context.Context, res kind.Resource, out change.Result, todo bool) {
	if why := r.keptOut(res, out.Change); todo && why != "" {
		out = change.Result{ID: res.ID, Pos: res.Pos, Status: change.Blocked, Reason: why}
		todo = false
	}
	if !todo {
		if res.Close != nil && (out.Status == change.Blocked || out.Status == change.Failed) {
			r.close(ctx, res, out)
			return
		}
		r.done(out)
		return
	}
	if err := r.approve(out); err != nil {
		r.done(r.outcome(out, err))
		return
	}
	r.begin([]change.ID{res.ID}, out.Change)
	err := r.apply(ctx, res, out.Change)
	if u := new(host.UnknownError); errors.As(err, &u) && u.AfterApply {
		out.Change, err = change.Change{Action: out.Change.Action, Deferred: u.What + ": " + u.Why}, nil
	}
	if err != nil && res.Close != nil {
		r.close(ctx, res, r.outcome(out, err))
		return
	}
	r.done(r.outcome(out, err))
	if open := out.Change.Open; open != nil && err == nil {
		r.done(change.Result{ID: res.ID, Pos: res.Pos, Status: change.Failed, Err: open})
	}
}

func (r *run) approve(out change.Result) error {
	if r.Approve == nil {
		return nil
	}
	out.Status = change.Changed
	return r.Approve(out)
}

// look compares one resource with a host, and reports whether there is something to do.
func (r *run) look(ctx context.Context, on host.Reader, res kind.Resource) (change.Result, bool) {
	out := change.Result{ID: res.ID, Pos: res.Pos}
	for _, need := range res.Needs {
		if first, bad := r.bad[need]; bad {
			out.Status, out.Reason = change.Blocked, first.Words()+" failed"
			r.bad[res.ID] = first
			return out, false
		}
	}
	if res.Waits != "" {
		out.Status, out.Reason = change.NotApplicable, res.Waits
		return out, false
	}
	applies, why, err := kind.Applies(ctx, on, res.When)
	if err == nil && !applies {
		out.Status, out.Reason = change.NotApplicable, why
		return out, false
	}
	if err == nil {
		out.Change, err = res.Look(ctx, on)
		out.Notes = out.Change.Notes
	}
	if why := kind.Later(on, err); why != "" {
		out.Change, err = change.Change{Action: change.Modify, Deferred: why}, nil
	}
	var unknown *host.UnknownError
	if errors.As(err, &unknown) && unknown.AfterApply {
		out.Change, err = change.Change{Action: change.Modify, Deferred: unknown.What + ": " + unknown.Why}, nil
	}
	switch {
	case errors.As(err, &unknown):
		out.Status, out.Reason = change.Unknown, unknown.Error()
		return out, false
	case err != nil:
		out.Status, out.Err = change.Failed, kind.LeftOut(on, res, err)
		if i := slices.IndexFunc(res.Needs, func(need change.ID) bool { return r.unseen[need] }); i >= 0 {
			// What it lacks may be just what could not be seen.
			out.Status, out.Reason, out.Err = change.Unknown, res.Needs[i].Words()+" is unknown", nil
		}
		return out, false
	case out.Change.Empty() && out.Change.Open != nil:
		out.Status, out.Err = change.Failed, out.Change.Open
		return out, false
	case out.Change.Empty():
		out.Status = change.Unchanged
		return out, false
	}
	return out, true
}

// again looks at a resource that has just been changed: what still differs is
// an error there and then, and so is what stays wrong, unless c has told it.
func (r *run) again(ctx context.Context, res kind.Resource, c change.Change) error {
	left, err := res.Look(ctx, r.Host)
	if err != nil {
		return fmt.Errorf("cannot verify the change: %w", err)
	}
	if len(left.Steps) == 0 { // what is deferred cannot be looked at yet
		if c.Open == nil {
			return left.Open
		}
		return nil
	}
	return fmt.Errorf("still differs after the change: %s", Describe(left))
}

// apply makes one change. If a step or the look afterwards fails, it is
// reverted as far as the change says how; its last steps are done in any case.
func (r *run) apply(ctx context.Context, res kind.Resource, c change.Change) error {
	before := r.before(ctx, c)
	fresh, err := r.owe(ctx, res.ID, c, before)
	if err != nil {
		return err
	}
	if c.Deferred != "" && len(c.Steps) == 0 {
		return nil
	}
	done, err := r.do(ctx, c.Steps)
	if done == 0 && r.untouched(ctx, res, c) {
		r.forgive(ctx, fresh)
	}
	if err == nil {
		err = r.again(ctx, res, c)
	}
	if len(c.Finally) == 0 && len(c.Revert) == 0 && !c.PutBack {
		return err
	}
	// What follows puts things right: it may not be cut short.
	ctx = context.WithoutCancel(ctx)
	// What a check has refused has never taken its place.
	refused := done == 0 && errors.As(err, new(*host.CheckError))
	if err != nil && !refused && (c.PutBack || len(c.Revert) > 0) {
		if back := r.revert(ctx, c, done, before); back != nil {
			err = fmt.Errorf("%w; and what was there before could not be put back: %w", err, back)
		} else {
			err = fmt.Errorf("%w; what was there before has been put back", err)
		}
	}
	if _, last := r.do(ctx, c.Finally); last != nil {
		err = errors.Join(err, last)
		r.recallStarts()
	}
	if err != nil || len(c.Finally) == 0 {
		return err
	}
	return r.again(ctx, res, c)
}

// do does steps in order until one fails, and says how many were done.
func (r *run) do(ctx context.Context, steps []host.Step) (done int, err error) {
	for i, s := range steps {
		if err := ctx.Err(); err != nil {
			return i, fmt.Errorf("interrupted: %w", err)
		}
		down := r.starts(ctx, s)
		if err := r.step(ctx, s); err != nil {
			return i, err
		}
		r.changed = true
		r.note(s)
		r.started(ctx, s, down)
		if settled, ok := s.(host.Settle); ok {
			r.forget(settled)
		}
	}
	return len(steps), nil
}

// step does a step: nothing else in this package does, but Keep.
func (r *run) step(ctx context.Context, s host.Step) error {
	r.steps++
	if r.Before != nil {
		if err := r.Before(ctx, s); err != nil {
			return err
		}
	}
	return r.Host.Do(ctx, s)
}

// foresee has a host that remembers do steps, and reports whether they can be done.
func foresee(ctx context.Context, on host.Host, steps []host.Step) bool {
	for _, s := range steps {
		if on.Do(ctx, s) != nil {
			return false
		}
	}
	return true
}

// outcome turns a planned change and the error of making it into a result.
func (r *run) outcome(out change.Result, err error) change.Result {
	out.Status = change.Changed
	if err != nil {
		out.Status, out.Err = change.Failed, err
	}
	return out
}

func (r *run) begin(ids []change.ID, c change.Change) {
	if r.Sink != nil {
		r.Sink.Begin(ids, c)
	}
}

func (r *run) done(out change.Result) {
	if out.Status == change.Failed || out.Status == change.Blocked {
		if _, known := r.bad[out.ID]; !known {
			r.bad[out.ID] = out.ID
		}
	}
	if out.Status == change.Unknown {
		r.unseen[out.ID] = true
	}
	r.results = append(r.results, out)
	r.looked[out.ID] = r.steps
	if r.Sink != nil {
		r.Sink.Done(out)
	}
}
