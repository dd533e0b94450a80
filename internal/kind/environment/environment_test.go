package environment_test

import (
	"strings"
	"testing"

	"opsafe/internal/kinds"

	"opsafe/internal/kind/kindtest"

	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
)

// TestEnvironmentFromOldFacts plans from facts that have nothing of environments yet:
// of a file that is by its name one of variables its names tell, and of any other
// nothing is said.
func TestEnvironmentFromOldFacts(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/private.txtar")
	if err != nil {
		t.Fatal(err)
	}
	in, h := kindtest.SetUp(t, archive)
	secrets := kinds.Secrets(in.Backend)
	secrets.Layers = nil
	rec := snapshot.NewRecorder(h, secrets)
	kindtest.Converge(t.Context(), in, overlay.New(rec))
	state, err := rec.Record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var notes []string
	for _, r := range kindtest.Converge(t.Context(), in, overlay.New(snapshot.New(state))) {
		for _, n := range r.Notes {
			what, _, _ := strings.Cut(n, ":")
			notes = append(notes, r.ID.Name+" "+what)
		}
	}
	// A digest takes the place of the placeholder, and of the line below the comment.
	if got, want := strings.Join(notes, "; "), "parts BELOW, SHOWN"; got != want {
		t.Errorf("what lacks is %q, not %q", got, want)
	}
}
