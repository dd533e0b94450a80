package e2e

import (
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"opsafe/internal/facts"
	"opsafe/internal/testhost"
)

// updateFacts is how the facts of the backends are recorded anew.
var updateFacts = flag.Bool("update-facts", false, "record backends/facts/*.json on throwaway hosts that are converged to them")

// backends are those of the repository.
func backends(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository, "backends", "*", "backend.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no backends: %v", err)
	}
	var out []string
	for _, f := range files {
		out = append(out, filepath.Base(filepath.Dir(f)))
	}
	return out
}

// TestCommittedFacts plans every backend by the facts that are committed with it.
func TestCommittedFacts(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for _, backend := range backends(t) {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(repository, "backends", "facts", backend+".json")
			if *updateFacts {
				recordBackend(t, backend, file)
			}
			f, err := facts.Read(file)
			if err != nil {
				t.Fatalf("%v; record them: go test ./internal/e2e -run TestCommittedFacts -update-facts", err)
			}
			if d := cmp.Diff(facts.Coverage{Backends: []string{backend}, Root: true}, f.Coverage); d != "" {
				t.Errorf("coverage: %s", d)
			}
			e := &env{t: t}
			r := e.finish(exec.CommandContext(t.Context(), path, "plan", "--dir", repository, "--backend", backend, "--facts", file, "--format", "json"))
			wantNoTrouble(t, document(t, r))
			if r.code != 0 || !strings.Contains(r.stderr, "planned for "+backend+"-example as it was ") {
				t.Error(r)
			}
		})
	}
}

// recordBackend records what a host is like on which a backend's spec has been
// brought about.
func recordBackend(t *testing.T, backend, file string) {
	t.Helper()
	e := startHost(t, testhost.Options{Name: backend + "-example", Image: testhost.Full})
	e.manageJSON(backend)
	e.recordTo(backend, file)
	// A throwaway host has the kernel of whoever records it; this is Debian's.
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data = regexp.MustCompile(`"kernel": "[^"]*"`).ReplaceAll(data, []byte(`"kernel": "6.1.0-32-amd64"`))
	if err := os.WriteFile(file, data, 0o644); err != nil { //nolint:gosec // it is for everybody who has the repository
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o644); err != nil { //nolint:gosec // it is for everybody who has the repository
		t.Fatal(err)
	}
}

// workflow is what the test reads of a workflow file.
type workflow struct {
	Jobs map[string]struct {
		Env      map[string]string
		Strategy struct {
			Matrix map[string][]string
		}
		Steps []struct {
			Name, Uses, Run, If string
		}
	}
}

// TestWorkflow runs each step of the workflow for pull requests as GitHub does, in
// a clone of its own, against an API that only takes down what it is sent.
func TestWorkflow(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(repository, ".github", "workflows", "opsafe.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	if err := yaml.Unmarshal(data, &w); err != nil {
		t.Fatal(err)
	}
	job := w.Jobs["plan"]
	if d := cmp.Diff(backends(t), job.Strategy.Matrix["backend"]); d != "" {
		t.Errorf("the workflow does not plan every backend: %s", d)
	}
	clone := cloneSources(t)
	for i, backend := range job.Strategy.Matrix["backend"] {
		api := newAPI(t)
		context := map[string]string{
			"matrix.backend": backend, "github.token": "the-token", "github.event.pull_request.number": "42",
		}
		environment := append(os.Environ(), "GITHUB_API_URL="+api.URL, "GITHUB_REPOSITORY=owner/name", "GITHUB_STEP_SUMMARY="+filepath.Join(t.TempDir(), "summary"), "CGO_ENABLED=0")
		for name, value := range job.Env {
			environment = append(environment, name+"="+expand(t, value, context))
		}
		for _, step := range job.Steps {
			if step.Uses != "" {
				if !regexp.MustCompile(`^actions/checkout@[0-9a-f]{40}$`).MatchString(step.Uses) {
					t.Errorf("step uses %s", step.Uses)
				}
				continue
			}
			if i > 0 && step.Name == "Build opsafe" {
				continue // it is there
			}
			cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
			cmd.Dir, cmd.Env = clone, environment
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("step %q for %s: %v\n%s", step.Name, backend, err, out)
			}
		}
		api.wantComment(t, backend)
	}
}

// expand fills in the expressions of a value.
func expand(t *testing.T, value string, context map[string]string) string {
	t.Helper()
	return regexp.MustCompile(`\$\{\{ *([^ }]*) *\}\}`).ReplaceAllStringFunc(value, func(m string) string {
		name := strings.Trim(m, "${} ")
		v, ok := context[name]
		if !ok {
			t.Errorf("the test knows no %s", name)
		}
		return v
	})
}

// cloneSources is a copy of all files that are, or are about to be, under version
// control.
func cloneSources(t *testing.T) string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = repository
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(repository, name))
		if os.IsNotExist(err) {
			continue // about to be removed
		}
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// apiStub takes down requests as GitHub's API would take them.
type apiStub struct {
	*httptest.Server
	path, token string
	body        []byte
	requests    int
}

func newAPI(t *testing.T) *apiStub {
	t.Helper()
	s := &apiStub{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests++
		s.path, s.token = r.Method+" "+r.URL.Path, r.Header.Get("Authorization")
		s.body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *apiStub) wantComment(t *testing.T, backend string) {
	t.Helper()
	if s.requests != 1 || s.path != "POST /repos/owner/name/issues/42/comments" || s.token != "Bearer the-token" {
		t.Errorf("%d requests, the last %q with %q", s.requests, s.path, s.token)
	}
	var comment struct{ Body string }
	if err := json.Unmarshal(s.body, &comment); err != nil {
		t.Fatalf("the comment is no JSON: %v\n%s", err, s.body)
	}
	const most = 65536 // of GitHub
	if n := len(comment.Body); n == 0 || n > most {
		t.Errorf("the comment has %d bytes", n)
	}
	for _, part := range []string{backend, backend + "-example", "planned for " + backend + "-example as it was "} {
		if !strings.Contains(comment.Body, part) {
			t.Errorf("the comment on %s does not hold %q:\n%s", backend, part, comment.Body)
		}
	}
}
