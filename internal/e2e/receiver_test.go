package e2e

import (
	"bytes"
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
	type proof struct {
		name string
		with func(*env)
	}
	for suite, end := range map[string]proof{"": {"absent", proveReceiverAbsent}, "trixie": {"forgotten", proveReceiverForgotten}} {
		e := newHost(t, testhost.Full, suite)
		e.lab(0, receiverSpec)
		e.unitsSettled()
		e.mustRun("systemctl", "stop", "opsafe-deploy-site.path") // what comes stays in the queue
		for _, prove := range []proof{
			{"sandbox", proveReceiverSandbox},
			{"the same three times", proveReceiverOnce},
			{"each time", proveReceiverEachTime},
			{"killed", proveReceiverKilled},
			{"idle", proveReceiverIdle},
			{"without a program", proveReceiverWithout},
			end,
		} {
			t.Run(prove.name+" "+suite, func(t *testing.T) { prove.with(e.on(t)) })
		}
	}
}

// deliver sends a push of a commit, and returns the status; 000: there was no answer.
func (e *env) deliver(commit int) string {
	e.t.Helper()
	return strings.TrimSpace(e.run(delivery(commit)...).stdout)
}

// delivery is the program that sends a push of a commit, and says the status.
func delivery(commit int) []string {
	body := fmt.Sprintf(`{"ref":"refs/heads/main","after":"%040d","repository":{"full_name":"durhack/site"}}`, commit)
	mac := hmac.New(sha256.New, []byte("site-secret-0123"))
	mac.Write([]byte(body))
	return []string{
		"curl", "-sS", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}",
		"-H", "X-Hub-Signature-256: sha256=" + hex.EncodeToString(mac.Sum(nil)), "-H", "X-GitHub-Event: push",
		"-H", "Content-Type: application/json", "-d", body, "http://127.0.0.1:3400/github-webhook",
	}
}

// queued is how many entries the queue of the deployment has of a commit, once nothing is
// left to be handed on. What a killed process has only begun to write is none.
func (e *env) queued(commit int) int {
	e.t.Helper()
	e.await("all is handed on", func() bool { return e.mustRun("ls", "/var/lib/opsafe/queue/main") == "" })
	return strings.Count(e.run("grep", "-rhoE", "--exclude=.new-*", fmt.Sprintf("%040d", commit), "/var/lib/opsafe/queue/site").stdout, "\n")
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

// While its program is not there, such as amid an upgrade by hand, what waits has it tried
// once in a while; once it is there again, all is taken and handed on.
func proveReceiverWithout(e *env) {
	e.mustRun("systemctl", "stop", "opsafe-queue.path", "opsafe-queue.service")
	if got := e.deliver(400); got != "204" {
		e.t.Fatalf("a delivery is answered with %q", got)
	}
	e.mustRun("systemctl", "stop", "opsafe-receive.service")
	e.mustRun("mv", guestBinary, guestBinary+".away")
	e.mustRun("systemctl", "start", "opsafe-queue.path")
	var answer bytes.Buffer
	waits := e.Command(e.t.Context(), delivery(401)...)
	waits.Stdout = &answer
	if err := waits.Start(); err != nil {
		e.t.Fatal(err)
	}
	for _, unit := range []string{"opsafe-receive.service", "opsafe-queue.service"} {
		e.await(unit+" is tried again", func() bool {
			n, err := strconv.Atoi(e.mustRun("systemctl", "show", "--property=NRestarts", "--value", unit))
			return err == nil && n >= 2
		})
	}
	began := e.mustRun("sh", "-c", "journalctl --no-pager -u opsafe-receive.service -u opsafe-queue.service | grep -c 203/EXEC")
	if n, err := strconv.Atoi(began); err != nil || n > 40 {
		e.t.Errorf("while the program was not there it was begun %s times", began)
	}
	e.mustRun("mv", guestBinary+".away", guestBinary)
	if err := waits.Wait(); err != nil || answer.String() != "204" {
		e.t.Errorf("what has waited is answered with %q: %v", answer.String(), err)
	}
	if a, b := e.queued(400), e.queued(401); a != 1 || b != 1 {
		e.t.Errorf("what has waited is queued %d and %d times", a, b)
	}
	e.active("opsafe-receive.socket", "active")
	e.active("opsafe-queue.path", "active")
}

// What the spec says nothing of any more is on no list, as a whole, and goes as a whole.
func proveReceiverForgotten(e *env) {
	e.labSpec("users: {site: {system: true}}\n")
	orphans := func() string {
		return e.mustRun("sh", "-c", guestBinary+` status --backend lab --format json | jq -r '[.orphans[].name | select(test("opsafe|receiver|deployment"))] | join(" ")'`)
	}
	if got := orphans(); got != "deployment/site receiver/receiver" {
		e.t.Errorf("on no list are %q", got)
	}
	e.says(0, e.opsafe("prune", "--backend", "lab", "receiver/receiver", "deployment/site"), "removed")
	proveReceiverGone(e)
	if got := orphans(); got != "" || !e.exists("/srv/site/releases") {
		e.t.Errorf("on no list are still %q", got)
	}
}

func proveReceiverAbsent(e *env) {
	e.lab(0, "receiver: {state: absent}\nusers: {site: {system: true}}\ndeployments: {site: {state: absent}}\n")
	e.unitsSettled()
	proveReceiverGone(e)
}

func proveReceiverGone(e *env) {
	e.t.Helper()
	if r := e.run("id", "opsafe-receive"); r.code == 0 {
		e.t.Errorf("the account is still there: %s", r)
	}
	if out := e.run("sh", "-c", "ls /etc/systemd/system | grep opsafe-").stdout; out != "" {
		e.t.Errorf("units are still there: %s", out)
	}
}
