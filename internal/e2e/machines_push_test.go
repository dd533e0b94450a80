package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"opsafe/internal/notes"
)

const (
	durHackSecret = "durhack-secret-0123"
	durHackToken  = "durhack-token-45678"
	// gitHubAddress is one of those from which GitHub sends webhooks.
	gitHubAddress = "140.82.112.9"
)

// gitHub stands in for GitHub on a host: its repository is served by a real git, and
// its API takes commit statuses and tells ranges.
type gitHub struct {
	*remote
	certificate *tls.Config
	down        atomic.Bool // the API answers with 503
	moreHooks   atomic.Bool // the API tells a range more
	mu          sync.Mutex
	statuses    []string // "CONTEXT STATE COMMIT", in the order in which they came
}

func (g *gitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const statuses = "/repos/ducompsoc/durhack/statuses/"
	switch {
	case r.Host == "github.com":
		g.remote.ServeHTTP(w, r)
	case g.down.Load():
		http.Error(w, "{}", http.StatusServiceUnavailable)
	case r.URL.Path == "/meta" && g.moreHooks.Load():
		_, _ = io.WriteString(w, `{"hooks": ["140.82.112.0/20", "192.0.2.0/24"]}`)
	case r.URL.Path == "/meta":
		_, _ = io.WriteString(w, `{"hooks": ["140.82.112.0/20"]}`)
	case r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, statuses) && r.Header.Get("Authorization") == "Bearer "+durHackToken:
		var s struct{ Context, State string }
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			http.Error(w, "{}", http.StatusBadRequest)
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.statuses = append(g.statuses, s.Context+" "+s.State+" "+path.Base(r.URL.Path))
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "{}")
	default:
		http.Error(w, "{}", http.StatusNotFound)
	}
}

// told are the statuses so far.
func (g *gitHub) told() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.statuses)
}

// gitHub has github.com and its API answer on a host, over https.
func (e *env) gitHub() *gitHub {
	e.t.Helper()
	g := &gitHub{remote: newRepository(e.t, "ducompsoc/durhack.git")}
	config, ca := certified(e.t, "github.com", "api.github.com")
	g.certificate = config
	e.write("/usr/local/share/ca-certificates/github.crt", ca, 0o644)
	e.mustRun("update-ca-certificates")
	e.appendTo("/etc/hosts", "127.0.0.1 github.com api.github.com\n")
	e.mustRun("ip", "address", "add", gitHubAddress+"/32", "dev", "lo")
	listener, err := e.Listen("tcp", "127.0.0.1:443")
	if err != nil {
		e.t.Fatal(err)
	}
	server := &http.Server{Handler: g, TLSConfig: config} //nolint:gosec // of a test
	go func() { _ = server.ServeTLS(listener, "", "") }()
	e.t.Cleanup(func() { _ = server.Close() })
	return g
}

// durHackSecrets puts what the example's README has put there by hand.
func (e *env) durHackSecrets() {
	e.t.Helper()
	e.mustRun("install", "-d", "-m", "0700", "/etc/opsafe/hooks")
	e.write("/etc/opsafe/hooks/durhack.secret", durHackSecret+"\n", 0o600)
	e.write("/etc/opsafe/hooks/github.token", durHackToken+"\n", 0o600)
}

// durHackPushed sends GitHub's webhook of a commit to a branch, from GitHub's address.
func (e *env) durHackPushed(branch, revision string) {
	e.t.Helper()
	body := fmt.Sprintf(`{"ref":"refs/heads/%s","after":%q,"repository":{"full_name":"ducompsoc/durhack"}}`, branch, revision)
	mac := hmac.New(sha256.New, []byte(durHackSecret))
	mac.Write([]byte(body))
	answer := e.run("curl", "-sS", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}", "--interface", gitHubAddress,
		"-H", "X-Hub-Signature-256: sha256="+hex.EncodeToString(mac.Sum(nil)), "-H", "X-GitHub-Event: push",
		"-H", "Content-Type: application/json", "-d", body, "http://127.0.0.1:3400/github-webhook")
	if answer.stdout != "204" {
		e.t.Fatalf("a push is answered: %s", answer)
	}
}

// durHackSays waits until the site of a deployment has a page.
func (e *env) durHackSays(port, page string) {
	e.t.Helper()
	e.await("the site on port "+port+" to say "+page, func() bool {
		return e.run("curl", "--silent", "--fail", "http://127.0.0.1:"+port+"/").stdout == page+"\n"
	})
}

// durHackPushes has pushes to GitHub deployed as the committed example declares: a new
// release answers, a repeated delivery does nothing, a release that nginx refuses is
// taken back, and an API that is down is not in the way.
func (e *env) durHackPushes(g *gitHub) {
	e.t.Helper()
	e.mustRun("systemctl", "start", "opsafe-github-ranges.service")
	if got := e.read(notes.Ranges); !strings.Contains(got, "140.82.112.0/20") || strings.Contains(got, "192.30.252.0") {
		e.t.Errorf("the ranges that GitHub tells: %s", got)
	}
	first := g.push("deploy/build.sh", "set -eu\nmkdir public\necho \"$DEPLOYMENT $(cat version)\" >public/index.html\n",
		"nginx/site.conf", "location = /release { return 200 \"ok\\n\"; }\n", "version", "1")
	e.durHackPushed("main", first)
	e.durHackSays("3401", "main 1")
	e.await("nginx to have what the release says", func() bool {
		return e.run("curl", "--silent", "--fail", "http://127.0.0.1:3401/release").stdout == "ok\n"
	})
	e.await("GitHub to be told", func() bool { return len(g.told()) == 2 })

	state := e.read(deploymentState)
	e.durHackPushed("main", first)
	e.await("the repeated delivery to be dropped", func() bool {
		return e.run("grep", "--recursive", "--quiet", "it is the same as", notes.Queue+"/void").code == 0
	})
	if e.read(deploymentState) != state || e.exists("/srv/durhack-staging/current") {
		e.t.Error("a repeated delivery has done something, or the other branch was deployed")
	}

	bad := g.push("nginx/site.conf", "nonsense;\n", "version", "2")
	e.durHackPushed("main", bad)
	e.await("the release that nginx refuses to fail", func() bool {
		out := e.opsafe("deployments").stdout
		return strings.Contains(out, "check, once the link has moved") && strings.Contains(out, "nonsense")
	})
	e.mustRun("nginx", "-t")
	e.durHackSays("3401", "main 1")
	e.await("GitHub to be told", func() bool { return len(g.told()) == 4 })
	e.says(1, e.opsafe("deploy", "durhack"), "nonsense") // once more the same
	want := []string{
		"opsafe/durhack pending " + first, "opsafe/durhack success " + first,
		"opsafe/durhack pending " + bad, "opsafe/durhack failure " + bad,
		"opsafe/durhack pending " + bad, "opsafe/durhack failure " + bad,
	}
	if got := g.told(); !slices.Equal(got, want) {
		e.t.Errorf("GitHub was told %q", got)
	}

	g.down.Store(true)
	g.git(g.work, "push", "--quiet", g.bare, first+":refs/heads/staging")
	e.durHackPushed("staging", first)
	e.durHackSays("3402", "staging 1")
	e.await("the worker to give GitHub up", func() bool {
		return strings.Contains(e.run("journalctl", "--no-pager", "-u", "opsafe-deploy-durhack-staging.service").stdout, "cannot set the status of "+first+" to success")
	})
	last := g.push("nginx/site.conf", "", "version", "3")
	e.durHackPushed("main", last)
	e.durHackSays("3401", "main 3")
}

// deploymentState is what the worker of DurHack's main deployment has written down.
const deploymentState = notes.Deployments + "/durhack.state.json"
