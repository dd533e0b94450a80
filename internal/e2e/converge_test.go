package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"opsafe/internal/change"
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
		noted                []string // what is still to be warned of once it has converged
		trusted              string   // a certificate that programs on it trust
		wheels               bool     // of osrelease are there
		rdp                  bool     // is how its reviewers come
	}{
		{name: "tpp on bookworm", backend: "tpp", suite: "bookworm", image: testhost.Bare},
		{name: "tpp on bullseye", backend: "tpp", suite: "bullseye", image: testhost.Bare},
		{name: "tpp on trixie", backend: "tpp", suite: "trixie", image: testhost.Bare},
		{name: "emis", backend: "emis", suite: "bookworm", image: testhost.Full, noted: []string{"PRESTO_TLS_CERT_PATH", "PRESTO_TLS_KEY_PATH"}, rdp: true},
		{name: "test", backend: "test", suite: "bookworm", image: testhost.Full, trusted: "/home/opensafely/airlock/certs/fullchain.pem", wheels: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newHost(t, tt.image, tt.suite)
			if tt.wheels {
				e.toolWheels("/srv/install/osrelease", "osrelease", "1.0")
			}
			planned := e.planJSON(tt.backend)
			made := e.manageJSON(tt.backend)
			comparePlan(t, planned, made)
			again := e.planJSON(tt.backend, "--exit-code")
			wantChanges(t, again)
			wantNoted(t, again, tt.noted...)
			wantNoTraces(t, e, tt.backend)
			if tt.wheels {
				wantOsrelease(e)
			}
			if tt.rdp {
				wantRDP(e)
			}
			if tt.trusted != "" {
				wantTrusted(e, tt.backend, tt.trusted)
			}
		})
	}
}

// entry is what a plan and the run that follows it have to agree on.
type entry struct {
	Kind, Name, Action string
	Attrs              []render.Attr
}

// entries are the changes of a document. What a plan says to be known only after
// apply, such as the content of a file that a package brings, is left out.
func entries(doc render.Document) []entry {
	var out []entry
	for _, c := range doc.Changes {
		known := slices.DeleteFunc(slices.Clone(c.Attrs), func(a render.Attr) bool { return a.Special == string(change.AfterApply) })
		out = append(out, entry{c.Kind, c.Name, c.Action, known})
	}
	return out
}

// comparePlan checks that a run made the changes that its plan said, all of
// them and no others, in that order. Of what was to be known after apply, because a
// package might bring it, it may have come out that there is nothing to do.
func comparePlan(t *testing.T, planned, made render.Document) {
	t.Helper()
	if len(planned.Changes) == 0 {
		t.Error("nothing is planned")
	}
	wantNoTrouble(t, planned)
	p, m := planned.Summary, made.Summary
	before := planned.Changes
	planned = spared(planned, made)
	p.Unchanged += len(before) - len(planned.Changes)
	p.Change -= count(before, change.Modify) - count(planned.Changes, change.Modify)
	p.Remove -= count(before, change.Remove) - count(planned.Changes, change.Remove)
	if diff := cmp.Diff(entries(planned), entries(foreseen(planned, made)), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("planned (-) is not what was made (+):\n%s", diff)
	}
	p.Unchanged, m.Unchanged = p.Unchanged+p.NotApplicable, m.Unchanged+m.NotApplicable
	p.NotApplicable, m.NotApplicable = 0, 0
	p.Seconds, m.Seconds = 0, 0
	if p != m {
		t.Errorf("the plan's summary is %+v, that of the run %+v", p, m)
	}
}

// spared takes out of a plan what was to be known after apply, and then was not to be
// done.
func spared(planned, made render.Document) render.Document {
	done := names(made.Changes)
	planned.Changes = slices.DeleteFunc(slices.Clone(planned.Changes), func(i render.Item) bool {
		return i.Deferred != "" && i.Action != string(change.Add) && !slices.Contains(done, i.Kind+"/"+i.Name)
	})
	return planned
}

func count(items []render.Item, a change.Action) int {
	n := 0
	for _, i := range items {
		if i.Action == string(a) {
			n++
		}
	}
	return n
}

// foreseen takes out of a run what its plan could not say more of than that it is known
// after apply: which settings differ in a file that a package brings.
func foreseen(planned, made render.Document) render.Document {
	made.Changes = slices.Clone(made.Changes)
	for i, m := range made.Changes {
		at := slices.IndexFunc(planned.Changes, func(p render.Item) bool { return p.Kind == m.Kind && p.Name == m.Name })
		if at < 0 {
			continue
		}
		said := planned.Changes[at].Attrs
		later := func(a render.Attr) bool { return a.Special == string(change.AfterApply) }
		if !slices.ContainsFunc(said, later) {
			continue
		}
		made.Changes[i].Attrs = slices.DeleteFunc(slices.Clone(m.Attrs), func(a render.Attr) bool {
			return !slices.ContainsFunc(said, func(p render.Attr) bool { return p.Name == a.Name && !later(p) })
		})
	}
	return made
}

// wantOsrelease proves that reviewers can run osrelease, that nobody else can, and that
// they see nothing else in the home where it lies.
func wantOsrelease(e *env) {
	e.t.Helper()
	as := func(group string, argv ...string) result {
		return e.run(append([]string{"setpriv", "--reuid", "nobody", "--regid", "nogroup", "--groups", group}, argv...)...)
	}
	e.says(0, as("reviewers", "/usr/local/bin/osrelease"), "hello 1.0")
	for _, r := range []result{as("nogroup", "/usr/local/bin/osrelease"), as("reviewers", "ls", "/home/opensafely"), as("reviewers", "touch", "/home/opensafely/osrelease/x")} {
		if r.code == 0 {
			e.t.Errorf("it is allowed: %s", r)
		}
	}
}

// wantTrusted proves that openssl trusts a self-signed certificate with what the host
// trusts, that it vouches for no other, and that undo has it trusted no more.
func wantTrusted(e *env, backend, at string) {
	e.t.Helper()
	e.mustRun("openssl", "verify", at)
	if text := e.mustRun("openssl", "x509", "-in", at, "-noout", "-text"); !strings.Contains(text, "CA:FALSE") || !strings.Contains(text, "Public-Key: (2048 bit)") {
		e.t.Errorf("the certificate is\n%s", text)
	}
	e.mustRun("cp", at, "/root/old.pem")
	e.mustRun("rm", at)
	wantChanges(e.t, e.manageJSON(backend, "--only=certificate/airlock"), "change certificate/airlock")
	e.mustRun("openssl", "verify", at)
	if r := e.run("openssl", "verify", "/root/old.pem"); r.code == 0 {
		e.t.Errorf("what it has replaced is still trusted: %s", r)
	}
	if r := e.opsafe("undo", e.lastRun()); r.code != 0 {
		e.t.Errorf("undo: %s", r)
	}
	e.mustRun("openssl", "verify", "/root/old.pem")
}

// wantNoted checks that notes of a document name something.
func wantNoted(t *testing.T, doc render.Document, names ...string) {
	t.Helper()
	for _, name := range names {
		if !slices.ContainsFunc(doc.Notes, func(i render.Item) bool { return strings.Contains(strings.Join(i.Notes, "\n"), name) }) {
			t.Errorf("no note names %s: %+v", name, doc.Notes)
		}
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
		details, err := json.MarshalIndent(doc.Changes, "", "  ")
		t.Errorf("changes of %s (- wanted, + got):\n%s%s %v", doc.Command, diff, details, err)
	}
	wantNoTrouble(t, doc)
}

// wantNoTrouble checks that all could be seen and nothing failed.
func wantNoTrouble(t *testing.T, doc render.Document) {
	t.Helper()
	for _, i := range slices.Concat(doc.Failed, doc.Unknown) {
		t.Errorf("%s: %s/%s %s: %s%s", doc.Command, i.Kind, i.Name, i.Status, i.Error, i.Reason)
	}
}
