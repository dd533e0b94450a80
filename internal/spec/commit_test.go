package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func layOut(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(strings.ReplaceAll(content, "DIR", dir)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestCommit reads what git leaves in its directory.
func TestCommit(t *testing.T) {
	a, b := strings.Repeat("a1", 20), strings.Repeat("b2", 32)
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no repository", nil, ""},
		{"a branch", map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": a + "\n", ".git/packed-refs": b + " refs/heads/main\n"}, a},
		{"a packed branch", map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/packed-refs": "# pack-refs with: peeled\n" + a + " refs/heads/main2\n" + b + " refs/heads/main\n"}, b},
		{"no branch", map[string]string{".git/HEAD": a + "\n"}, a},
		{"a branch without a commit", map[string]string{".git/HEAD": "ref: refs/heads/main\n"}, ""},
		{"a worktree", map[string]string{
			".git": "gitdir: DIR/main/.git/worktrees/w\n", "main/.git/worktrees/w/HEAD": "ref: refs/heads/w\n",
			"main/.git/worktrees/w/commondir": "../..\n", "main/.git/refs/heads/w": a + "\n",
		}, a},
		{"a ref that leads elsewhere", map[string]string{".git/HEAD": "ref: ../secret\n", "secret": a + "\n"}, ""},
		{"no name of a commit", map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": "root:x:0:0\n"}, ""},
	} {
		if got := Commit(layOut(t, tt.files)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestDigest: it is another as soon as a file of the spec is, or is elsewhere, and
// no other file counts.
// TestCommitOfRelease takes the commit of a release from its name, also through the link
// to the one that counts; any other directory's name says nothing.
func TestCommitOfRelease(t *testing.T) {
	name := strings.Repeat("a1", 20)
	dir := layOut(t, map[string]string{"releases/" + name + "/developers.yaml": "{}\n", "backups/" + name + "/developers.yaml": "{}\n"})
	if err := os.Symlink("releases/"+name, filepath.Join(dir, "current")); err != nil {
		t.Fatal(err)
	}
	for of, want := range map[string]string{"releases/" + name: name, "current": name, "backups/" + name: "", "releases": ""} {
		got := LookAtCheckout(filepath.Join(dir, of))
		if got.Commit != want || got.Changed > 0 || got.Unsure {
			t.Errorf("%s: %+v", of, got)
		}
	}
}

func TestDigest(t *testing.T) {
	files := map[string]string{"developers.yaml": "a: {}\n", "keys/a": "key\n", "backends/x/backend.yaml": "description: x\n"}
	digest := func(name, content string) string {
		t.Helper()
		all := map[string]string{}
		for k, v := range files {
			all[k] = v
		}
		if all[name] = content; content == "" {
			delete(all, name)
		}
		d, err := Digest(layOut(t, all))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	same := digest("README.md", "something else")
	if again := digest("README.md", "something other"); again != same || len(same) != 64 {
		t.Errorf("%s, then %s", same, again)
	}
	seen := map[string]string{same: "as it was"}
	for name, content := range map[string]string{"keys/a": "other\n", "keys/b": "key\n", "developers.yaml": "", "backends/x/files/y": "y"} {
		d := digest(name, content)
		if seen[d] != "" {
			t.Errorf("%s: the digest is that of %s", name, seen[d])
		}
		seen[d] = name
	}
}
