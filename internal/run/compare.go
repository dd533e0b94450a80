package run

import (
	"fmt"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/words"
)

// differences says what came out differently from the plan, each once: opsafe's
// knowledge of what a package brings was wrong, or somebody else is at work on
// the host. What failed or was not reached speaks for itself.
func differences(plan, made *converge.Report) []string {
	var out []string
	planned := byID(plan)
	for _, r := range plan.Results {
		if r.Status == change.Changed {
			planned[r.ID] = r // also of what is closed, since it fails
		}
	}
	later := slices.ContainsFunc(plan.Results, func(r change.Result) bool { return r.Change.Deferred != "" })
	var unneeded []string
	for _, r := range made.Results {
		p := planned[r.ID]
		if spared := r.Status == change.Unchanged || r.Status == change.NotApplicable; spared && p.Status == change.Changed && p.Change.Deferred != "" {
			if name := r.ID.Words(); !slices.Contains(unneeded, name) {
				unneeded = append(unneeded, name)
			}
			continue
		}
		if p.Status != change.Changed && r.Status == change.Changed && r.Change.Action == change.Run && later {
			follows := fmt.Sprintf("%s follows from what the plan could not see before", r.ID.Words())
			if !slices.Contains(out, follows) {
				out = append(out, follows)
			}
			continue
		}
		if d := difference(p, r); d != "" && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	switch len(unneeded) {
	case 0:
	case 1:
		out = append(out, unneeded[0]+" needed no change after all, once it could be seen")
	default:
		out = append(out, words.And(unneeded)+" needed no change after all, once they could be seen")
	}
	if !made.Converged() {
		return out
	}
	// A restart has no result at all if it was not called for.
	is := byID(made)
	for _, p := range plan.Results {
		if _, ok := is[p.ID]; !ok && p.Status == change.Changed {
			out = append(out, fmt.Sprintf("%s was planned, and was not needed after all", p.ID.Words()))
		}
	}
	return out
}

// difference compares one result with that of the plan, which is zero if there is
// none.
func difference(plan, r change.Result) string {
	const why = "something else changed the host meanwhile, or opsafe foresaw it wrongly"
	planned := plan.Status == change.Changed
	switch r.Status {
	case change.Changed:
		switch {
		case !planned:
			return fmt.Sprintf("%s was changed without having been planned: %s", r.ID.Words(), why)
		case plan.Change.Action != r.Change.Action && plan.Change.Deferred == "":
			return fmt.Sprintf("%s: %s was planned, and %s was made: %s", r.ID.Words(), noun(plan.Change.Action), noun(r.Change.Action), why)
		}
	case change.Unchanged, change.NotApplicable:
		if planned {
			return fmt.Sprintf("%s was planned to be changed, and needed no change: %s", r.ID.Words(), why)
		}
	}
	return ""
}

func noun(a change.Action) string {
	switch a {
	case change.Add:
		return "an addition"
	case change.Remove:
		return "a removal"
	case change.Run:
		return "a restart"
	default:
		return "a change"
	}
}

// byID has of each resource what it came to; of one that was closed, since it failed,
// the change that closes it.
func byID(rep *converge.Report) map[change.ID]change.Result {
	m := make(map[change.ID]change.Result, len(rep.Results))
	for _, r := range rep.Results {
		if m[r.ID].Status != change.Changed {
			m[r.ID] = r
		}
	}
	return m
}
