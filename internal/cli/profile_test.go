package cli_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestProfile: a run leaves profiles where it is told to, and says what keeps it from it.
func TestProfile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	w := newWorld(t, "")
	w.want(0, []string{"opsafe"}, nil, "version", "--profile", dir)
	for _, name := range []string{"cpu.pprof", "heap.pprof"} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.want(1, nil, []string{"cannot write a profile"}, "version", "--profile", filepath.Join(dir, "cpu.pprof", "x"))
}
