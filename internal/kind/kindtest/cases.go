package kindtest

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// Case is a file that crosses what is declared with what is there.
type Case struct {
	// Name begins with that of the kind: sysctl/values. It is the folder below testdata
	// that the file is in, or else the one that testdata is in.
	Name string
	File string
}

// Kind is the name of the kind that the case is about.
func (c Case) Kind() string { return filepath.Dir(c.Name) }

// Find finds the cases of all kinds below a directory.
func Find(t testing.TB, dir string) []Case {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []Case
	err = filepath.WalkDir(dir, func(at string, _ fs.DirEntry, err error) error {
		if filepath.Ext(at) == ".txtar" {
			in := filepath.Dir(at)
			if filepath.Base(in) == "testdata" {
				in = filepath.Dir(in)
			}
			out = append(out, Case{filepath.Base(in) + "/" + strings.TrimSuffix(filepath.Base(at), ".txtar"), at})
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("no cases below %s: %v", dir, err)
	}
	return out
}

// Run tests the cases below testdata, or writes what they give into their golden parts. A
// case is a txtar archive:
//
//	what it is about, in words
//	-- backend.yaml --   the backend; further files are beside it, those below
//	                     keys/, parts/ and developers.yaml in the repository
//	-- host.yaml --      the host, as in snapshot.Parse
//	-- plan --           what has to come out, as in Dump
//
// The declared state is brought about on a predicted host, and then once more:
// the second time nothing may be left to do.
func Run(t *testing.T, update bool) {
	t.Helper()
	for _, c := range Find(t, "testdata") {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			runCase(t, c.File, update)
		})
	}
}

func runCase(t *testing.T, file string, update bool) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, h := SetUp(t, archive)
	results := Converge(t.Context(), in, h)
	got := Dump(results)
	startsNone(t, results)
	want, at := "", -1
	for i, f := range archive.Files {
		if f.Name == "plan" {
			want, at = string(f.Data), i
		}
	}
	if update {
		part := txtar.File{Name: "plan", Data: []byte(got)}
		if at < 0 {
			archive.Files = append(archive.Files, part)
		} else {
			archive.Files[at] = part
		}
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if d := gocmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("the plan is not as expected (-want +got):\n%s", d)
	}
	again := Converge(t.Context(), in, h)
	failed := slices.ContainsFunc(again, func(r change.Result) bool { return r.Status == change.Failed })
	for _, r := range again {
		// A restart may be owed for what has failed twice.
		owed := failed && r.Change.Action == change.Run
		if r.Status == change.Changed && r.Change.Deferred == "" && !owed {
			t.Errorf("a second run changes something: %s", Dump([]change.Result{r}))
		}
	}
}

// SetUp loads the spec of a case, and makes its host.
func SetUp(t testing.TB, archive *txtar.Archive) (*kind.Input, host.Host) {
	t.Helper()
	in, state := Load(t, archive)
	return in, overlay.New(snapshot.New(state))
}

// Load loads the spec of a case, and what its host is like.
func Load(t testing.TB, archive *txtar.Archive) (*kind.Input, snapshot.State) {
	t.Helper()
	dir := t.TempDir()
	var state snapshot.State
	for _, f := range archive.Files {
		switch f.Name {
		case "plan":
		case "host.yaml":
			var err error
			if state, err = snapshot.Parse(f.Data); err != nil {
				t.Fatal(err)
			}
		default:
			WriteFile(t, repositoryPath(dir, f.Name), f.Data)
		}
	}
	repo, err := kinds.Load(spec.LoadOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	b, err := repo.Backend("case")
	if err != nil {
		t.Fatal(err)
	}
	disabled, err := roster.ReadTombstones(snapshot.New(state))
	if err != nil {
		t.Fatal(err)
	}
	people, err := roster.Resolve(repo, b, disabled)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := people.CollectKeys(context.Background(), repo, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	service := map[string]roster.KeySet{}
	for name, a := range b.AuthorizedKeys {
		service[name] = people.ServiceKeys(repo, b, a, keys)
	}
	return &kind.Input{Backend: b, Roster: people, Keys: keys, ServiceKeys: service, Repo: repo, Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, state
}

func repositoryPath(dir, name string) string {
	if name == "developers.yaml" || strings.HasPrefix(name, "keys/") || strings.HasPrefix(name, "parts/") {
		return filepath.Join(dir, name)
	}
	return filepath.Join(dir, "backends", "case", name)
}

// WriteFile writes a file, with the directories that it is in.
func WriteFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// startsNone: a change that notifies units starts none itself. Its debts are recorded
// before its first step, and a unit that is started along with another counts as one
// that has come up with what the change has written.
func startsNone(t *testing.T, results []change.Result) {
	t.Helper()
	for _, r := range results {
		for _, s := range slices.Concat(r.Change.Steps, r.Change.Finally) {
			if start, ok := s.(host.StartUnit); ok && len(r.Change.Notify) > 0 {
				t.Errorf("%s notifies %v, and starts %s", r.ID, r.Change.Notify, start.Name)
			}
		}
	}
}

// Converge brings about on a host what is declared.
func Converge(ctx context.Context, in *kind.Input, h host.Host) []change.Result {
	return converge.Run(ctx, converge.Options{
		Host:  h,
		Kinds: converge.Declare(in),
		Now:   func() time.Time { return time.Time{} },
	}).Results
}
