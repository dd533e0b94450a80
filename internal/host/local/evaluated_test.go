package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/host"
)

// TestEvaluateOnce asks a program again as soon as anything that its answer may rest on
// has changed, and not before.
func TestEvaluateOnce(t *testing.T) {
	dir := t.TempDir()
	main, parts, elsewhere, asked := filepath.Join(dir, "main"), filepath.Join(dir, "main.d"), filepath.Join(dir, "other"), filepath.Join(dir, "asked")
	write := func(path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(parts, 0o700); err != nil {
		t.Fatal(err)
	}
	write(main, "Include "+elsewhere+"\nsay a\n")
	write(elsewhere, "say b\n")
	h := New(Options{RunDir: t.TempDir(), StateDir: t.TempDir()})
	check := host.Check{
		Argv: []string{"sh", "-c", `echo >>` + asked + `; cat "$0"`, "%"},
		Tree: &host.CheckTree{Main: main, Dir: parts},
	}
	want := func(times int, why string) {
		t.Helper()
		for range 2 {
			said, err := h.Evaluate(t.Context(), check)
			if err != nil || !strings.Contains(said, "say") {
				t.Fatalf("%s: %q, %v", why, said, err)
			}
		}
		if data, _ := os.ReadFile(asked); len(data) != times {
			t.Errorf("%s: it was asked %d times, not %d", why, len(data), times)
		}
	}
	want(1, "twice the same")
	write(elsewhere, "say c\n")
	want(2, "what is included has changed")
	write(filepath.Join(parts, "new.conf"), "say d\n")
	want(3, "there is another file")
	content := host.NewContent([]byte("say e\n"))
	check.Tree.Predicted = map[string]*host.Content{main: &content}
	want(4, "another is predicted")
	check.Tree.Predicted = nil
	want(4, "as it was before")
	if err := h.Do(t.Context(), host.MakeDir{Path: filepath.Join(dir, "made"), Owner: "root", Group: "root", Access: host.AccessOf(0o755)}); err != nil {
		t.Fatal(err)
	}
	want(5, "a step has been done")
	check.Argv = append([]string{"sh", "-c", `echo >>` + asked + `; cat "$0"; exit 1`}, check.Argv[3:]...)
	for range 2 {
		if _, err := h.Evaluate(t.Context(), check); err == nil {
			t.Error("what is refused is accepted")
		}
	}
	if data, _ := os.ReadFile(asked); len(data) != 7 {
		t.Errorf("what is refused was asked %d times, not 7", len(data))
	}
}
