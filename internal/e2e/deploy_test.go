package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// serve is the service: it says over HTTP which version it has read when it began, and
// is not healthy while that is sick.
const serve = `import http.server
version = open("version").read().strip()
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500 if version.startswith("sick") else 200)
        self.end_headers()
        self.wfile.write(version.encode())
    def log_message(self, *a): pass
if version.startswith("dies"):
    raise SystemExit(1)
http.server.HTTPServer(("127.0.0.1", 3000), H).serve_forever()
`

const deploySpec = `users:
  site: {system: true}
files:
  /etc/site.env: {content: "SECRET=hunter2hunter2\n", mode: "0600", secret: true}
units:
  site.service:
    content: |
      [Unit]
      StartLimitIntervalSec=0
      [Service]
      User=site
      WorkingDirectory=/srv/site/current
      ExecStart=/usr/bin/python3 serve.py
      [Install]
      WantedBy=multi-user.target
    enabled: true
deployments:
  site:
    git: %s
    directory: /srv/site
    user: site
    shared: [uploads/]
    steps: [{run: [/bin/sh, step.sh], env_files: [/etc/site.env], within: 30s}]
    check: [/bin/sh, check.sh]
    restart: [site.service]
    health: {unit: site.service, http: "http://127.0.0.1:3000/", within: 40s}
    within: 2m
    keep: 3
`

// siteSays is what the service says; empty: nothing.
func (e *env) siteSays() string {
	e.t.Helper()
	return strings.TrimSpace(e.run("curl", "-sS", "--max-time", "5", "--retry", "5", "--retry-connrefused", "--retry-delay", "1", "http://127.0.0.1:3000/").stdout)
}

// served checks what the service says, and that the link leads to a commit.
func (e *env) served(version, revision string) {
	e.t.Helper()
	if got := e.siteSays(); got != version {
		e.t.Errorf("the service says %q, not %q", got, version)
	}
	if got := strings.TrimSpace(e.run("readlink", "/srv/site/current").stdout); got != "releases/"+revision {
		e.t.Errorf("the link leads to %s, not to %s", got, revision)
	}
}

// TestDeploy goes through what a deployment goes through: releases that work, that fail
// at each place, that come back, and that are not taken.
func TestDeploy(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	r := newRemote(t, e.Host)
	first := r.push("serve.py", serve, "version", "1", "step.sh", "test -n \"$SECRET\" && test \"$REVISION\" = \"$(basename $RELEASE)\" && id -un > built\n", "check.sh", "exit 0\n", "uploads/.keep", "x")
	e.lab(0, fmt.Sprintf(deploySpec, r.url))
	e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do.")
	deploy := func(code int, words ...string) { t.Helper(); e.says(code, e.opsafe("deploy", "site"), words...) }

	deploy(0, "deployed site "+first)
	e.served("1", first)
	if got := e.mustRun("stat", "-c", "%U", "/srv/site/current/serve.py", "/srv/site", "/srv/site/releases"); got != "site\nroot\nroot" {
		t.Errorf("owners: %s", got)
	}
	if got := e.mustRun("cat", "/srv/site/current/built") + e.mustRun("readlink", "/srv/site/current/uploads"); got != "site/srv/site/shared/uploads" {
		t.Errorf("the release has %s", got)
	}
	deploy(0, "unchanged")
	second := r.push("version", "2")
	deploy(0, "deployed site "+second)
	e.served("2", second)

	for _, bad := range []struct {
		name  string
		files []string
		words []string
	}{
		{"step", []string{"step.sh", "echo no $SECRET >&2; exit 3\n"}, []string{"step /bin/sh step.sh", "exit code 3", "(hidden)"}},
		{"step that hangs", []string{"step.sh", "sleep 300 & sleep 300\n"}, []string{"took longer than 30s"}},
		{"check before", []string{"step.sh", "true\n", "check.sh", "echo unfit >&2; exit 1\n"}, []string{"before the link moves", "unfit"}},
		{"check after", []string{"check.sh", "test \"$(readlink /srv/site/current)\" != releases/$REVISION\n"}, []string{"once the link has moved", "is back and answers"}},
		{"restart", []string{"check.sh", "exit 0\n", "version", "dies"}, []string{"site.service", "is back and answers"}},
		{"health", []string{"version", "sick"}, []string{"status 500", "is back and answers"}},
	} {
		revision := r.push(bad.files...)
		res := e.opsafe("deploy", "site")
		e.says(1, res, bad.words...)
		if strings.Contains(res.String(), "hunter2") {
			t.Errorf("%s: a secret is shown: %s", bad.name, res)
		}
		e.served("2", second)
		if e.exists("/srv/site/releases/" + revision) {
			t.Errorf("%s: the release that failed is still there", bad.name)
		}
		if got := e.run("pgrep", "-u", "site", "sleep"); got.code == 0 {
			t.Errorf("%s: what a step has started runs on", bad.name)
		}
	}
	e.says(1, e.opsafe("deployments"), "failed", "status 500", second)
	third := r.push("version", "3", "step.sh", "true\n")
	deploy(0, "deployed site "+third)
	e.served("3", third)
	e.says(0, e.opsafe("rollback", "site"), second)
	e.served("2", second)
	e.says(0, e.opsafe("rollback", "site"), first)
	e.served("1", first)
	e.says(1, e.opsafe("rollback", "site"), "there is no release before the one in service, "+first, "kept are "+second+", "+third)
	e.says(0, e.opsafe("rollback", "site", "--to", second[:8]), second)
	e.served("2", second)
	e.says(0, e.opsafe("deployments"), "kept "+first, "which rollback goes to", "kept "+third, "which was gone back from")
	deploy(0, "deployed site "+third)
	e.served("3", third)
	e.deployForced(r, third, second)
	e.deployHostile(r)
	e.deployPruned(r)
	e.deployMended(r)
	e.deployRemote(r)
}

// deployForced pushes by force, which is not followed.
func (e *env) deployForced(r *remote, now, old string) {
	e.t.Helper()
	r.git(r.work, "reset", "--quiet", "--hard", old)
	forced := r.push("version", "forced", "step.sh", "true\n")
	e.says(1, e.opsafe("deploy", "site"), "pushed by force")
	e.served("3", now)
	e.says(0, e.opsafe("deploy", "site", "--ref", forced), "deployed")
	e.served("forced", forced)
	e.says(1, e.opsafe("deploy", "site", "--ref", "none"), "has no branch, tag or commit")
	r.git(r.work, "reset", "--quiet", "--hard", now)
	next := r.push("version", "4")
	e.says(0, e.opsafe("deploy", "site"), "deployed")
	e.served("4", next)
}

// deployHostile pushes what would have something run, or read, that is not the release.
func (e *env) deployHostile(r *remote) {
	e.t.Helper()
	good := r.git(r.work, "rev-parse", "HEAD")
	link := func(at, to string) {
		if err := os.Symlink(to, filepath.Join(r.work, at)); err != nil {
			e.t.Fatal(err)
		}
	}
	for name, make := range map[string]func(){
		"leads out of the release": func() { link("out", "/etc/passwd") },
		"which leads out":          func() { link("up", "sub/../../x") },
		"is in Git LFS": func() {
			pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("ab", 32) + "\nsize 12345\n"
			if err := os.WriteFile(filepath.Join(r.work, "logo.png"), []byte(pointer), 0o600); err != nil {
				e.t.Fatal(err)
			}
		},
		"is a submodule": func() {
			r.git(r.work, "update-index", "--add", "--cacheinfo", "160000,"+good+",sub")
			r.git(r.work, "commit", "--quiet", "-m", "sub")
		},
	} {
		make()
		if name != "is a submodule" {
			r.commit()
		}
		r.git(r.work, "push", "--quiet", "--force", r.bare, "HEAD:main")
		e.says(1, e.opsafe("deploy", "site"), name)
		e.served("4", good)
		r.git(r.work, "reset", "--quiet", "--hard", good)
	}
	// What is in a repository is never configuration: no filter, and no hook.
	revision := r.push(".gitattributes", "* filter=evil\n", ".gitconfig", "[filter \"evil\"]\n\tsmudge = touch /tmp/evil\n", "hooks/post-checkout", "#!/bin/sh\ntouch /tmp/evil\n", "version", "5")
	e.says(0, e.opsafe("deploy", "site"), "deployed")
	e.served("5", revision)
	if e.exists("/tmp/evil") {
		e.t.Error("something of the repository has been run")
	}
}

// deployPruned counts the releases that are kept.
func (e *env) deployPruned(r *remote) {
	e.t.Helper()
	var last string
	for n := range 3 {
		last = r.push("version", fmt.Sprint("prune", n))
		e.says(0, e.opsafe("deploy", "site"), "deployed")
		// What the account itself could not remove.
		e.mustRun("sh", "-c", "cd /srv/site/current/ && install -d -o site -m 700 cache && touch cache/file && chown site cache/file && chmod 500 cache && mkdir roots && touch roots/file && ln -s /etc roots/link")
	}
	e.served("prune2", last)
	e.threeReleases()
}

// deployRemote has the server vanish and hang.
func (e *env) deployRemote(r *remote) {
	e.t.Helper()
	last := r.git(r.work, "rev-parse", "HEAD")
	r.gone.Store(true)
	e.says(1, e.opsafe("deploy", "site"), "cannot fetch")
	r.gone.Store(false)
	e.lab(0, strings.Replace(fmt.Sprintf(deploySpec, r.url), "within: 2m", "within: 20s", 1)) // for what hangs
	r.hangs.Store(true)
	e.says(1, e.opsafe("deploy", "site"), "cannot fetch")
	r.hangs.Store(false)
	e.lab(0, strings.Replace(fmt.Sprintf(deploySpec, r.url), "within: 2m", "within: 2m\n    every: 24h", 1))
	e.timerWaits("site")
	e.served("prune2", last)
	if got := e.mustRun("sh", "-c", "ls /var/lib/opsafe/queue/aside | wc -l"); got != "2" {
		e.t.Errorf("%s entries are aside", got)
	}
	e.says(0, e.opsafe("deploy", "site"), "unchanged")

	// A timer that is to go off more often goes off at once: nothing is deployed by that.
	next := r.push("version", "asked more often")
	const often = 30_000_000
	e.lab(0, strings.Replace(fmt.Sprintf(deploySpec, r.url), "within: 2m", "within: 2m\n    every: 30s", 1))
	declared := e.number("sh", "-c", "date -d \"$(stat -c %y /var/lib/opsafe/deployments/site.json)\" +%s%6N")
	e.awaitServed("asked more often", next)
	if at := e.number("sh", "-c", `jq -r '.trying // .last | .began' /var/lib/opsafe/deployments/site.state.json | date -f - +%s%6N`); at < declared+often {
		e.t.Errorf("it was deployed %d µs after it was declared that it is asked for more often", at-declared)
	}
}

// number is what a program says.
func (e *env) number(argv ...string) (n int64) {
	e.t.Helper()
	out := e.mustRun(argv...)
	if _, err := fmt.Sscan(strings.TrimPrefix(out, "t "), &n); err != nil {
		e.t.Fatalf("%v: %q: %v", argv, out, err)
	}
	return n
}

// timerWaits demands that a deployment's timer did not ask its repository when manage
// started it, on a host that has been up for longer than a timer waits after a boot.
func (e *env) timerWaits(name string) {
	e.t.Helper()
	const minute = 60_000_000
	booted := e.number("systemctl", "show", "--value", "--property=UserspaceTimestampMonotonic")
	began := e.number("systemctl", "show", "--value", "--property=ActiveEnterTimestampMonotonic", "opsafe-deploy-"+name+".timer")
	asked := e.number("busctl", "get-property", "org.freedesktop.systemd1", "/org/freedesktop/systemd1/unit/opsafe_2ddeploy_2d"+name+"_2etimer",
		"org.freedesktop.systemd1.Timer", "LastTriggerUSecMonotonic")
	if began < booted+minute {
		e.t.Fatalf("the timer of %s began %d µs after the boot, which is too soon to tell", name, began-booted)
	}
	if asked != 0 && asked < began+minute {
		e.t.Errorf("the timer of %s asked %d µs after it began", name, asked-began)
	}
}
