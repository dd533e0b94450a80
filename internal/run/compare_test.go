package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/change"
	"opsafe/internal/converge"
)

// TestDifferences compares a plan with what came of it.
func TestDifferences(t *testing.T) {
	report := func(results ...change.Result) *converge.Report {
		return &converge.Report{Results: results, Summary: change.Count(results)}
	}
	is := func(name string, status change.Status, action change.Action) change.Result {
		return change.Result{ID: change.ID{Kind: "k", Name: name}, Status: status, Change: change.Change{Action: action}}
	}
	later := func(name string, action change.Action) change.Result {
		r := is(name, change.Changed, action)
		r.Change.Deferred = "docker does not run"
		return r
	}
	const why = ": something else changed the host meanwhile, or opsafe foresaw it wrongly"
	for _, tt := range []struct {
		name       string
		plan, made *converge.Report
		want       []string
	}{
		{
			name: "as planned",
			plan: report(is("a", change.Changed, change.Add), is("b", change.Unchanged, ""), later("c", change.Remove), is("r", change.Changed, change.Run)),
			made: report(is("a", change.Changed, change.Add), is("b", change.Unchanged, ""), is("c", change.Changed, change.Remove), is("r", change.Changed, change.Run)),
		},
		{
			name: "what is closed, since it fails, has two results",
			plan: report(is("a", change.Changed, change.Modify), is("a", change.Blocked, "")),
			made: report(is("a", change.Changed, change.Modify), is("a", change.Blocked, "")),
		},
		{
			name: "both ways, and another action",
			plan: report(is("a", change.Changed, change.Add), is("b", change.Unchanged, ""), is("c", change.Changed, change.Add), is("d", change.Changed, change.Add), is("r", change.Changed, change.Run)),
			made: report(is("a", change.Unchanged, ""), is("b", change.Changed, change.Modify), is("c", change.Changed, change.Modify), is("d", change.NotApplicable, ""), is("s", change.Changed, change.Run), is("s", change.Changed, change.Run)),
			want: []string{
				"k a was planned to be changed, and needed no change" + why,
				"k b was changed without having been planned" + why,
				"k c: an addition was planned, and a change was made" + why,
				"k d was planned to be changed, and needed no change" + why,
				"k s was changed without having been planned" + why,
				"k r was planned, and was not needed after all",
			},
		},
		{
			name: "what could not be seen beforehand",
			plan: report(later("a", change.Remove), later("b", change.Modify), later("c", change.Add)),
			made: report(is("a", change.Unchanged, ""), is("b", change.Changed, change.Add), is("c", change.Changed, change.Add)),
			want: []string{"k a needed no change after all, once it could be seen"},
		},
		{
			name: "a restart by what could not be seen beforehand",
			plan: report(later("a", change.Modify)),
			made: report(is("a", change.Changed, change.Add), is("s", change.Changed, change.Run), is("s", change.Changed, change.Run), is("b", change.Changed, change.Add)),
			want: []string{"k s follows from what the plan could not see before", "k b was changed without having been planned" + why},
		},
		{
			name: "several of them are one note",
			plan: report(later("a", change.Remove), later("b", change.Modify)),
			made: report(is("a", change.Unchanged, ""), is("b", change.NotApplicable, ""), is("a", change.Unchanged, "")),
			want: []string{"k a and k b needed no change after all, once they could be seen"},
		},
		{
			name: "failures speak for themselves",
			plan: report(is("a", change.Changed, change.Add), is("b", change.Changed, change.Add), is("u", change.Changed, change.Add), is("r", change.Changed, change.Run)),
			made: report(is("a", change.Failed, change.Add), is("b", change.Blocked, ""), is("u", change.Unknown, "")),
		},
		{
			name: "nor is said what an interrupted run did not reach",
			plan: report(is("a", change.Changed, change.Add), is("r", change.Changed, change.Run)),
			made: &converge.Report{Interrupted: true},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, differences(tt.plan, tt.made)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
