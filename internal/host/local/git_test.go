package local

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestStaged: what is staged and not committed is named, and nothing else.
func TestStaged(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	do := func(args ...string) {
		t.Helper()
		if _, err := git(ctx, dir, append([]string{"-c", "user.name=a", "-c", "user.email=a@b"}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	put := func(name, text string) {
		t.Helper()
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := func(names ...string) {
		t.Helper()
		got, err := Staged(ctx, dir, "keys", "developers.yaml")
		if err != nil || !slices.Equal(got, names) {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := run(ctx, []string{"git", "init", "-q", dir}, runOptions{}); err != nil {
		t.Fatal(err)
	}
	put("keys/alice", "one")
	put("notes", "one")
	do("add", "-A")
	do("commit", "-q", "-m", "one")
	want()
	put("keys/alice", "two")
	want() // not staged yet
	put("keys/ü", "new")
	put("notes", "two")
	do("add", "-A")
	want("keys/alice", "keys/ü")
	do("commit", "-q", "-m", "two")
	want()
}
