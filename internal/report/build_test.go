package report_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/render"
	"opsafe/internal/report"
)

// TestStates: no host is said to be in order of which that is not known.
func TestStates(t *testing.T) {
	change, failed := motd(), render.Item{Kind: "package", Name: "x", Status: "failed", Error: "no"}
	unseen := render.Item{Kind: "acl", Name: "/x", Status: "unknown", Reason: "no"}
	part, cut, short := planOf("h"), planOf("h"), planOf("h")
	part.Only, cut.Summary.Interrupted, short.Summary.Unknown = []string{"user"}, true, 1
	old := statusOf("h", "drifted", change)
	old.Made = now().Add(-48 * time.Hour)
	ahead, slow := statusOf("h", "as declared"), statusOf("h", "as declared")
	ahead.Made, slow.Made = now().Add(6*time.Minute), now().Add(4*time.Minute)
	blind := planOf("h")
	blind.Unjudged = []string{"sshd"}
	refused := planOf("h")
	refused.Refused = "manage would refuse this"
	for _, tt := range []struct {
		name string
		docs []any
		want report.State
	}{
		{"a plan by facts that do not tell all", []any{blind}, report.Unknown},
		{"a plan that manage would refuse", []any{refused, statusOf("h", "as declared")}, report.Unknown},
		{"a failed status, and a plan without changes", []any{statusOf("h", "failed", failed), planOf("h")}, report.Failed},
		{"as declared", []any{statusOf("h", "as declared")}, report.InOrder},
		{"a plan without changes", []any{planOf("h")}, report.Unknown},
		{"a plan without changes, and a status", []any{planOf("h"), statusOf("h", "as declared")}, report.InOrder},
		{"a plan with changes", []any{planOf("h", change)}, report.Drifted},
		{"drifted", []any{statusOf("h", "drifted", change)}, report.Drifted},
		{"drifted and unknown", []any{statusOf("h", "drifted", change, unseen)}, report.Drifted},
		{"failed and drifted", []any{planOf("h", change, failed)}, report.Failed},
		{"unknown", []any{planOf("h", unseen)}, report.Unknown},
		{"a part was looked at", []any{part}, report.Unknown},
		{"interrupted", []any{cut}, report.Unknown},
		{"counted and not listed", []any{short}, report.Unknown},
		{"a state that nobody knows", []any{statusOf("h", "resting")}, report.Unknown},
		{"access alone", []any{accessOf("h", people()...)}, report.Unknown},
		{"old", []any{old}, report.Old},
		{"old, and a plan of now", []any{old, planOf("h")}, report.Old},
		{"of a clock that is wrong", []any{ahead}, report.Old},
		{"of a clock that is a little ahead", []any{slow}, report.InOrder},
		{"status and plan of different specs", []any{statusOf("h", "drifted", change), planOf("h")}, report.Drifted},
		{"status in order, and a plan with changes", []any{statusOf("h", "as declared"), planOf("h", change)}, report.Drifted},
		{"nothing", nil, report.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var docs []*report.Document
			for i, d := range tt.docs {
				docs = append(docs, parsed(t, fmt.Sprint(i), d))
			}
			h := stateOf(made(t, report.Options{Old: 24 * time.Hour, Expect: []string{"h"}}, docs...), "h")
			if h.State != tt.want {
				t.Errorf("%s, not %s: %+v", h.State, tt.want, h)
			}
		})
	}
}

// TestPlanAge: of a plan, which does not say when it was made, the file's time counts.
func TestPlanAge(t *testing.T) {
	data, err := json.Marshal(planOf("h"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := report.Parse("f", data, now().Add(-48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if h := stateOf(made(t, report.Options{Old: 24 * time.Hour}, d), "h"); h.State != report.Old || h.Was != report.Unknown {
		t.Errorf("%s, was %s", h.State, h.Was)
	}
	if h := stateOf(made(t, report.Options{}, d), "h"); h.State != report.Unknown {
		t.Errorf("with no limit it is %s", h.State)
	}
}

// TestBoth: where a plan names other resources than the status, neither of them takes
// anything away from the other.
func TestBoth(t *testing.T) {
	failed := render.Item{Kind: "package", Name: "x", Status: "failed", Error: "no"}
	unseen := render.Item{Kind: "acl", Name: "/x", Status: "unknown", Reason: "no"}
	short := planOf("h", docker())
	short.Summary.Unknown = 7
	r := made(t, report.Options{}, parsed(t, "a", statusOf("h", "drifted", motd(), failed)), parsed(t, "b", short))
	h := stateOf(r, "h")
	if h.State != report.Failed || h.Changes != 2 || h.Failed != 1 || h.Unknown != 7 {
		t.Errorf("%+v", h)
	}
	if len(h.Why) != 1 || !strings.Contains(h.Why[0], "says something else than its status") {
		t.Errorf("why: %q", h.Why)
	}
	var found []string
	for _, f := range r.Findings {
		found = append(found, f.Item.Name)
	}
	if d := cmp.Diff([]string{"x", "/etc/motd", "docker"}, found); d != "" {
		t.Errorf("findings (-want +got):\n%s", d)
	}
	r = made(t, report.Options{}, parsed(t, "a", statusOf("h", "drifted", motd(), unseen)), parsed(t, "b", planOf("h", motd(), unseen)))
	if h := stateOf(r, "h"); len(r.Findings) != 2 || h.Changes != 1 || h.Unknown != 1 || len(h.Why) != 0 {
		t.Errorf("the same of both: %+v, %+v", h, r.Findings)
	}
	other := motd()
	other.Diff = &render.Diff{Path: "/etc/motd", Before: "Welcome!\n", After: "Go away.\n"}
	r = made(t, report.Options{}, parsed(t, "a", statusOf("h", "drifted", motd())), parsed(t, "b", planOf("h", other)))
	if h := stateOf(r, "h"); len(r.Findings) != 2 || len(h.Why) != 1 {
		t.Errorf("other contents of one file: %+v, %+v", h, r.Findings)
	}
}
