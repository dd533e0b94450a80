package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// Where what waits is told to, until the next boot, and says that it was reached.
const (
	waitFile    = "/run/wait"
	reachedFile = "/srv/site/shared/uploads/reached"
)

// waits is a script that ends at once, unless a file names it: then it says that it was
// reached, and goes on when that file is gone.
const waits = `[ "$(cat ` + waitFile + ` 2>/dev/null)" = %[1]s ] || exit 0
: >` + reachedFile + `
while [ -e ` + waitFile + ` ]; do sleep 0.1; done
`

const (
	pushSecret = "push-secret-0123"
	keySecret  = "key-secret-45678"
)

// pushSpec adds what wakes the deployment of deploySpec: webhooks behind nginx, and a
// deployment that goes by SSH, here to the same host.
const pushSpec = `    triggers:
      github: {repository: team/site, secret: /etc/opsafe/hooks/site.secret}
      key: /etc/opsafe/hooks/site.key
  there: {ssh: {to: deploy@127.0.0.1, deployment: site}, user: caller}
  fetched: {git: "git@127.0.0.1:site.git", directory: /srv/fetched, user: caller, every: 24h}
receiver: {github_addresses: [192.0.2.0/24]}
packages: {nginx: installed}
directories:
  /etc/opsafe/hooks: {mode: "0700"}
  /home/caller/.ssh: {owner: caller, group: caller, mode: "0700"}
`

const pushFiles = `  /etc/opsafe/hooks/site.secret: {content: "` + pushSecret + `\n", mode: "0600", secret: true}
  /etc/opsafe/hooks/site.key: {content: "` + keySecret + `\n", mode: "0600", secret: true}
  /etc/nginx/conf.d/hooks.conf:
    content: |
      server {
        listen 127.0.0.1:8080;
        client_max_body_size 25m;
        location / {
          proxy_pass http://127.0.0.1:3400;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }
      }
    notify: {reload: [nginx.service]}
`

const pushUsers = `users:
  site: {system: true}
  caller: {home: /home/caller}
  deploy: {home: /home/deploy, shell: /bin/sh}
  git: {home: /home/git, shell: /usr/bin/git-shell}
sudoers:
  deploy: {content: "deploy ALL=(root) NOPASSWD: /usr/local/bin/opsafe deploy site\n"}
key_pairs: {/home/caller/.ssh/id_ed25519: {owner: caller, type: ed25519}}
`

// TestPush has pushes become running services: by a webhook behind nginx, by a key, by
// SSH, and whatever kills the worker.
func TestPush(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	r := newRemote(t, e.Host)
	first := r.push("serve.py", serve, "version", "1", "step.sh", fmt.Sprintf(waits, "step"),
		"check.sh", fmt.Sprintf(waits, `"$([ "$(readlink /srv/site/current)" = releases/$REVISION ] && echo after || echo before)"`))
	spec := strings.Replace(fmt.Sprintf(deploySpec, r.url), "users:\n  site: {system: true}\nfiles:\n", pushUsers+"files:\n"+pushFiles, 1)
	spec = strings.Replace(spec, "    enabled: true\n", "    enabled: true\n  nginx.service: {enabled: true, running: true}\n", 1) + pushSpec
	e.lab(0, spec)
	e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do.")
	e.says(0, e.opsafe("deploy", "site"), "deployed site "+first)

	e.pushHooked(r)
	e.pushSSH(r, spec)
	e.pushKilled(r)
	e.pushCrashed(r)
	e.pushTogether(r)
}

// hook sends what GitHub sends of a push, from an address, and returns the status.
func (e *env) hook(body, secret, from string) string {
	e.t.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return strings.TrimSpace(e.run("curl", "-sS", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}", "-H", "X-Forwarded-For: "+from,
		"-H", "X-Hub-Signature-256: sha256="+hex.EncodeToString(mac.Sum(nil)), "-H", "X-GitHub-Event: push",
		"-H", "Content-Type: application/json", "-d", body, "http://127.0.0.1:8080/github-webhook").stdout)
}

func pushOf(revision string) string {
	return fmt.Sprintf(`{"ref":"refs/heads/main","after":%q,"repository":{"full_name":"team/site"}}`, revision)
}

// awaitServed waits until the service says a version, and the worker is done.
func (e *env) awaitServed(version, revision string) {
	e.t.Helper()
	e.await("the service says "+version, func() bool { return e.siteSays() == version })
	e.await("the worker is done", func() bool {
		return e.mustRun("ls", "/var/lib/opsafe/queue/site") == "" && e.run("systemctl", "is-active", "opsafe-deploy-site.service").stdout == "inactive\n"
	})
	e.served(version, revision)
}

func (e *env) pushHooked(r *remote) {
	e.t.Helper()
	const github = "192.0.2.1"
	first := r.git(r.work, "rev-parse", "HEAD")
	second := r.push("version", "2")
	for _, bad := range []struct{ name, secret, from, want string }{
		{"another secret", "another-secret-01", github, "401"},
		{"another address", pushSecret, "198.51.100.1", "403"},
		{"an address behind another", pushSecret, github + ", 198.51.100.1", "403"},
	} {
		if got := e.hook(pushOf(second), bad.secret, bad.from); got != bad.want {
			e.t.Errorf("%s: a push is answered with %s, not %s", bad.name, got, bad.want)
		}
	}
	if got := e.hook(pushOf(second), pushSecret, github); got != "204" {
		e.t.Fatalf("a push is answered with %s", got)
	}
	e.awaitServed("2", second)
	// An old push wakes, and takes nothing back.
	if got := e.hook(pushOf(first), pushSecret, github); got != "204" {
		e.t.Fatalf("an old push is answered with %s", got)
	}
	// A bad one leaves the old one answering.
	bad := r.push("version", "sick")
	e.hook(pushOf(bad), pushSecret, github)
	e.await("the bad one has failed", func() bool { return strings.Contains(e.opsafe("deployments").stdout, "status 500") })
	e.served("2", second)
	if res := e.opsafe("status", "--backend", "lab"); !strings.Contains(res.stdout, "what was to be deployed last is not in service") {
		e.t.Errorf("status does not say that it has failed: %s", res)
	}
	if res := e.opsafe("status", "--backend", "lab", "--format", "prometheus"); !strings.Contains(res.stdout, "opsafe_deployment_success{name=\"site\"} 0") {
		e.t.Errorf("no metric says that it has failed: %s", res)
	}

	third := r.push("version", "3")
	e.write("/root/key.json", `{"secret": "`+keySecret+`"}`, 0o600)
	if got := e.mustRun("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--json", "@/root/key.json", "http://127.0.0.1:8080/site"); got != "202" {
		e.t.Fatalf("the right key is answered with %s", got)
	}
	e.awaitServed("3", third)
	if out := e.mustRun("journalctl", "--no-pager", "-o", "cat"); strings.Contains(out, keySecret) || strings.Contains(out, pushSecret) {
		e.t.Error("a secret is in the journal")
	}
}

// pushSSH has one account deploy as another by SSH, by a command that is forced on it.
func (e *env) pushSSH(r *remote, spec string) {
	e.t.Helper()
	key := strings.TrimSpace(e.read("/home/caller/.ssh/id_ed25519.pub"))
	e.lab(0, spec+"authorized_keys:\n  deploy: {keys: ["+fmt.Sprintf("%q", key)+"], options: 'restrict,command=\"/usr/local/bin/opsafe deploy --requested\"'}\n"+
		"  git: {keys: ["+fmt.Sprintf("%q", key)+"], options: restrict}\n")
	e.pushFetched(r)
	revision := r.push("version", "by ssh")
	e.says(0, e.opsafe("deploy", "there"), "deployed there")
	e.served("by ssh", revision)
	for _, command := range []string{"id", "site; id", "--help", "", "other"} {
		if res := e.runAs("caller", "ssh", "-n", "-o", "BatchMode=yes", "deploy@127.0.0.1", command); res.code == 0 || strings.Contains(res.stdout, "uid=") {
			e.t.Errorf("the command %q is taken: %s", command, res)
		}
	}
}

// pushFetched has a timer's run fetch over SSH, with the account's own key: from a host
// that it knows, and from no other.
func (e *env) pushFetched(r *remote) {
	e.t.Helper()
	const unit = "opsafe-deploy-fetched"
	if got := e.mustRun("systemctl", "show", "--property=Unit", "--value", unit+".timer"); got != unit+".service" {
		e.t.Errorf("the timer starts %q", got)
	}
	e.active(unit+".timer", "active")
	if res := e.runAs("git", "git", "clone", "--quiet", "--bare", r.url, "/home/git/site.git"); res.code != 0 {
		e.t.Fatalf("cannot clone: %s", res)
	}
	// As the timer does, a while after it was declared: right after that, nothing is deployed.
	e.mustRun("touch", "-d", "-1 hour", "/var/lib/opsafe/deployments/fetched.json")
	e.mustRun("systemctl", "start", unit+".service")
	e.says(1, e.opsafe("deployments"), "Host key verification failed")
	e.mustRun("sh", "-c", "ssh-keyscan -t ed25519 127.0.0.1 >/home/caller/.ssh/known_hosts 2>/dev/null; chown caller: /home/caller/.ssh/known_hosts")
	e.mustRun("systemctl", "start", unit+".service")
	revision := r.git(r.work, "rev-parse", "HEAD")
	if got := strings.TrimSpace(e.run("readlink", "/srv/fetched/current").stdout); got != "releases/"+revision {
		e.t.Errorf("what was fetched is %s, not %s: %s", got, revision, e.opsafe("deployments"))
	}
	if got := e.mustRun("stat", "-c", "%U", "/srv/fetched/current/version"); got != "caller" {
		e.t.Errorf("what was fetched belongs to %s", got)
	}
	if res := e.runAs("caller", "ssh", "-n", "-o", "BatchMode=yes", "git@127.0.0.1", "id"); res.code == 0 || strings.Contains(res.stdout, "uid=") {
		e.t.Errorf("the deploy key opens more than the repository: %s", res)
	}
}

// pushStages are the places at which the scripts of waits can be held: amid the steps, and
// in the check before and after the link moves.
func pushStages() []string { return []string{"step", "before", "after"} }

// pushedTo pushes a version, has a webhook say so, and holds the worker at a stage.
func (e *env) pushedTo(r *remote, stage, version string) (revision string) {
	e.t.Helper()
	revision = r.push("version", version)
	e.write(waitFile, stage, 0o644)
	e.run("rm", "-f", reachedFile)
	e.mustRun("systemctl", "start", "--no-block", "opsafe-deploy-site.service")
	e.hook(pushOf(revision), pushSecret, "192.0.2.1")
	e.await("the worker is at "+stage, func() bool { return e.exists(reachedFile) })
	return revision
}

// pushKilled kills the worker with all that it has started, at each stage: the service
// answers, and what comes next finishes.
func (e *env) pushKilled(r *remote) {
	e.t.Helper()
	old := e.siteSays()
	for _, stage := range pushStages() {
		version := "killed in " + stage
		revision := e.pushedTo(r, stage, version)
		e.mustRun("systemctl", "stop", "opsafe-deploy-site.path")
		e.mustRun("systemctl", "kill", "-s", "KILL", "opsafe-deploy-site.service")
		e.mustRun("systemctl", "stop", "opsafe-deploy-site.service") // which systemd would start again
		e.await("the worker is dead", func() bool {
			return !strings.Contains(e.run("systemctl", "is-active", "opsafe-deploy-site.service").stdout, "activating")
		})
		if got := e.siteSays(); got != old {
			e.t.Errorf("killed in %s: the service says %q, not %q", stage, got, old)
		}
		e.mustRun("rm", waitFile)
		e.mustRun("systemctl", "start", "opsafe-deploy-site.path")
		e.awaitServed(version, revision)
		old = version
	}
}

// pushCrashed takes the power away at each stage. Once the host is up again, a whole release
// answers, and what was asked for is finished by itself.
func (e *env) pushCrashed(r *remote) {
	e.t.Helper()
	for _, stage := range pushStages() {
		old, version := e.siteSays(), "without power in "+stage
		revision := e.pushedTo(r, stage, version)
		if err := e.Crash(e.t.Context()); err != nil {
			e.t.Fatal(err)
		}
		if got := e.siteSays(); got != old && got != version {
			e.t.Errorf("after the power went in %s: the service says %q, neither %q nor %q", stage, got, old, version)
		}
		e.awaitServed(version, revision)
	}
	if left := e.mustRun("ls", "/var/lib/opsafe/queue/aside"); left != "" {
		e.t.Errorf("aside are %s", left)
	}
}

// pushTogether pushes twice while the worker is held: what has come meanwhile is deployed
// at once, as the branch is then.
func (e *env) pushTogether(r *remote) {
	e.t.Helper()
	held := e.pushedTo(r, "step", "held")
	var passed, last string
	for _, version := range []string{"passed over", "last"} {
		passed, last = last, r.push("version", version)
		if got := e.hook(pushOf(last), pushSecret, "192.0.2.1"); got != "204" {
			e.t.Fatalf("a push is answered with %s", got)
		}
	}
	e.await("both to wait behind what is being deployed", func() bool {
		const all = 3
		return len(strings.Fields(e.mustRun("ls", "/var/lib/opsafe/queue/site"))) == all
	})
	if out := e.opsafe("deployments").stdout; !strings.Contains(out, "running   "+held) || !strings.Contains(out, "queued    3, ") {
		e.t.Errorf("it does not say what runs and what waits:\n%s", out)
	}
	e.mustRun("rm", waitFile)
	e.awaitServed("last", last)
	if out := e.mustRun("journalctl", "--no-pager", "--output=cat", "--unit=opsafe-deploy-site.service"); strings.Contains(out, "deploying "+passed) {
		e.t.Errorf("%s was deployed, which had been passed over by then", passed)
	}
}
