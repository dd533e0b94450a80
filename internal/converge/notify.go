package converge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/before"
	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// owed is a restart, reload or start that this run still has to do.
type owed struct {
	unit  string
	verb  host.Verb
	why   []string
	stage kind.Stage // at whose end it fires; empty: of the stage that runs
	early bool       // an earlier run owed it
	// container is the one that was ended to be made anew: see host.Pending.
	container string
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
		r.owed = append(r.owed, owed{unit: p.Unit, verb: p.Verb, why: []string{p.Why + " in a run that did not finish"}, stage: kind.StageUnits, early: true, container: p.Container})
	}
}

// recallStarts takes over the starts that a change has recorded and could not make
// itself, so that the end of the run tries each of them again.
func (r *run) recallStarts() {
	pending, err := r.Host.Pending()
	if err != nil {
		return // the next run says so
	}
	for _, p := range pending {
		known := slices.ContainsFunc(r.owed, func(o owed) bool { return o.unit == p.Unit && o.verb == p.Verb })
		if p.Verb == host.Start && !known {
			r.owed = append(r.owed, owed{unit: p.Unit, verb: p.Verb, why: []string{p.Why}, stage: kind.StageUnits, container: p.Container})
		}
	}
}

// forget drops what a change has settled itself.
func (r *run) forget(s host.Settle) {
	r.owed = slices.DeleteFunc(r.owed, func(o owed) bool { return s.Settles(host.Pending{Unit: o.unit, Verb: o.verb}) })
}

// back gives the steps that revert a change of which so many have been done. A
// unit that none of them has touched goes on as it was: it is not restarted for a
// file that has never taken its place, and what an earlier change owes to it
// stays owed.
func (r *run) back(c change.Change, done int) []host.Step {
	touched := map[string]bool{}
	for _, s := range c.Steps[:min(done+1, len(c.Steps))] {
		touched[host.Started(s)] = true
	}
	return slices.DeleteFunc(slices.Clone(c.Revert), func(s host.Step) bool {
		switch s := s.(type) {
		case host.ActOnUnit:
			return !touched[s.Name]
		case host.Settle:
			return !touched[s.Unit] && slices.ContainsFunc(r.owed, func(o owed) bool { return o.unit == s.Unit })
		default:
			return false
		}
	})
}

// owe records what a change will owe to units, durably and before the change is
// made, so that a run that dies in between does not lose it. It returns the units
// to which nothing was owed before.
func (r *run) owe(ctx context.Context, id change.ID, c change.Change, before []before.Image) (fresh []string, err error) {
	var undo []host.PriorFile
	if c.Undo {
		undo = priorFiles(before)
	}
	for _, n := range c.Notify {
		r.undropped = slices.DeleteFunc(r.undropped, func(s host.Settle) bool { return s.Unit == n.Unit })
		why := c.Why
		if why == "" {
			why = label(id) + " changes"
		}
		if err := r.step(ctx, host.Owe{Pending: host.Pending{Unit: n.Unit, Verb: n.Verb, Why: why, Undo: undo}}); err != nil {
			return fresh, fmt.Errorf("cannot record that %s has to %s: %w", n.Unit, n.Verb, err)
		}
		if r.raise(n, why) {
			fresh = append(fresh, n.Unit)
		}
	}
	return fresh, nil
}

// untouched reports whether a change whose first step failed is still to be made
// as a whole. A step can fail after it has taken effect: a file has got its name,
// and then its directory cannot be brought to disk.
func (r *run) untouched(ctx context.Context, res kind.Resource, c change.Change) bool {
	left, err := res.Look(context.WithoutCancel(ctx), r.Host)
	return err == nil && len(left.Steps) == len(c.Steps) && Describe(left) == Describe(c)
}

// forgive takes back what was owed for a change of which nothing has been done.
func (r *run) forgive(ctx context.Context, units []string) {
	for _, unit := range units {
		r.drop(context.WithoutCancel(ctx), host.Settle{Unit: unit, Verb: host.Restart})
	}
}

// label is a resource's name as it is said in a sentence: a path speaks for
// itself.
func label(id change.ID) string {
	if strings.HasPrefix(id.Name, "/") {
		return id.Name
	}
	return id.Words()
}

// raise adds to what is owed, and reports whether nothing was owed to the unit
// before.
func (r *run) raise(n change.Notification, why string) bool {
	stage := r.declared[n.Unit]
	for i := range r.owed {
		o := &r.owed[i]
		if o.unit != n.Unit || o.verb == host.Start {
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

// starts are the units to which something is owed, and which a step may start: those
// that do not run, if it starts a unit, since systemd starts others along. One that runs
// already does not come up anew. What is owed has been written by then: no change that
// owes something starts a unit itself.
func (r *run) starts(ctx context.Context, s host.Step) []string {
	if _, ok := s.(host.StartUnit); !ok {
		return nil
	}
	var down []string
	for _, o := range r.owed {
		if u, err := r.Host.Unit(ctx, o.unit); err == nil && u != nil && !u.Running() && !slices.Contains(down, o.unit) {
			down = append(down, o.unit)
		}
	}
	return down
}

// started forgets what is owed to units that did not run, and that a step has started:
// they came up with the new state.
func (r *run) started(ctx context.Context, s host.Step, down []string) {
	for _, name := range down {
		if u, err := r.Host.Unit(ctx, name); name == host.Started(s) || err == nil && u.Running() {
			r.drop(ctx, host.Settle{Unit: name})
		}
	}
}

// drop forgets what is not owed any more. If the note of it cannot be taken away
// that is tried once more when the run ends: left, it would have the next run restart
// the unit for nothing.
func (r *run) drop(ctx context.Context, s host.Settle) {
	r.forget(s)
	if err := r.step(ctx, s); err != nil {
		r.undropped = append(r.undropped, s)
	}
}

// dropRest takes away the notes that could not be before.
func (r *run) dropRest(ctx context.Context) {
	for _, s := range r.undropped {
		if err := r.step(context.WithoutCancel(ctx), s); err != nil {
			r.done(change.Result{ID: change.ID{Kind: string(host.Restart), Name: s.Unit}, Status: change.Failed, Err: err})
		}
	}
	r.undropped = nil
}

// settle fires what is owed at the end of a stage, each unit once. Starts come
// last: what a unit was stopped for may be among the restarts.
func (r *run) settle(ctx context.Context, stage kind.Stage, last bool) {
	var later []owed
	now := r.owed
	slices.SortStableFunc(now, func(a, b owed) int { return rank(a.verb) - rank(b.verb) })
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
	if last {
		r.dropRest(ctx)
	}
}

func rank(v host.Verb) int {
	if v == host.Start {
		return 1
	}
	return 0
}

// idle reports whether nothing has to be done for what is owed to a unit. One that
// is gone or masked cannot be started. One that does not run is not restarted: it
// will come up with the new state, unless it has failed over what an earlier run
// owes to it. One that the spec declares not to run is not brought up.
func (o owed) idle(u *host.Unit, stopped bool) bool {
	switch {
	case !u.Startable():
		return true
	case stopped && !u.Running():
		return true
	case o.verb == host.Start:
		return u.Running()
	case u.Looping() || o.early && u.Active == "failed":
		return false
	}
	return !u.Running()
}

func (r *run) fire(ctx context.Context, o owed) {
	if of, ok := host.ContainerOwed(o.unit); ok {
		r.fireContainer(ctx, o, of)
		return
	}
	o.verb = kind.TakesUp(ctx, r.Host, o.unit, o.verb)
	out := change.Result{ID: change.ID{Kind: string(o.verb), Name: o.unit}}
	c := change.Change{Action: change.Run, Why: because(o.why)}
	unit, err := r.Host.Unit(ctx, o.unit)
	settle := host.Settle{Unit: o.unit, Verb: o.verb}
	undo := r.undo(o)
	if len(undo) > 0 {
		// What has begun is ended: it, or what was there before.
		ctx = context.WithoutCancel(ctx)
	}
	// One that has failed may have done so over the very files.
	crashed := len(undo) > 0 && unit != nil && unit.Active == "failed"
	if err == nil && !crashed && o.idle(unit, r.stopped[o.unit]) {
		// Nothing to do, and nothing to show.
		if err := r.step(ctx, settle); err != nil {
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
	if err == nil {
		var f kind.Restarting
		f, err = r.firing(ctx, o, unit)
		c.Steps, c.Notes, c.Irreversible = f.Steps, f.Notes, f.Ends
	}
	out.Change, out.Notes = c, c.Notes
	if err == nil {
		err = r.approve(out)
	}
	if err == nil {
		r.begin([]change.ID{out.ID}, c)
		if crashed {
			err = fmt.Errorf("%s has failed; see journalctl -u %s", o.unit, o.unit)
		} else {
			_, err = r.do(ctx, c.Steps)
		}
		switch {
		case err == nil:
			err = r.step(ctx, settle)
		case len(undo) > 0:
			err = r.putBack(ctx, o, undo, err)
			r.revive(ctx, c.Steps)
			r.done(r.outcome(out, err))
			return
		default:
			r.revive(ctx, c.Steps)
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
