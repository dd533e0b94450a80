// Package e2e proves opsafe from end to end: the program as it is shipped, with
// the backends as they are declared, on throwaway hosts with a real systemd.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"opsafe/internal/render"
	"opsafe/internal/testhost"
)

// hosts is how many hosts are up at once: tests wait for their host more than
// they compute, but docker and apt in many hosts at a time are heavy.
const hosts = "3"

// repository is the top of the sources, seen from this package.
const repository = "../.."

// Where opsafe lies in a host.
const (
	guestBinary     = "/usr/local/bin/opsafe"
	guestRepository = "/srv/opsafe"
)

// binaryDir is where the program is built, once for the process.
var binaryDir string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f != nil && !isSet(f.Name) {
		if err := f.Value.Set(hosts); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	dir, err := os.MkdirTemp("", "opsafe-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binaryDir = dir
	return m.Run()
}

func isSet(name string) bool {
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// binary builds the program as it is shipped and returns its path.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binaryDir, "opsafe")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./cmd/opsafe")
	cmd.Dir = repository
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build opsafe: %w\n%s", err, out)
	}
	return path, nil
})

// env is a host with opsafe and a copy of the repository on it.
type env struct {
	*testhost.Host
	t *testing.T
}

// result is what a program said and how it ended.
type result struct {
	stdout, stderr string
	code           int
}

// String is for messages of tests.
func (r result) String() string {
	return fmt.Sprintf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.code, r.stdout, r.stderr)
}

// newHost boots a host of a suite (empty: the default one) with opsafe in
// guestBinary and the repository's specs in guestRepository, root's. It ends
// with the test.
func newHost(t *testing.T, image testhost.Image, suite string) *env {
	t.Helper()
	return startHost(t, testhost.Options{Image: image, Suite: suite})
}

func startHost(t *testing.T, o testhost.Options) *env {
	t.Helper()
	h := testhost.Start(t, o)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	e := &env{Host: h, t: t}
	e.install(path, guestBinary)
	for _, name := range []string{"backends", "developers.yaml", "keys"} {
		e.install(filepath.Join(repository, name), filepath.Join(guestRepository, name))
	}
	// A checkout has the modes that its owner's umask gave it.
	e.mustRun("chmod", "-R", "go-w", guestRepository)
	return e
}

// on is the same host in a part of the test.
func (e *env) on(t *testing.T) *env { return &env{Host: e.Host, t: t} }

func (e *env) install(from, to string) {
	e.t.Helper()
	if err := e.Install(e.t.Context(), from, to); err != nil {
		e.t.Fatal(err)
	}
}

// run runs a program in the host as root.
func (e *env) run(argv ...string) result {
	e.t.Helper()
	return e.finish(e.Command(e.t.Context(), argv...))
}

// runAs runs a program in the host as somebody.
func (e *env) runAs(user string, argv ...string) result {
	e.t.Helper()
	return e.finish(e.As(e.t.Context(), user, argv...))
}

func (e *env) finish(cmd *exec.Cmd) result {
	e.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || !exit.Exited()) {
		e.t.Fatalf("cannot run %s: %v\n%s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return result{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
}

// mustRun runs a program in the host as root, which has to succeed, and returns
// its output without white space around it.
func (e *env) mustRun(argv ...string) string {
	e.t.Helper()
	r := e.run(argv...)
	if r.code != 0 {
		e.t.Fatalf("%s: %s", strings.Join(argv, " "), r)
	}
	return strings.TrimSpace(r.stdout)
}

// opsafe runs opsafe in the host as root.
func (e *env) opsafe(args ...string) result {
	e.t.Helper()
	return e.run(append([]string{guestBinary}, args...)...)
}

// planJSON runs opsafe plan, which may not fail.
func (e *env) planJSON(backend string, args ...string) render.Document {
	e.t.Helper()
	r := e.opsafe(append([]string{"plan", "--backend", backend, "--format", "json"}, args...)...)
	return e.converged(r)
}

// manageJSON runs opsafe manage, which has to converge the host.
func (e *env) manageJSON(backend string, args ...string) render.Document {
	e.t.Helper()
	r := e.opsafe(append([]string{"manage", "--backend", backend, "--format", "json"}, args...)...)
	return e.converged(r)
}

// converged is the document of a run that has to succeed; if it did not, it says
// no more than what went wrong.
func (e *env) converged(r result) render.Document {
	e.t.Helper()
	doc := document(e.t, r)
	wantNoTrouble(e.t, doc)
	if r.code != 0 {
		e.t.Fatalf("%s ended with exit code %d: %s", doc.Command, r.code, r.stderr)
	}
	return doc
}

// document is the one JSON document that has to be on standard output, and
// nothing else with it.
func document(t *testing.T, r result) render.Document {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(r.stdout))
	d.DisallowUnknownFields()
	var doc render.Document
	if err := d.Decode(&doc); err != nil {
		t.Fatalf("not a JSON document of ours: %v\n%s", err, r)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Fatalf("something follows the JSON document (%v)\n%s", err, r)
	}
	if doc.FormatVersion != render.FormatVersion {
		t.Fatalf("format version %d", doc.FormatVersion)
	}
	return doc
}

// write puts a file of root's into the host.
func (e *env) write(path, content string, mode os.FileMode) {
	e.t.Helper()
	if err := e.WriteFile(path, []byte(content), mode); err != nil {
		e.t.Fatal(err)
	}
}

// read returns a file of the host.
func (e *env) read(path string) string {
	e.t.Helper()
	data, err := e.ReadFile(path)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(data)
}

// replace changes a text in a file of the host, which has to have it.
func (e *env) replace(path, old, text string) {
	e.t.Helper()
	was := e.read(path)
	if !strings.Contains(was, old) {
		e.t.Fatalf("%s does not have %q:\n%s", path, old, was)
	}
	// Written by a program of the host: what is there keeps its owner and mode.
	cmd := e.Command(context.WithoutCancel(e.t.Context()), "tee", path)
	cmd.Stdin = strings.NewReader(strings.Replace(was, old, text, 1))
	if out, err := cmd.CombinedOutput(); err != nil {
		e.t.Fatalf("cannot write %s: %v\n%s", path, err, out)
	}
}
