package e2e

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"opsafe/internal/render"
	"opsafe/internal/testhost"
)

// TestCommandLine tries what the commands promise, on one host that has nothing
// installed.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	for _, tt := range []struct {
		name string
		test func(*env)
	}{
		{"validate", testValidate},
		{"bare host", testBarePlan},
		{"without root", testUnprivileged},
		{"broken spec", testBrokenSpec},
		{"selection", testSelection},
		{"one at a time", testConcurrent},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(e.on(t)) })
	}
}

func testValidate(e *env) {
	r := e.runAs("nobody", guestBinary, "validate")
	if r.code != 0 || !strings.HasSuffix(r.stdout, "\nvalid\n") || r.stderr != "" {
		e.t.Error(r)
	}
}

// testBarePlan plans everything on a host that has nothing of it.
func testBarePlan(e *env) {
	doc := e.planJSON("tpp")
	wantNoTrouble(e.t, doc)
	const least = 70
	if s := doc.Summary; s.Add < least || s.Failed+s.Unknown > 0 {
		e.t.Errorf("%+v", s)
	}
	r := e.opsafe("plan", "--backend", "tpp", "--exit-code")
	if r.code != 2 || r.stderr != "" || strings.Contains(r.stdout, "\x1b") {
		e.t.Errorf("plan --exit-code, as text: %s", r)
	}
	if got := e.run("getent", "passwd", "madwort"); got.code == 0 {
		e.t.Errorf("the plan has changed the host: %s", got)
	}
}

// testUnprivileged plans as somebody who may not change anything. On a bare host
// everything that counts can be seen, but for the kernel's firewall.
func testUnprivileged(e *env) {
	plan := []string{guestBinary, "plan", "--backend", "tpp", "--format", "json"}
	r := e.runAs("nobody", plan...)
	doc := document(e.t, r)
	isFirewall := func(i render.Item) bool { return i.Kind == "firewall" }
	if len(doc.Unknown) != 1 || !isFirewall(doc.Unknown[0]) {
		e.t.Errorf("what nobody cannot see: %+v", doc.Unknown)
	}
	doc.Unknown = nil
	wantNoTrouble(e.t, doc)
	whole := e.planJSON("tpp")
	whole.Changes = slices.DeleteFunc(whole.Changes, isFirewall)
	if diff := cmp.Diff(entries(whole), entries(doc), cmpopts.EquateEmpty()); diff != "" {
		e.t.Errorf("root's plan (-) and nobody's (+):\n%s", diff)
	}
	if r.code != 0 || !strings.Contains(r.stderr, "run as root to see everything") {
		e.t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	if r := e.runAs("nobody", append(plan, "--exit-code")...); r.code != 1 {
		e.t.Errorf("--exit-code: %d, with changes and something unknown", r.code)
	}
	if r := e.runAs("nobody", guestBinary, "manage", "--backend", "tpp"); r.code != 1 || !strings.Contains(r.stderr, "needs root") || r.stdout != "" {
		e.t.Errorf("manage: %s", r)
	}
}

// wantUnknown has somebody plan on a converged host who may not see everything:
// that is counted and said, with the reason, and nothing else.
func wantUnknown(e *env) {
	e.t.Helper()
	plan := []string{guestBinary, "plan", "--backend", "tpp", "--format", "json"}
	r := e.runAs("nobody", plan...)
	doc := document(e.t, r)
	if r.code != 0 || len(doc.Failed) > 0 || len(doc.Changes) > 0 {
		e.t.Errorf("exit code %d, failed %+v, changes %+v", r.code, doc.Failed, doc.Changes)
	}
	if n := doc.Summary.Unknown; n == 0 || n != len(doc.Unknown) {
		e.t.Errorf("%d could not be seen: %+v", n, doc.Unknown)
	}
	for _, u := range doc.Unknown {
		if u.Reason == "" {
			e.t.Errorf("%s/%s cannot be seen, and nobody says why", u.Kind, u.Name)
		}
	}
	if r := e.runAs("nobody", append(plan, "--exit-code")...); r.code != 1 {
		e.t.Errorf("--exit-code: %d, although not everything could be seen", r.code)
	}
	text := e.runAs("nobody", guestBinary, "plan", "--backend", "tpp")
	if !strings.Contains(text.stdout, "unknown") || !strings.Contains(text.stderr, "run as root to see everything") {
		e.t.Errorf("plan, as text: %s", text)
	}
}

// testBrokenSpec finds all that is wrong, with its place, before anything is run.
func testBrokenSpec(e *env) {
	const backend = guestRepository + "/backends/test/backend.yaml"
	was := e.read(backend)
	defer e.write(backend, was, 0o644)
	e.write(backend, was+"\ngrups: {}\ngroups: {developers: {gid: many}}\n", 0o644)
	for _, args := range [][]string{
		{"validate"},
		{"plan", "--backend", "test", "--format", "json"},
		{"manage", "--backend", "test", "--format", "json"},
	} {
		r := e.opsafe(args...)
		if r.code != 1 || r.stdout != "" {
			e.t.Errorf("%q: %s", args, r)
		}
		for _, want := range []string{"2 problems", "backends/test/backend.yaml:", "grups", "groups", "gid"} {
			if !strings.Contains(r.stderr, want) {
				e.t.Errorf("%q does not say %q: %s", args, want, r.stderr)
			}
		}
	}
}

func testSelection(e *env) {
	wantChanges(e.t, e.planJSON("tpp", "--only", "group/reviewers"), "add group/reviewers")
	groups := []string{"add group/opensafely", "add group/researchers", "add group/reviewers"}
	args := []string{"--only", "groups", "--skip", "group/developers", "--skip", "group/docker,group/sudo"}
	wantChanges(e.t, e.planJSON("tpp", args...), groups...)
	wantChanges(e.t, e.manageJSON("tpp", args...), groups...)
	wantChanges(e.t, e.planJSON("tpp", args...))
	if r := e.opsafe("plan", "--backend", "tpp", "--only", "group/reviewrs"); r.code != 1 || !strings.Contains(r.stderr, "group/reviewers") {
		e.t.Error(r)
	}
	if r := e.opsafe("plan", "--backend", "tpp", "--only", "grop"); r.code != 1 || !strings.Contains(r.stderr, `"group"`) {
		e.t.Error(r)
	}
	if r := e.opsafe("plan", "--backend", "tp"); r.code != 1 || !strings.Contains(r.stderr, "tpp") {
		e.t.Error(r)
	}
}

// testConcurrent holds one run up, by a server of keys that does not answer, and
// tries a second.
func testConcurrent(e *env) {
	asked, answer := make(chan struct{}, 100), make(chan struct{})
	serveKeys(e, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-answer
		http.Error(w, "no keys today", http.StatusInternalServerError)
	}))
	var stdout, stderr bytes.Buffer
	first := e.Command(e.t.Context(), guestBinary, "manage", "--backend", "emis", "--only", "key")
	first.Stdout, first.Stderr = &stdout, &stderr
	if err := first.Start(); err != nil {
		e.t.Fatal(err)
	}
	<-asked
	second := e.opsafe("manage", "--backend", "tpp", "--format", "json")
	close(answer)
	if err := first.Wait(); err == nil {
		e.t.Errorf("keys could not be fetched, and manage went on:\n%s%s", stdout.String(), stderr.String())
	}
	if second.code != 1 || second.stdout != "" || !strings.Contains(second.stderr, "another run of opsafe is at work on this host: process ") ||
		!strings.Contains(second.stderr, "opsafe manage --backend emis --only key") {
		e.t.Errorf("second run: %s", second)
	}
}
