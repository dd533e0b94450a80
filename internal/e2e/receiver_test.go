package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

const receiverSpec = `
receiver: {github_addresses: [any]}
users: {site: {system: true}}
directories: {/etc/hooks: {mode: "0700"}}
files: {/etc/hooks/site: {content: "site-secret-0123\n", mode: "0600", secret: true}}
deployments:
  site:
    git: https://git.example/durhack/site.git
    directory: /srv/site
    user: site
    triggers: {github: {repository: durhack/site, secret: /etc/hooks/site}}
`

// TestReceiver has a real systemd listen, and start the receiver and what hands on.
func TestReceiver(t *testing.T) {
	t.Parallel()
	for _, suite := range []string{"", "trixie"} {
		e := newHost(t, testhost.Full, suite)
		e.lab(0, receiverSpec)
		e.unitsSettled()
		e.mustRun("systemctl", "stop", "opsafe-deploy-site.path") // what comes stays in the queue
		for _, prove := range []struct {
			name string
			with func(*env)
		}{
			{"sandbox", proveReceiverSandbox},
			{"the same three times", proveReceiverOnce},
			{"each time", proveReceiverEachTime},
			{"killed", proveReceiverKilled},
			{"idle", proveReceiverIdle},
			{"absent", proveReceiverAbsent},
		} {
			t.Run(prove.name+" "+suite, func(t *testing.T) { prove.with(e.on(t)) })
		}
	}
}

// deliver sends a push of a commit, and returns the status; 000: there was no answer.
func (e *env) deliver(commit int) string {
	e.t.Helper()
	body := fmt.Sprintf(`{"ref":"refs/heads/main","after":"%040d","repository":{"full_name":"durhack/site"}}`, commit)
	mac := hmac.New(sha256.New, []byte("site-secret-0123"))
	mac.Write([]byte(body))
	return strings.TrimSpace(e.run("curl", "-sS", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}",
		"-H", "X-Hub-Signature-256: sha256="+hex.EncodeToString(mac.Sum(nil)), "-H", "X-GitHub-Event: push",
		"-H", "Content-Type: application/json", "-d", body, "http://127.0.0.1:3400/github-webhook").stdout)
}

// queued is how many entries the queue of the deployment has of a commit, once nothing is
// left to be handed on.
func (e *env) queued(commit int) int {
	e.t.Helper()
	e.await("all is handed on", func() bool { return e.mustRun("ls", "/var/lib/opsafe/queue/main") == "" })
	return strings.Count(e.run("grep", "-rhoE", fmt.Sprintf("%040d", commit), "/var/lib/opsafe/queue/site").stdout, "\n")
}

func proveReceiverSandbox(e *env) {
	out := e.mustRun("systemd-analyze", "security", "--no-pager", "opsafe-receive.service")
	m := regexp.MustCompile(`Overall exposure level for opsafe-receive\.service: ([0-9.]+)`).FindStringSubmatch(out)
	if m == nil {
		e.t.Fatalf("systemd-analyze says %s", out)
	}
	if level, err := strconv.ParseFloat(m[1], 64); err != nil || level >= 2 {
		e.t.Errorf("the exposure of the receiver is %s, not below 2.0", m[1])
	}
	for _, at := range []string{"/etc/x", "/var/lib/opsafe/x", "/var/lib/opsafe/queue/site/x"} {
		if r := e.runAs("opsafe-receive", "touch", at); r.code == 0 {
			e.t.Errorf("the receiver's account can write %s", at)
		}
	}
}

func proveReceiverOnce(e *env) {
	for range 3 {
		if got := e.deliver(1); got != "204" {
			e.t.Fatalf("a delivery is answered with %q: %s", got, e.run("journalctl", "-u", "opsafe-receive.service", "--no-pager"))
		}
	}
	if n := e.queued(1); n != 1 {
		e.t.Errorf("what was delivered three times is queued %d times", n)
	}
}

// Each comes while what hands on is just starting, at work or ending, and none waits for
// the next.
func proveReceiverEachTime(e *env) {
	for commit := 100; commit < 120; commit++ {
		if got := e.deliver(commit); got != "204" {
			e.t.Errorf("delivery %d is answered with %q", commit, got)
		}
	}
	for commit := 100; commit < 120; commit++ {
		if n := e.queued(commit); n != 1 {
			e.t.Errorf("delivery %d is queued %d times", commit, n)
		}
	}
}

// Whenever the receiver and what hands on are killed: what was answered is queued, once.
func proveReceiverKilled(e *env) {
	var answered []int
	for commit := 200; commit < 230; commit++ {
		if commit%3 == 0 {
			e.run("systemctl", "kill", "-s", "KILL", "opsafe-receive.service")
		}
		if commit%3 == 1 {
			e.run("systemctl", "kill", "-s", "KILL", "opsafe-queue.service")
		}
		if got := e.deliver(commit); got == "204" {
			answered = append(answered, commit)
		}
	}
	if len(answered) < 10 {
		e.t.Fatalf("only %d of 30 deliveries were answered", len(answered))
	}
	for _, commit := range answered {
		if n := e.queued(commit); n != 1 {
			e.t.Errorf("delivery %d was answered, and is queued %d times", commit, n)
		}
	}
	e.active("opsafe-receive.socket", "active")
	e.active("opsafe-queue.path", "active")
}

// While nothing comes there is no process.
func proveReceiverIdle(e *env) {
	e.await("nothing of it runs", func() bool {
		return e.run("pgrep", "-f", "opsafe (receive|forward)").code != 0
	})
	if got := e.deliver(300); got != "204" {
		e.t.Errorf("what comes after that is answered with %q", got)
	}
}

func proveReceiverAbsent(e *env) {
	e.lab(0, "receiver: {state: absent}\nusers: {site: {system: true}}\ndeployments: {site: {state: absent}}\n")
	e.unitsSettled()
	if r := e.run("id", "opsafe-receive"); r.code == 0 {
		e.t.Errorf("the account is still there: %s", r)
	}
	if out := e.run("sh", "-c", "ls /etc/systemd/system | grep opsafe-").stdout; out != "" {
		e.t.Errorf("units are still there: %s", out)
	}
}
