package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNewcomerByFacts adds somebody who sorts before all others to the master list:
// the committed facts say how they would get in, though they were recorded before.
func TestNewcomerByFacts(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"backends", "keys"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(repository, name))); err != nil {
			t.Fatal(err)
		}
	}
	list, err := os.ReadFile(filepath.Join(repository, "developers.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFlTlCJYLUeKCYFqTYXVb6XhiBZ1zIjDWSmIiu2hK1dU\n"
	for name, data := range map[string]string{
		"developers.yaml": string(list) + "Aaron: {roles: [developers]}\n",
		"keys/Aaron":      key,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, backend := range []string{"test", "tpp"} {
		e := &env{t: t}
		r := e.finish(exec.CommandContext(t.Context(), path, "plan", "--dir", dir, "--backend", backend, "--facts", filepath.Join(dir, "backends", "facts", backend+".json")))
		if r.code != 0 || !strings.Contains(r.stdout, "gains login (1 key)") || strings.Contains(r.stdout, "cannot be told") {
			t.Errorf("%s: %v", backend, r)
		}
	}
}
