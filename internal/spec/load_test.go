package spec

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the problems found into testdata")

// unpack writes an archive below a directory. A file LINK.link is a symbolic
// link to what it holds.
func unpack(t testing.TB, files []txtar.File) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		p := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if link, ok := strings.CutSuffix(p, ".link"); ok {
			err = os.Symlink(strings.TrimSpace(string(f.Data)), link)
		} else {
			err = os.WriteFile(p, f.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestProblems loads each archive of testdata and compares what is wrong with
// it with its file want; its comment may name the only backend to load.
func TestProblems(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var files []txtar.File
			want, at := "", -1
			for i, f := range ar.Files {
				if f.Name == "want" {
					want, at = string(f.Data), i
					continue
				}
				files = append(files, f)
			}
			dir := unpack(t, files)
			o := LoadOptions{Dir: dir, Parts: testParts}
			if _, name, ok := strings.Cut(string(ar.Comment), "backend: "); ok {
				o.Backend, _, _ = strings.Cut(name, "\n")
			}
			got := ""
			if _, err := Load(o); err != nil {
				got = strings.ReplaceAll(err.Error(), dir, "DIR") + "\n"
			}
			if *update {
				w := txtar.File{Name: "want", Data: []byte(got)}
				if at < 0 {
					ar.Files = append(ar.Files, w)
				} else {
					ar.Files[at] = w
				}
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if at < 0 {
				t.Fatal("no file want: run with -update")
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}

// LoadCase loads an archive.
func LoadCase(t testing.TB, archive string) *Repository {
	t.Helper()
	r, err := Load(LoadOptions{Dir: unpack(t, txtar.Parse([]byte(archive)).Files), Parts: testParts})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBackend(t *testing.T) {
	r := LoadCase(t, Merged)
	if _, err := r.Backend("one"); err != nil {
		t.Error(err)
	}
	_, err := r.Backend("onne")
	if err == nil || !strings.Contains(err.Error(), `did you mean "one"?`) {
		t.Errorf("got %v", err)
	}
	_, err = Load(LoadOptions{Dir: r.Dir, Backend: "onne", Parts: testParts})
	if err == nil || !strings.Contains(err.Error(), `did you mean "one"?`) {
		t.Errorf("got %v", err)
	}
}

func TestProblemsAreAnError(t *testing.T) {
	_, err := Load(LoadOptions{Dir: unpack(t, txtar.Parse([]byte("-- backends/one/backend.yaml --\nx: 1\ny: 2\n")).Files), Parts: testParts})
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 2 {
		t.Errorf("got %v", err)
	}
}
