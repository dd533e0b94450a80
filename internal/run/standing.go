package run

import (
	"context"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// standing has a unit run on which the way in rests, and which ran before a run that is
// undone: whoever has ended it, be it a job that the run has brought.
type standing struct{ unit string }

// Hints tells which unit is asked for.
func (s standing) Hints() host.Hints { return host.Hints{Units: []string{s.unit}} }

// Look is the change that starts it, if it does not run.
func (s standing) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	u, err := r.Unit(ctx, s.unit)
	if err != nil || u.Running() {
		return change.Change{}, err
	}
	return change.Change{
		Action: change.Modify,
		Attrs:  []change.Attr{{Name: "running", Before: change.Text("no"), After: change.Text("yes")}},
		Steps:  []host.Step{host.StartUnit{Name: s.unit}},
	}, nil
}

// standingUnits are the resources of units that are to run after all else is back.
func standingUnits(names []string) converge.Kind {
	k := converge.Kind{Kind: kind.Bare("undo", kind.StageUnits)}
	for _, name := range names {
		k.Resources = append(k.Resources, kind.Resource{ID: change.ID{Kind: "unit", Name: name}, Looker: standing{name}})
	}
	return k
}
