package report_test

import (
	"strings"
	"testing"
	"time"

	"opsafe/internal/render"
	"opsafe/internal/report"
)

// TestRootNamesUnknown: who is root has a row for the hosts of which that is not known.
func TestRootNamesUnknown(t *testing.T) {
	old, some := accessOf("old", people()...), accessOf("some", people()[:1]...)
	old.Made, some.Asked = now().Add(-48*time.Hour), []string{"alice"}
	r := made(t, report.Options{Old: 24 * time.Hour, Expect: []string{"none"}},
		parsed(t, "a", old), parsed(t, "b", some), parsed(t, "c", statusOf("bare", "as declared")))
	_, got, _ := strings.Cut(written(t, "txt", r), "Who is root: 1\n")
	got, _, _ = strings.Cut(got, "\n\n")
	for _, want := range []string{
		"not known: no access document   Hosts: bare, none", "old, of 2026-03-10 09:00 UTC", "Hosts: old", "only these were asked for: alice  Hosts: some",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}

// TestOrphansShow: what is on no list is not folded away on a host in order, and is on
// the first line; nor are notes on hosts.
func TestOrphansShow(t *testing.T) {
	s := statusOf("h", "as declared")
	s.Orphans = []render.OrphanDoc{{Name: "key/alice/SHA256:x", Sort: "key", What: "a key that nobody has"}}
	s.Plan.HostNotes = []string{"bob is on no list"}
	r := made(t, report.Options{}, parsed(t, "a", s))
	for format, want := range map[string][]string{
		"txt":  {"1 host · 1 in order · 1 with something on no list · "},
		"md":   {" · 1 with something on no list · ", "<details open><summary><b>On hosts, and on no list</b>", "<details open><summary><b>Notes</b>"},
		"html": {" · 1 with something on no list · ", `<details open="open"><summary><h2>On hosts, and on no list</h2>`, `<details open="open"><summary><h2>Notes</h2>`},
	} {
		got := written(t, format, r)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s does not have %q:\n%.400s", format, w, got)
			}
		}
	}
	if got := written(t, "txt", made(t, report.Options{}, parsed(t, "a", statusOf("h", "as declared")))); strings.Contains(got, "no list") {
		t.Errorf("without any, it says:\n%s", got)
	}
}
