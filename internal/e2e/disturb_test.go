package e2e

import (
	"slices"
	"strings"
	"testing"

	"opsafe/internal/render"
	"opsafe/internal/testhost"
)

// disturbance is something that somebody does to a converged host by hand.
type disturbance struct {
	name string
	do   func(e *env)
	// want are the changes that repair it, in order: ACTION KIND/NAME.
	want []string
	// later are changes that the plan has to announce as known after apply, and
	// that turn out not to be needed.
	later []string
	// fails is what opsafe does not repair by itself, as KIND/NAME, and says a
	// part of what it says about it. The host is put right by cure then.
	fails []string
	says  string
	cure  func(e *env)
	// check looks at the host when all is done.
	check func(e *env)
}

// by is a disturbance, or a cure, that one program makes.
func by(argv ...string) func(*env) {
	return func(e *env) { e.t.Helper(); e.mustRun(argv...) }
}

// all does several things in a row.
func all(steps ...func(*env)) func(*env) {
	return func(e *env) {
		e.t.Helper()
		for _, s := range steps {
			s(e)
		}
	}
}

// manages has opsafe bring the host to its declared state.
func manages(e *env) { e.t.Helper(); e.manageJSON("tpp") }

// edits is a disturbance that changes a text in a file.
func edits(path, old, text string) func(*env) {
	return func(e *env) { e.t.Helper(); e.replace(path, old, text) }
}

// says checks that a program's output is what is expected.
func says(want string, argv ...string) func(*env) {
	return func(e *env) {
		e.t.Helper()
		if got := e.mustRun(argv...); got != want {
			e.t.Errorf("%s: %q, not %q", strings.Join(argv, " "), got, want)
		}
	}
}

// TestDisturb disturbs one converged host in one way after the other. Each time,
// the plan names just what has been disturbed, manage repairs just that, and
// nothing is left then.
func TestDisturb(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.mustRun("useradd", "--create-home", "stranger")
	e.manageJSON("tpp")
	t.Run("seen without root", func(t *testing.T) { wantUnknown(e.on(t)) })
	for _, d := range disturbances() {
		t.Run(d.name, func(t *testing.T) { d.run(e.on(t)) })
	}
}

func disturbances() []disturbance {
	var out []disturbance
	for _, part := range [][]disturbance{
		accountDisturbances(), keyDisturbances(), pathDisturbances(), treeDisturbances(), fileDisturbances(),
		unitDisturbances(), dockerDisturbances(), packageDisturbances(),
	} {
		out = append(out, part...)
	}
	return out
}

func (d disturbance) run(e *env) {
	e.t.Helper()
	d.do(e)
	planned := document(e.t, e.opsafe("plan", "--backend", "tpp", "--format", "json"))
	r := e.opsafe("manage", "--backend", "tpp", "--format", "json")
	made := document(e.t, r)
	wantFailures(e.t, &planned, d)
	wantFailures(e.t, &made, d)
	wantChanges(e.t, made, d.want...)
	wantChanges(e.t, spared(without(e.t, planned, d.later), made), d.want...)
	if want := min(len(d.fails), 1); r.code != want {
		e.t.Errorf("manage ended with %d, not %d:\n%s", r.code, want, r.stderr)
	}
	if d.cure != nil {
		d.cure(e)
	}
	left := document(e.t, e.opsafe("plan", "--backend", "tpp", "--format", "json"))
	if len(left.Changes)+len(left.Failed) > 0 {
		// The next disturbance is to start from the declared state again.
		defer e.opsafe("manage", "--backend", "tpp")
	}
	wantChanges(e.t, left)
	if d.check != nil {
		d.check(e)
	}
}

// without takes those changes out of a plan that it announces as known after
// apply.
func without(t *testing.T, doc render.Document, later []string) render.Document {
	t.Helper()
	for _, l := range later {
		i := slices.IndexFunc(doc.Changes, func(c render.Item) bool { return c.Deferred != "" && c.Action+" "+c.Kind+"/"+c.Name == l })
		if i < 0 {
			t.Errorf("the plan does not announce %s", l)
			continue
		}
		doc.Changes = slices.Delete(slices.Clone(doc.Changes), i, i+1)
	}
	return doc
}

// wantFailures checks that a document names what opsafe does not repair, and
// nothing else but what needs it, and takes that off the document.
func wantFailures(t *testing.T, doc *render.Document, d disturbance) {
	t.Helper()
	var got []string
	for _, f := range doc.Failed {
		if f.Status == "blocked" {
			continue
		}
		got = append(got, f.Kind+"/"+f.Name)
		if !strings.Contains(f.Error, d.says) {
			t.Errorf("%s: %s/%s fails with %q, which does not say %q", doc.Command, f.Kind, f.Name, f.Error, d.says)
		}
	}
	if len(d.fails) == 0 {
		return // whatever fails is reported with the changes
	}
	if !slices.Equal(got, d.fails) {
		t.Errorf("%s: %q fail, not %q: %+v", doc.Command, got, d.fails, doc.Failed)
	}
	doc.Failed = nil
}
