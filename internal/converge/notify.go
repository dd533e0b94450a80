package converge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// owed is a restart or reload that this run still has to do.
type owed struct {
	unit  string
	verb  host.Verb
	why   []string
	stage kind.Stage // at whose end it fires; empty: of the stage that runs
}

// recall takes over what an earlier run owed when it died. It fires at the very
// end, when whatever that run left half done has been completed.
func (r *run) recall() {
	pending, err := r.Host.Pending()
	if err != nil {
		r.done(change.Result{ID: change.ID{Kind: "pending", Name: "restarts"}, Status: change.Unknown, Reason: err.Error()})
		return
	}
	for _, p := range pending {
		r.owed = append(r.owed, owed{unit: p.Unit, verb: p.Verb, why: []string{p.Why + " in a run that did not finish"}, stage: kind.StageUnits})
	}
}

// owe records what a change will owe to units, durably and before the change is
// made, so that a run that dies in between does not lose it. It returns the units
// to which nothing was owed before.
func (r *run) owe(ctx context.Context, id change.ID, c change.Change) (fresh []string, err error) {
	for _, n := range c.Notify {
		why := c.Why
		if why == "" {
			why = label(id) + " changes"
		}
		if err := r.Host.Do(ctx, host.Owe{Pending: host.Pending{Unit: n.Unit, Verb: n.Verb, Why: why}}); err != nil {
			return fresh, fmt.Errorf("cannot record that %s has to %s: %w", n.Unit, n.Verb, err)
		}
		if r.raise(n, why) {
			fresh = append(fresh, n.Unit)
		}
	}
	return fresh, nil
}

// forgive takes back what was owed for a change of which nothing has been done.
func (r *run) forgive(ctx context.Context, units []string) {
	for _, unit := range units {
		r.owed = slices.DeleteFunc(r.owed, func(o owed) bool { return o.unit == unit })
		// If this fails the unit is restarted once too often, by the next run.
		_ = r.Host.Do(context.WithoutCancel(ctx), host.Settle{Unit: unit})
	}
}

// label is a resource's name as it is said in a sentence: a path speaks for
// itself.
func label(id change.ID) string {
	if strings.HasPrefix(id.Name, "/") {
		return id.Name
	}
	return id.String()
}

// raise adds to what is owed, and reports whether nothing was owed to the unit
// before.
func (r *run) raise(n change.Notification, why string) bool {
	stage := kind.Stage("")
	if r.declared[n.Unit] {
		stage = kind.StageUnits
	}
	for i := range r.owed {
		o := &r.owed[i]
		if o.unit != n.Unit {
			continue
		}
		if n.Verb == host.Restart {
			o.verb = host.Restart
		}
		o.why = append(o.why, why)
		return false
	}
	r.owed = append(r.owed, owed{unit: n.Unit, verb: n.Verb, why: []string{why}, stage: stage})
	return true
}

// starts reports whether a step is about to start a unit to which something is
// owed: one that runs already does not come up anew.
func (r *run) starts(ctx context.Context, s host.Step) bool {
	start, ok := s.(host.StartUnit)
	if !ok || !slices.ContainsFunc(r.owed, func(o owed) bool { return o.unit == start.Name }) {
		return false
	}
	u, err := r.Host.Unit(ctx, start.Name)
	return err == nil && !u.Running()
}

// started forgets what is owed to a unit that has just been started: it came up
// with the new state.
func (r *run) started(ctx context.Context, s host.Step) {
	start, ok := s.(host.StartUnit)
	if !ok {
		return
	}
	for i, o := range r.owed {
		if o.unit == start.Name {
			r.owed = append(r.owed[:i:i], r.owed[i+1:]...)
			// If this fails the unit is restarted once too often, by the next
			// run.
			_ = r.Host.Do(ctx, host.Settle{Unit: o.unit})
			return
		}
	}
}

// settle fires what is owed at the end of a stage, each unit once.
func (r *run) settle(ctx context.Context, stage kind.Stage, last bool) {
	var later []owed
	now := r.owed
	r.owed = nil
	for _, o := range now {
		switch {
		case o.stage != "" && o.stage != stage && !last:
			later = append(later, o)
		case ctx.Err() != nil:
			later = append(later, o)
		default:
			r.fire(ctx, o)
		}
	}
	r.owed = append(later, r.owed...)
}

func (r *run) fire(ctx context.Context, o owed) {
	out := change.Result{ID: change.ID{Kind: string(o.verb), Name: o.unit}}
	c := change.Change{Action: change.Run, Why: because(o.why), Steps: []host.Step{host.ActOnUnit{Name: o.unit, Verb: o.verb}}}
	unit, err := r.Host.Unit(ctx, o.unit)
	if err == nil && !unit.Running() {
		// It does not run: it will come up with the new state. Nothing to do,
		// and nothing to show.
		if err := r.Host.Do(ctx, host.Settle{Unit: o.unit}); err != nil {
			out.Status, out.Err = change.Failed, err
			r.done(out)
		}
		return
	}
	if host.IsUnknown(err) {
		out.Status, out.Reason = change.Unknown, err.Error()
		r.done(out)
		return
	}
	out.Change = c
	if err == nil {
		r.begin([]change.ID{out.ID}, c)
		if _, err = r.do(ctx, c.Steps); err == nil {
			err = r.Host.Do(ctx, host.Settle{Unit: o.unit})
		}
	}
	if err != nil {
		err = fmt.Errorf("%w; it is still owed, the next run tries again", err)
	}
	r.done(r.outcome(out, err))
}

func because(why []string) string {
	const most = 2
	seen := map[string]bool{}
	var list []string
	for _, w := range why {
		if !seen[w] {
			seen[w] = true
			list = append(list, w)
		}
	}
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}
