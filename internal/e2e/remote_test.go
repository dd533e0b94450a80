package e2e

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"opsafe/internal/testhost"
)

// remote is a git repository that a real git serves over HTTP to a host.
type remote struct {
	t    *testing.T
	work string // where commits are made
	bare string
	url  string
	real http.Handler
	// hangs has requests wait until their client goes; gone has them answered with 404.
	hangs, gone atomic.Bool
}

// newRemote serves a repository in the network of a host.
func newRemote(t *testing.T, h *testhost.Host) *remote {
	t.Helper()
	r := newRepository(t, "site.git")
	l, err := h.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: r}} //nolint:gosec // of a test
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	r.url = s.URL + "/site.git"
	return r
}

// newRepository makes an empty repository, which its ServeHTTP serves below a path.
func newRepository(t *testing.T, at string) *remote {
	t.Helper()
	dir := t.TempDir()
	r := &remote{t: t, work: filepath.Join(dir, "work"), bare: filepath.Join(dir, "served", at)}
	r.git(dir, "init", "--quiet", "--bare", "--initial-branch=main", r.bare)
	r.git(dir, "init", "--quiet", "--initial-branch=main", r.work)
	backend, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	r.real = &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(backend)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + filepath.Join(dir, "served"), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	return r
}

func (r *remote) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch {
	case r.hangs.Load():
		<-req.Context().Done()
	case r.gone.Load():
		http.NotFound(w, req)
	default:
		r.real.ServeHTTP(w, req)
	}
}

func (r *remote) git(dir string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit makes a commit of files, by pairs of name and content, without pushing it. An
// empty content removes the file.
func (r *remote) commit(files ...string) string {
	r.t.Helper()
	for i := 0; i+1 < len(files); i += 2 {
		at := filepath.Join(r.work, files[i])
		if files[i+1] == "" {
			if err := os.Remove(at); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(files[i+1]), 0o755); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git(r.work, "add", "--all")
	r.git(r.work, "commit", "--quiet", "--allow-empty", "-m", "x")
	return r.git(r.work, "rev-parse", "HEAD")
}

// push makes a commit and pushes it.
func (r *remote) push(files ...string) string {
	r.t.Helper()
	revision := r.commit(files...)
	r.git(r.work, "push", "--quiet", "--force", r.bare, "HEAD:main")
	return revision
}
