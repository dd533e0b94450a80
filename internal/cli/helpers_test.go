package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"opsafe/internal/cli"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
)

// world is all that a command sees: a repository, a host in memory, an
// environment.
type world struct {
	t    *testing.T
	app  *cli.App
	host *countingHost
	dir  string
	env  map[string]string
	out  bytes.Buffer
	err  bytes.Buffer
}

// countingHost is a host in memory that counts what it is told to do.
type countingHost struct {
	memoryHost
	steps int
	// dies says before which step the process is killed; none is done after it.
	dies func(host.Step) bool
	dead bool
	// lies says which steps are done by nobody, and succeed.
	lies func(host.Step) bool
}

// memoryHost is what a host in memory can do.
type memoryHost interface {
	host.Host
	host.Inventory
	host.TreeScanner
}

var errKilled = errors.New("killed")

func (h *countingHost) Do(ctx context.Context, s host.Step) error {
	h.steps++
	if h.dead = h.dead || h.dies != nil && h.dies(s); h.dead {
		return errKilled
	}
	if h.lies != nil && h.lies(s) {
		return nil
	}
	return h.memoryHost.Do(ctx, s)
}

// newWorld makes a world from a txtar archive: host.yaml is the host, the rest
// the repository.
func newWorld(t *testing.T, text string) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "repository"), env: map[string]string{}}
	state := snapshot.Bare("bookworm")
	for _, f := range txtar.Parse([]byte(text)).Files {
		if f.Name == "host.yaml" {
			var err error
			if state, err = snapshot.Parse(f.Data); err != nil {
				t.Fatal(err)
			}
			continue
		}
		w.write(f.Name, string(f.Data))
	}
	w.host = &countingHost{memoryHost: overlay.New(snapshot.New(state))}
	program := filepath.Join(t.TempDir(), "opsafe")
	if err := os.WriteFile(program, []byte("the program"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.env["OPSAFE_DIR"] = w.dir
	w.app = &cli.App{
		Out: &w.out, Err: &w.err, Host: w.host, Root: true,
		Env:        func(name string) string { return w.env[name] },
		Now:        func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
		LockPath:   filepath.Join(t.TempDir(), "lock"),
		Executable: func() (string, error) { return program, nil },
	}
	return w
}

// settle puts another host in the place of the world's own.
func (w *world) settle(state snapshot.State) {
	w.host = &countingHost{memoryHost: overlay.New(snapshot.New(state))}
	w.app.Host = w.host
}

func (w *world) write(name, content string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// run runs a command and gives its exit code; what it wrote is in out and err.
func (w *world) run(args ...string) int {
	w.t.Helper()
	w.out.Reset()
	w.err.Reset()
	w.host.steps, w.host.dead = 0, false
	return w.app.Run(context.Background(), args)
}

// want runs a command and checks its exit code, and that the streams hold these
// texts.
func (w *world) want(code int, out, errs []string, args ...string) {
	w.t.Helper()
	if got := w.run(args...); got != code {
		w.t.Errorf("%v: exit code %d, not %d", args, got, code)
	}
	for _, s := range out {
		if !strings.Contains(w.out.String(), s) {
			w.t.Errorf("%v: the output does not hold %q", args, s)
		}
	}
	for _, s := range errs {
		if !strings.Contains(w.err.String(), s) {
			w.t.Errorf("%v: the error stream does not hold %q", args, s)
		}
	}
	if w.t.Failed() {
		w.t.Logf("output:\n%s\nerrors:\n%s", w.out.String(), w.err.String())
	}
}

// untouched demands that nothing has been done to the host.
func (w *world) untouched() {
	w.t.Helper()
	if w.host.steps != 0 {
		w.t.Errorf("%d steps were done", w.host.steps)
	}
}

func (w *world) file(path string) string {
	w.t.Helper()
	data, err := w.host.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

// document is the one JSON document on the output, which has to keep to the schema.
func (w *world) document() map[string]any {
	w.t.Helper()
	dec := json.NewDecoder(&w.out)
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		w.t.Fatalf("no JSON: %v\n%s", err, w.err.String())
	}
	if dec.More() {
		w.t.Error("more than one document")
	}
	if err := w.outputSchema().Validate(doc); err != nil {
		w.t.Errorf("the document does not keep to the schema: %v", err)
	}
	return doc
}
