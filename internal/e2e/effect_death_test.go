package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/host"
)

// killable runs opsafe manage in the host such that kill ends it, and nothing
// else, as the kernel would when memory runs out.
type killable struct {
	e    *env
	done chan result
}

func (e *env) startManage() *killable {
	e.t.Helper()
	return e.startOpsafe("manage", "--backend", "tpp")
}

// startOpsafe starts opsafe in the background.
func (e *env) startOpsafe(args ...string) *killable {
	e.t.Helper()
	e.mustRun("rm", "-f", "/run/lab.pid")
	cmd := e.Command(e.t.Context(), "sh", "-c", "echo $$ >/run/lab.pid; exec "+guestBinary+" "+strings.Join(args, " "))
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	k := &killable{e: e, done: make(chan result, 1)}
	if err := cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		k.done <- result{stdout: out.String(), code: cmd.ProcessState.ExitCode()}
	}()
	return k
}

// kill ends it while it is at work: it may not have ended by itself.
func (k *killable) kill() {
	k.e.t.Helper()
	k.e.mustRun("sh", "-c", "kill -9 $(cat /run/lab.pid)")
	if r := <-k.done; r.code == 0 || strings.Contains(r.stdout, "Done:") {
		k.e.t.Fatalf("it ended before it was killed: %s", r)
	}
}

// deathLab has something left to install.
const deathLab = "packages: {nginx-light: installed, redis-tools: installed}\n"

// TestEffectDeath kills a first run at points all over it, again and again; one
// more run converges, whatever has been left half done.
func TestEffectDeath(t *testing.T) {
	t.Parallel()
	e := newTPP(t, deathLab)
	for _, marker := range []string{
		"/var/lib/dpkg/info/nginx-common.list", // apt is at work, and goes on
		"/home/opensafely",                     // between the accounts
		"/srv/medium_privacy",                  // between directories and ACLs
		"/etc/opensafely/bashrc",               // between files
		"/etc/systemd/system/collector.service.d",
	} {
		k := e.startManage()
		e.await(marker+" is there", func() bool {
			select {
			case r := <-k.done:
				t.Fatalf("%s: it ended by itself: %s", marker, r)
			default:
			}
			return e.exists(marker)
		})
		k.kill()
	}
	e.manage(0)
	if again := e.manageJSON("tpp"); len(again.Changes) > 0 {
		t.Errorf("the run after the next changes %q", changed(again))
	}
	if left := e.mustRun("find", "/etc", "/home", "/srv", "/var/lib/opsafe", "-name", ".opsafe*", "-o", "-name", "*.opsafe-*"); left != "" {
		t.Errorf("left over: %s", left)
	}
	if audit := e.mustRun("dpkg", "--audit"); audit != "" {
		t.Errorf("dpkg --audit: %s", audit)
	}
	e.mustRun("pwck", "-r", "-q")
	e.mustRun("grpck", "-r")
}

// slowLab has a service whose start waits, while there is a block, until somebody
// writes into a fifo.
const slowLab = `
files:
  /etc/lab-slow.conf: {content: "a 1\n", owner: root, group: root, mode: "0644", notify: {restart: [lab-slow.service]}}
units:
  lab-slow.service:
    content: |
      [Service]
      Type=oneshot
      RemainAfterExit=yes
      ExecStart=/bin/sh -c 'echo start >>/run/lab-starts; if [ -e /run/lab-block ]; then echo here >/run/lab-here; cat /run/lab-go; fi'
      [Install]
      WantedBy=multi-user.target
    enabled: true
    running: true
`

// TestEffectPending kills a run between the change of a file and the end of the
// restart that it owes. The next one does it.
func TestEffectPending(t *testing.T) {
	t.Parallel()
	const pending = "/var/lib/opsafe/pending.json"
	e := newTPP(t, slowLab)
	e.manage(0)
	e.mustRun("mkfifo", "/run/lab-here", "/run/lab-go")
	e.write("/run/lab-block", "", 0o644)
	e.replace(guestLab, "a 1", "a 2")

	k := e.startManage()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if r := e.finish(e.Command(ctx, "cat", "/run/lab-here")); r.stdout != "here\n" {
		t.Fatalf("the restart did not begin: %s", r)
	}
	k.kill()
	if got := e.read("/etc/lab-slow.conf"); got != "a 2\n" {
		t.Errorf("the file holds %q", got)
	}
	var owed struct{ Pending []host.Pending }
	if err := json.NewDecoder(bufio.NewReader(strings.NewReader(e.read(pending)))).Decode(&owed); err != nil {
		t.Fatal(err)
	}
	if len(owed.Pending) != 1 || owed.Pending[0].Unit != "lab-slow.service" || owed.Pending[0].Verb != host.Restart {
		t.Fatalf("owed: %+v", owed.Pending)
	}
	e.mustRun("rm", "/run/lab-block")
	if r := e.feed(e.Command(ctx, "tee", "/run/lab-go"), "go\n"); r.code != 0 {
		t.Fatal(r)
	}
	e.await("the service is up", func() bool { return e.run("systemctl", "is-active", "lab-slow.service").code == 0 })

	const restart = "run restart/lab-slow.service"
	if got := changed(e.planJSON("tpp")); !slices.Equal(got, []string{restart}) {
		t.Errorf("the plan: %q", got)
	}
	before := e.starts()
	if got := changed(e.manageJSON("tpp")); !slices.Equal(got, []string{restart}) {
		t.Errorf("the next run: %q", got)
	}
	if n := e.starts(); n != before+1 {
		t.Errorf("started %d times more", n-before)
	}
	if e.exists(pending) {
		t.Errorf("still owed: %s", e.read(pending))
	}
	if again := e.manageJSON("tpp"); len(again.Changes) > 0 {
		t.Errorf("the run after changes %q", changed(again))
	}
}
