package docs

import (
	"os"
	"path/filepath"
	"testing"

	"opsafe/internal/change"
	"opsafe/internal/kinds"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// TestMachines validates the complete examples of testdata and plans each of their
// backends on a bare host: nothing fails. What they make of real hosts is for e2e.
func TestMachines(t *testing.T) {
	const dir = repository + "/testdata"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	backends := 0
	for _, e := range entries {
		repo, err := kinds.Load(spec.LoadOptions{Dir: filepath.Join(dir, e.Name())})
		if err == nil {
			err = roster.Validate(repo)
		}
		if err != nil {
			t.Errorf("%s:\n%v", e.Name(), err)
			continue
		}
		for name, b := range repo.Backends {
			backends++
			for _, r := range plan(t, repo, b).Results {
				if r.Status == change.Failed || r.Status == change.Blocked {
					t.Errorf("%s, %s: %s: %v%s", e.Name(), name, r.ID, r.Err, r.Reason)
				}
			}
		}
	}
	if backends < 4 {
		t.Errorf("there are %d backends", backends)
	}
}
