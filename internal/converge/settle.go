package converge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// firing are the steps of what is owed to a unit, and what is to be known of them:
// which other units systemd stops with it. Those that ran are started again,
// whether systemd does it itself or not.
func (r *run) firing(ctx context.Context, o owed, u *host.Unit) (kind.Restarting, error) {
	switch {
	case o.verb == host.Start || o.early && u != nil && u.Active == "failed":
		return kind.Restarting{Steps: []host.Step{host.StartUnit{Name: o.unit}}}, nil
	case o.verb == host.Reload:
		return kind.Restarting{Steps: []host.Step{host.ActOnUnit{Name: o.unit, Verb: o.verb}}}, nil
	}
	return kind.Restart(ctx, r.Host, o.unit)
}

// revive starts what a restart that failed has left down. What does not come up
// stays owed.
func (r *run) revive(ctx context.Context, steps []host.Step) {
	if len(steps) < 2 { //nolint:mnd // the restart alone
		return
	}
	ctx = context.WithoutCancel(ctx)
	for _, s := range steps {
		name := host.Started(s)
		if name == "" {
			continue
		}
		again := []host.Step{host.StartUnit{Name: name}}
		if _, start := s.(host.StartUnit); start {
			again = append(again, host.Settle{Unit: name, Verb: host.Start})
		}
		_, _ = r.do(ctx, again)
	}
}

// note remembers whom a step has started or restarted.
func (r *run) note(s host.Step) {
	if stop, ok := s.(host.StopUnit); ok {
		r.acted = slices.DeleteFunc(r.acted, func(a string) bool { return a == stop.Name })
	}
	if name := host.Started(s); name != "" && !slices.Contains(r.acted, name) {
		r.acted = append(r.acted, name)
	}
}

// await waits until all that was started or restarted has settled. What does not
// run then has not come through it: its change has failed, and a restart is owed
// on.
func (r *run) await(ctx context.Context) {
	if len(r.acted) == 0 || ctx.Err() != nil {
		return
	}
	step := host.AwaitUnits{Names: r.acted}
	r.begin(nil, change.Change{Steps: []host.Step{step}})
	err := r.step(ctx, step)
	var unsettled *host.UnsettledError
	switch {
	case err == nil:
	case errors.As(err, &unsettled):
		for _, name := range r.acted {
			if why := unsettled.Why[name]; why != "" {
				r.fell(ctx, name, why)
			}
		}
	default:
		r.done(change.Result{ID: change.ID{Kind: "start", Name: strings.Join(r.acted, ", ")}, Status: change.Failed, Err: err})
	}
}

// fell makes a failure of the last change that started or restarted a unit.
func (r *run) fell(ctx context.Context, name, why string) {
	for i, out := range slices.Backward(r.results) {
		if !acts(out.Change, name) {
			continue
		}
		if out.Status != change.Changed {
			return // it has failed already
		}
		err := fmt.Errorf("%s %s", name, why)
		if out.Change.Action == change.Run {
			again := host.Pending{Unit: name, Verb: host.Restart, Why: out.Change.Why}
			if owing := r.step(context.WithoutCancel(ctx), host.Owe{Pending: again}); owing == nil {
				err = fmt.Errorf("%w; it is still owed, the next run tries again", err)
			}
		}
		r.results[i].Status, r.results[i].Err = change.Failed, err
		r.bad[out.ID] = out.ID
		if r.Sink != nil {
			r.Sink.Done(r.results[i])
		}
		return
	}
}

// acts reports whether a change starts or restarts a unit.
func acts(c change.Change, name string) bool {
	return slices.ContainsFunc(slices.Concat(c.Steps, c.Finally), func(s host.Step) bool { return host.Started(s) == name })
}
