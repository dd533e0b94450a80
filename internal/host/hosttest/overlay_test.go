package hosttest_test

import (
	"testing"

	"opsafe/internal/host"
	"opsafe/internal/host/hosttest"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
)

// TestOverlay runs the suite on the predicted host.
func TestOverlay(t *testing.T) {
	t.Parallel()
	hosttest.Run(t, func(*testing.T) host.Host { return overlay.New(snapshot.New(bare())) })
}

// TestOverlayTwice runs it where the base itself is predicted, and its
// files are not the first to be changed.
func TestOverlayTwice(t *testing.T) {
	t.Parallel()
	hosttest.Run(t, func(t *testing.T) host.Host {
		below := overlay.New(snapshot.New(bare()))
		if err := below.Do(t.Context(), host.AddGroup{Name: "below", GID: 41999}); err != nil {
			t.Fatal(err)
		}
		return overlay.New(below)
	})
}

func bare() snapshot.State {
	s := snapshot.Bare("bookworm")
	s.Programs["true"] = ""
	s.Programs["false"] = "y"
	s.Candidates = map[string]bool{}
	for _, name := range hosttest.Packages() {
		s.Candidates[name] = true
	}
	return s
}
