package kind_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
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
	"opsafe/internal/kind/kindtest"
	"opsafe/internal/kinds"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

var update = flag.Bool("update", false, "write what the cases give into their golden part")

// TestCases crosses what is declared with what is there, for each file below
// testdata. A case is a txtar archive:
//
//	what it is about, in words
//	-- backend.yaml --   the backend; further files are beside it, those below
//	                     keys/, parts/ and developers.yaml in the repository
//	-- host.yaml --      the host, as in snapshot.Parse
//	-- plan --           what has to come out, as in dump
//
// The declared state is brought about on a predicted host, and then once more:
// the second time nothing may be left to do.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testCase(t, file)
		})
	}
}

func testCase(t *testing.T, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, h := setUp(t, archive)
	ctx := context.Background()
	results := run(ctx, in, h)
	got := kindtest.Dump(results)
	startsNone(t, results)
	want, at := "", -1
	for i, f := range archive.Files {
		if f.Name == "plan" {
			want, at = string(f.Data), i
		}
	}
	if *update {
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
	again := run(ctx, in, h)
	failed := slices.ContainsFunc(again, func(r change.Result) bool { return r.Status == change.Failed })
	for _, r := range again {
		// A restart may be owed for what has failed twice.
		owed := failed && r.Change.Action == change.Run
		if r.Status == change.Changed && r.Change.Deferred == "" && !owed {
			t.Errorf("a second run changes something: %s", kindtest.Dump([]change.Result{r}))
		}
	}
}

// setUp loads a case's spec and host.
func setUp(t testing.TB, archive *txtar.Archive) (*kind.Input, host.Host) {
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
			writeFile(t, repositoryPath(dir, f.Name), f.Data)
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
	base := snapshot.New(state)
	disabled, err := roster.ReadTombstones(base)
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
	return &kind.Input{Backend: b, Roster: people, Keys: keys, ServiceKeys: service, Repo: repo, Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, overlay.New(base)
}

func repositoryPath(dir, name string) string {
	if name == "developers.yaml" || strings.HasPrefix(name, "keys/") || strings.HasPrefix(name, "parts/") {
		return filepath.Join(dir, name)
	}
	return filepath.Join(dir, "backends", "case", name)
}

func writeFile(t testing.TB, path string, data []byte) {
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

func run(ctx context.Context, in *kind.Input, h host.Host) []change.Result {
	return converge.Run(ctx, converge.Options{
		Host:  h,
		Kinds: converge.Declare(in),
		Now:   func() time.Time { return time.Time{} },
	}).Results
}

// TestSecretsStaySecret searches all that a plan consists of for a secret.
func TestSecretsStaySecret(t *testing.T) {
	const canary = "hunter2-canary"
	archive := txtar.Parse([]byte(`-- backend.yaml --
files:
  /etc/token: {content: "TOKEN=` + canary + `-new\n", secret: true}
  /etc/line: {lines: ["PASSWORD=` + canary + `"], secret: true}
  /etc/old: {state: absent, secret: true}
-- host.yaml --
files:
  /etc/token: {content: "TOKEN=` + canary + `-old\n"}
  /etc/old: {content: "` + canary + `\n"}
`))
	in, h := setUp(t, archive)
	var b bytes.Buffer
	for _, r := range run(context.Background(), in, h) {
		if r.Err != nil {
			t.Error(r.Err)
		}
		fmt.Fprintf(&b, "%+v %#v\n", r, r)
		for _, s := range r.Change.Steps {
			fmt.Fprintf(&b, "%+v %#v %v\n", s, s, errors.New(fmt.Sprint(s)))
		}
		if d := r.Change.Diff; d != nil {
			fmt.Fprintf(&b, "%+v\n", *d)
		}
	}
	if strings.Contains(b.String(), canary) {
		t.Errorf("the secret shows in %s", b.String())
	}
	if !strings.Contains(b.String(), "secret") {
		t.Error("the plan does not speak about secrets at all")
	}
}
