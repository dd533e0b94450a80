package kind_test

import (
	"testing"

	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
)

// TestGoneForGood: a plan says of what it removes that it cannot be brought back.
func TestGoneForGood(t *testing.T) {
	state, err := snapshot.Parse([]byte("files:\n  /run/x.sock: {type: special file}\n  /run/x: {content: \"\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	h := overlay.New(snapshot.New(state))
	for at, want := range map[string]string{"/run/x.sock": "a special file is not kept", "/run/x": ""} {
		c, err := kind.GoneFile{Path: at}.Look(t.Context(), h)
		if err != nil || len(c.Steps) != 1 || c.Irreversible != want {
			t.Errorf("%s: %q, %v", at, c.Irreversible, err)
		}
	}
}
