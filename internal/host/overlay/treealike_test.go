package overlay

import (
	"testing"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

// TestNothingAlikeBelowWhatIsGone: what steps hide is asked for node by node, since each
// has to be taken off the total.
func TestNothingAlikeBelowWhatIsGone(t *testing.T) {
	t.Parallel()
	h := New(snapshot.New(snapshot.State{}))
	rule := host.TreeRule{Root: "/srv", Prune: []string{"/srv/left"}}
	h.files.alter(alteration{rule: &rule})
	h.files.put("/srv/gone", &entry{absent: true})
	s := &scan{host: h, seen: map[string]bool{}}
	if a := s.alike("/srv/gone/below"); !a.None {
		t.Errorf("below what is gone: %+v", a)
	}
	in, left := s.alike("/srv"), s.alike("/srv/left")
	if in.None || !in.Apart["gone"] || !in.Apart["left"] || in.Apart["other"] {
		t.Errorf("beside what is gone: %+v", in)
	}
	if left.None || left.Sort == in.Sort {
		t.Errorf("what a rule leaves alone is of the sort %q, what it covers of %q", left.Sort, in.Sort)
	}
}
