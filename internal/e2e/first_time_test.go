package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"opsafe/internal/testhost"
)

// The names that hosts know of the outside; only the proxy can find them.
const (
	gitServer  = "git.example.org"
	fileServer = "files.example.org"
)

// TestFirstTime begins a repository on one host and carries out the four commands of
// README.md on others, to which nothing was brought before: they have git and bash, and
// reach nothing but an HTTPS proxy.
func TestFirstTime(t *testing.T) {
	t.Parallel()
	commands := firstCommands(t)
	o := newOutside(t)
	first := newHost(t, testhost.Bare, "")
	first.mustRun("rm", "-r", guestRepository)
	first.mustRun(guestBinary, "init", "--backend", "web1", "--person", "none", "--from", "https://"+fileServer+"/v1/")
	first.replace(guestRepository+"/backends/web1/backend.yaml", "\n# Examples: ", "\nfiles:\n  /etc/motd: {content: \"kept by opsafe\\n\"}\n\n# Examples: ")
	o.commit(first)

	for _, tt := range []struct{ name, fetcher string }{{"without curl", "apt-helper"}, {"with curl", "curl"}} {
		t.Run(tt.name, func(t *testing.T) {
			e := o.newcomer(t, tt.fetcher == "curl")
			o.serve(strings.Repeat("\x7fELF, but another\n", 1000))
			r := e.bash(commands[0] + "\n" + commands[1])
			if r.code == 0 || !strings.Contains(r.stderr, "opsafe.sha256 says") || e.exists(guestBinary) || e.exists("/etc/opsafe") {
				t.Errorf("with another program: %s", r)
			}
			e.mustRun("rm", "-r", guestRepository)

			o.serve(first.read(guestBinary))
			if r := e.bash(strings.Join(commands, "\n")); r.code != 0 || e.read("/etc/motd") != "kept by opsafe\n" {
				t.Fatalf("the commands of README.md: %s", r)
			}
			if got := e.mustRun("find", "/usr/local/bin", "-mindepth", "1"); got != guestBinary {
				t.Errorf("in /usr/local/bin are now\n%s", got)
			}
			if seen := o.proxy.seen(); !slices.Contains(seen, gitServer+":443") || !slices.Contains(seen, fileServer+":443") {
				t.Errorf("the proxy was asked for %v", seen)
			}
			if r := e.bash(commands[1] + "\n" + commands[3]); r.code != 0 || !strings.Contains(r.stdout, "Nothing to do.") || len(o.proxy.seen()) != 0 {
				t.Errorf("once more, with nothing to fetch: %s", r)
			}
		})
	}
}

// TestGetOpsafe has get-opsafe refuse what it cannot do safely, and say why.
func TestGetOpsafe(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("rm", "-r", guestRepository)
	e.mustRun(guestBinary, "init", "--backend", "web1", "--person", "none")
	const script, sums = guestRepository + "/get-opsafe", guestRepository + "/opsafe.sha256"
	refused := func(words string, argv ...string) {
		t.Helper()
		if r := e.run(append([]string{"bash", script}, argv...)...); r.code == 0 || !strings.Contains(r.stderr, words) {
			t.Errorf("%v: want %q: %s", argv, words, r)
		}
	}
	refused("usage:")
	refused("usage:", "--help")
	refused("usage:", "web1", "web2")
	refused("# from ADDRESS", "--to", "/root/opsafe")
	e.mustRun("mv", guestBinary, "/usr/bin/opsafe")
	e.mustRun("ln", "-s", "/usr/bin/opsafe", guestBinary)
	refused("something else keeps opsafe", "web1")
	if r := e.run("env", "OPSAFE_URL=https://127.0.0.1:1", "bash", script, "--to", "/root/opsafe"); r.code == 0 || !strings.Contains(r.stderr, "cannot fetch https://127.0.0.1:1/opsafe_linux_") {
		t.Errorf("nobody is there: %s", r)
	}
	e.mustRun("sed", "-i", "s/opsafe_linux_/opsafe_plan9_/", sums)
	refused("no SHA-256 of opsafe_linux_", "web1")
	if left := e.mustRun("find", "/root", "/usr/local/bin", "-name", "*opsafe*", "-type", "f", "-o", "-name", ".get*"); left != "" {
		t.Errorf("it has left %s", left)
	}
}

// firstCommands are the commands of README.md for the first time on a host.
func firstCommands(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?ms)^## On a server\n.*?^```\n(.*?)^```\n").FindStringSubmatch(string(data))
	if m == nil {
		t.Fatal("README.md has no commands for a server")
	}
	commands := strings.Split(strings.TrimSpace(m[1]), "\n")
	if len(commands) != 4 || !strings.HasPrefix(commands[0], "git clone https://"+gitServer+"/specs ") || !strings.HasPrefix(commands[3], "opsafe manage") {
		t.Fatalf("README.md has not the four commands that this test is about: %q", commands)
	}
	return commands
}

// outside is what hosts reach through a proxy: git's own server of repositories and a
// server of files, both by HTTPS.
type outside struct {
	t       *testing.T
	git     string // directory of repositories
	backend *httptest.Server
	proxy   *tunnel

	mu   sync.Mutex
	file string
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	where, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	o := &outside{t: t, git: t.TempDir()}
	repositories := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(where)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + o.git, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	}
	mux := http.NewServeMux()
	mux.Handle(gitServer+"/", repositories)
	mux.HandleFunc(fileServer+"/v1/opsafe_linux_"+runtime.GOARCH, func(w http.ResponseWriter, _ *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		_, _ = io.WriteString(w, o.file)
	})
	o.backend = httptest.NewUnstartedServer(mux)
	o.backend.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t, gitServer, fileServer)}, MinVersion: tls.VersionTLS12}
	o.backend.StartTLS()
	o.proxy = &tunnel{knows: []string{gitServer + ":443", fileServer + ":443"}, to: o.backend.Listener.Addr().String()}
	t.Cleanup(o.backend.Close)
	return o
}

// commit makes the repository of a host one that can be cloned.
func (o *outside) commit(e *env) {
	o.t.Helper()
	work := o.t.TempDir()
	pack := e.Command(o.t.Context(), "tar", "-C", guestRepository, "-cf", "-", ".")
	unpack := exec.CommandContext(o.t.Context(), "tar", "-C", work, "-xf", "-")
	var err error
	if unpack.Stdin, err = pack.StdoutPipe(); err != nil {
		o.t.Fatal(err)
	}
	if err := pack.Start(); err != nil {
		o.t.Fatal(err)
	}
	if out, err := unpack.CombinedOutput(); err != nil {
		o.t.Fatalf("%v\n%s", err, out)
	}
	if err := pack.Wait(); err != nil {
		o.t.Fatal(err)
	}
	for _, argv := range [][]string{
		{"init", "--quiet", "--initial-branch", "main"},
		{"add", "."},
		{"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "Begin"},
		{"clone", "--quiet", "--bare", ".", filepath.Join(o.git, "specs")},
	} {
		cmd := exec.CommandContext(o.t.Context(), "git", argv...)
		cmd.Dir = work
		if out, err := cmd.CombinedOutput(); err != nil {
			o.t.Fatalf("git %v: %v\n%s", argv, err, out)
		}
	}
}

// serve says what comes in opsafe's place.
func (o *outside) serve(file string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.file = file
}

// newcomer is a host with git, bash and perhaps curl, that trusts the servers and has the
// proxy.
func (o *outside) newcomer(t *testing.T, curl bool) *env {
	t.Helper()
	e := &env{Host: testhost.Start(t, testhost.Options{}), t: t}
	packages := []string{"git"}
	if curl {
		packages = append(packages, "curl")
	}
	e.mustRun("apt-get", "-qq", "update")
	e.mustRun(append([]string{"apt-get", "-qq", "install", "--no-install-recommends"}, packages...)...)
	if e.run("which", "curl").code == 0 != curl {
		t.Fatal("the host has curl, or has not, against the purpose")
	}
	block := &pem.Block{Type: "CERTIFICATE", Bytes: o.backend.TLS.Certificates[0].Certificate[0]}
	e.write("/usr/local/share/ca-certificates/example.crt", string(pem.EncodeToMemory(block)), 0o644)
	e.mustRun("update-ca-certificates")
	o.proxy.open(e)
	return e
}

// bash runs lines as they are typed into root's shell, up to the first that fails.
func (e *env) bash(lines string) result {
	e.t.Helper()
	cmd := e.Command(e.t.Context(), "env", "https_proxy=http://"+proxyPort, "bash", "-e")
	return e.feed(cmd, lines+"\n")
}

// certificate is one for the names, which whoever trusts it trusts for no others.
func certificate(t *testing.T, names ...string) tls.Certificate {
	t.Helper()
	dir := t.TempDir()
	key, cert := filepath.Join(dir, "key"), filepath.Join(dir, "cert")
	out, err := exec.CommandContext(t.Context(), "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-subj", "/CN="+names[0], "-addext", "subjectAltName=DNS:"+strings.Join(names, ",DNS:"), "-keyout", key, "-out", cert).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParseCertificate(pair.Certificate[0]); err != nil {
		t.Fatal(err)
	}
	return pair
}
