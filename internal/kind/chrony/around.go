package chrony

import (
	"context"
	"maps"
	"slices"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// stopAround are the steps that stop what is listed, of units and compose projects,
// as far as it runs: what is owed, what stops it, and what starts it again.
type stopAround struct {
	owe, stop, start []host.Step
	names            []string // in the order in which they are started
}

// add notes what is stopped by a step, and started again by another.
func (s *stopAround) add(name, why string, stop, start host.Step) {
	s.owe = append(s.owe, host.Owe{Pending: host.Pending{Unit: name, Verb: host.Start, Why: why}})
	s.stop = append(s.stop, stop)
	s.start = append([]host.Step{start, host.Settle{Unit: name, Verb: host.Start}}, s.start...)
}

// around finds what runs of the listed. A run that dies while it is stopped leaves its
// start owed.
func around(ctx context.Context, r host.Reader, list []string, why string) (stopAround, error) {
	var out stopAround
	for _, entry := range list {
		project, ok := spec.ProjectNamed(entry)
		if !ok {
			u, err := r.Unit(ctx, entry)
			if err != nil {
				return out, err
			}
			if u.Running() {
				out.add(entry, why, host.StopUnit{Name: entry}, host.StartUnit{Name: entry})
				out.names = append([]string{entry}, out.names...)
			}
			continue
		}
		all, err := kind.ContainersOf(ctx, r, project)
		if err != nil && !host.AfterApply(err) { // of an engine that is started just now, none runs yet
			return out, err
		}
		for _, service := range slices.Sorted(maps.Keys(all)) {
			if c := all[service]; c.State == "running" {
				out.add(host.OwedContainer(c.Of), why, host.StopContainer{Of: c.Of, Name: c.Name}, host.StartContainer{Of: c.Of, Name: c.Name})
				out.names = append([]string{"container " + c.Name}, out.names...)
			}
		}
	}
	return out, nil
}
