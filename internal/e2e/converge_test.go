package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/render"
	"opsafe/internal/testhost"
)

// TestConverge brings hosts from what they are after installation to their
// declared state, and then finds nothing to do.
func TestConverge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, backend, suite string
		image                testhost.Image
		prepare              func(*env)
	}{
		{name: "tpp on bookworm", backend: "tpp", suite: "bookworm", image: testhost.Bare},
		{name: "tpp on bullseye", backend: "tpp", suite: "bullseye", image: testhost.Bare},
		{name: "tpp on trixie", backend: "tpp", suite: "trixie", image: testhost.Bare},
		{name: "emis", backend: "emis", suite: "bookworm", image: testhost.Full, prepare: stubGitHub},
		{name: "test", backend: "test", suite: "bookworm", image: testhost.Full, prepare: stubGitHub},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newHost(t, tt.image, tt.suite)
			if tt.prepare != nil {
				tt.prepare(e)
			}
			planned := e.planJSON(tt.backend)
			made := e.manageJSON(tt.backend)
			comparePlan(t, planned, made)
			left := e.planJSON(tt.backend, "--exit-code")
			wantChanges(t, left)
			wantNoTraces(t, e, tt.backend)
		})
	}
}

// entry is what a plan and the run that follows it have to agree on.
type entry struct {
	Kind, Name, Action string
	Attrs              []render.Attr
}

func entries(doc render.Document) []entry {
	var out []entry
	for _, c := range doc.Changes {
		out = append(out, entry{c.Kind, c.Name, c.Action, c.Attrs})
	}
	return out
}

// comparePlan checks that a run made the changes that its plan said, all of
// them and no others, in that order.
func comparePlan(t *testing.T, planned, made render.Document) {
	t.Helper()
	if len(planned.Changes) == 0 || len(planned.Failed)+len(planned.Unknown) > 0 {
		t.Errorf("the plan has %d changes, and what it could not see or failed: %+v %+v", len(planned.Changes), planned.Unknown, planned.Failed)
	}
	if diff := cmp.Diff(entries(planned), entries(made)); diff != "" {
		t.Errorf("planned (-) is not what was made (+):\n%s", diff)
	}
	p, m := planned.Summary, made.Summary
	p.Seconds, m.Seconds = 0, 0
	if p != m {
		t.Errorf("the plan's summary is %+v, that of the run %+v", p, m)
	}
}

// wantChanges checks that a document has exactly these changes, as ACTION
// KIND/NAME, and neither failures nor what could not be seen.
func wantChanges(t *testing.T, doc render.Document, want ...string) {
	t.Helper()
	var got []string
	for _, c := range doc.Changes {
		got = append(got, c.Action+" "+c.Kind+"/"+c.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes of %s (- wanted, + got):\n%s", doc.Command, diff)
	}
	if len(doc.Failed)+len(doc.Unknown) > 0 {
		t.Errorf("%s: failed %+v, unknown %+v", doc.Command, doc.Failed, doc.Unknown)
	}
}
