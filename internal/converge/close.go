package converge

import (
	"context"
	"fmt"

	"opsafe/internal/change"
	"opsafe/internal/kind"
)

// close takes the rights away that are not declared from what could not be
// brought into its state: what protects data does not wait for what it names.
// What cannot be closed keeps people out that would be let in later.
func (r *run) close(ctx context.Context, res kind.Resource, failed change.Result) {
	applies, _, err := kind.Applies(ctx, r.Host, res.When)
	if err == nil && !applies {
		r.done(failed)
		return
	}
	var c change.Change
	if err == nil {
		c, err = res.Close.Look(ctx, r.Host)
	}
	if err != nil || c.Empty() {
		if err != nil {
			r.exposed = append(r.exposed, res.ID)
		}
		r.done(failed)
		return
	}
	c.Why = "closed, since it cannot be brought into its state"
	out := change.Result{ID: res.ID, Pos: res.Pos, Change: c, Notes: c.Notes}
	err = r.approve(out)
	if err == nil {
		r.begin([]change.ID{res.ID}, c)
		err = r.apply(ctx, kind.Resource{ID: res.ID, Pos: res.Pos, Looker: res.Close}, c)
	}
	if err != nil {
		r.exposed = append(r.exposed, res.ID)
	}
	r.closed[res.ID] = true
	r.done(r.outcome(out, err))
	r.done(failed)
}

// keptOut says why somebody who has no way in yet is not let in; empty if they
// are.
func (r *run) keptOut(res kind.Resource, c change.Change) string {
	if !res.LetsIn || c.Action != change.Add || len(r.exposed) == 0 {
		return ""
	}
	return fmt.Sprintf("%s is open to others than is declared, and could not be closed", r.exposed[0])
}
