package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

const followSpec = `files: {/etc/motd: {content: "%s\n"}}
deployments:
  specs:
    spec: %s
    directory: /srv/specs
    signers: /etc/allowed_signers
    confirm: 2m
    health: {run: [/usr/bin/test, "!", -e, /etc/sick]}
`

// TestFollow has a host follow the repository of its own spec: forward, signed, healthy,
// and back at the last good commit whenever it is none of that.
func TestFollow(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	r := newRemote(t, e.Host)
	key := filepath.Join(t.TempDir(), "key")
	r.git(r.work, "config", "gpg.format", "ssh")
	r.git(r.work, "config", "user.signingKey", key)
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	e.write("/etc/allowed_signers", "a@example "+string(public), 0o644)
	push := func(signed bool, motd, more string) string {
		t.Helper()
		r.git(r.work, "config", "commit.gpgSign", fmt.Sprint(signed))
		return r.push("backends/lab/backend.yaml", "description: lab\n"+fmt.Sprintf(followSpec, motd, r.url)+more)
	}
	e.lab(0, fmt.Sprintf(followSpec, "0", r.url))
	e.says(0, e.opsafe("bootstrap", "lab"))
	followed := func(motd, revision string) {
		t.Helper()
		if got := e.read("/etc/motd"); got != motd+"\n" {
			t.Errorf("/etc/motd is %q, not %q", got, motd)
		}
		if got := strings.TrimSpace(e.run("readlink", "/srv/specs/current").stdout); got != "releases/"+revision {
			t.Errorf("the link leads to %s, not to %s", got, revision)
		}
		if e.exists("/var/lib/opsafe/confirm/record.json") {
			t.Error("a run waits to be confirmed")
		}
	}

	first := push(true, "1", "")
	e.says(0, e.opsafe("deploy", "specs"), "deployed specs "+first)
	followed("1", first)
	for _, bad := range []struct {
		name, more string
		signed     bool
		words      []string
	}{
		{name: "no signature", words: []string{"has no signature by a key of /etc/allowed_signers"}},
		{name: "no spec", signed: true, more: "nonsense: true\n", words: []string{"failed", `backends/lab/backend.yaml:10:1: unknown field "nonsense"`}},
		{name: "sick", signed: true, words: []string{"health"}},
		{name: "a part fails", signed: true, more: "directories: {/etc/passwd/x: {}}\n", words: []string{"directory /etc/passwd/x: ", "journalctl -u opsafe-deploy-specs.service says more", "as the last good commit declares it"}},
	} {
		if bad.name == "sick" {
			e.write("/etc/sick", "", 0o644)
		}
		push(bad.signed, "2 "+bad.name, bad.more)
		e.says(1, e.opsafe("deploy", "specs"), bad.words...)
		e.run("rm", "-f", "/etc/sick")
		followed("1", first)
	}
	if res := e.opsafe("status", "--backend", "lab"); !strings.Contains(res.stdout, "what was to be deployed last is not in service") {
		t.Errorf("status does not say that it has failed: %s", res)
	}
	if res := e.opsafe("status", "--backend", "lab", "--format", "prometheus"); !strings.Contains(res.stdout, `opsafe_deployment_success{name="specs"} 0`) {
		t.Errorf("no metric says that it has failed: %s", res)
	}
	second := push(true, "3", "")
	e.says(0, e.opsafe("deploy", "specs"), "deployed specs "+second)
	followed("3", second)
	e.says(0, e.opsafe("history"), "manage", first[:7], second[:7])
	e.says(0, e.opsafe("plan", "--dir", "/srv/specs/current", "--exit-code"), "Nothing to do.")

	third := push(true, "4", "")
	e.followLater()
	e.await("the third commit is in service", func() bool {
		return e.run("readlink", "/srv/specs/current").stdout == "releases/"+third+"\n" && !e.exists("/var/lib/opsafe/confirm/record.json")
	})
	followed("4", third)

	// A worker that is killed before it has confirmed leaves nothing to be confirmed by others.
	e.write("/etc/sick", "", 0o644)
	push(true, "5", "")
	k := e.startOpsafe("deploy", "specs")
	e.await("the run waits to be confirmed", func() bool { return e.exists("/var/lib/opsafe/confirm/record.json") && e.read("/etc/motd") == "5\n" })
	e.mustRun("systemctl", "kill", "-s", "KILL", "opsafe-deploy-specs.service")
	<-k.done
	followed("4", third)
	e.run("rm", "-f", "/etc/sick")

	// A spec that takes its own deployment away leaves no unit that has failed.
	last := r.push("backends/lab/backend.yaml", "description: lab\nfiles: {/etc/motd: {content: \"last\\n\"}}\ndeployments: {specs: {state: absent}}\n")
	e.says(0, e.opsafe("deploy", "specs"), "deployed specs "+last)
	followed("last", last)
	if failed := e.mustRun("systemctl", "list-units", "--failed", "--no-legend", "opsafe-*"); failed != "" {
		t.Errorf("failed are %s", failed)
	}
}

// followLater has something pushed while what somebody has changed waits to be confirmed:
// it is deployed once that is decided.
func (e *env) followLater() {
	e.t.Helper()
	e.says(0, e.opsafe("manage", "--backend", "lab", "--confirm", "10m"), "opsafe confirm")
	e.says(1, e.opsafe("deploy", "specs"), "specs is not asked for", "waits to be confirmed")
	if got := e.mustRun("ls", "/var/lib/opsafe/queue/specs"); got != "" {
		e.t.Errorf("it is queued all the same: %s", got)
	}
	e.write("/var/lib/opsafe/queue/specs/01700000000000000000-0123456789abcdef.json", `{"what":"push","deployment":"specs"}`+"\n", 0o600)
	e.await("the worker waits", func() bool {
		return strings.Contains(e.mustRun("journalctl", "--no-pager", "-o", "cat", "-u", "opsafe-deploy-specs.service"), "nothing is deployed yet: what root changed")
	})
	e.says(0, e.opsafe("revert"))
}
