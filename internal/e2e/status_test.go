package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestStatus proves on a real host what monitoring sees: a host as declared, one
// that somebody has worked on, and what no list knows; and that prune removes that,
// and no more.
func TestStatus(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.mustRun("mkdir", "-p", guestRepository+"/backends/status")
	e.write(guestRepository+"/backends/status/backend.yaml", `description: status
people: [developers]
roles:
  developers: {groups: [sudo, docker], shell: /bin/bash, home_mode: "0750", keys: [repository]}
files:
  /etc/app.conf: {content: "workers = 4\n"}
docker: {networks: {jobs: {interface: jobs}}}
`, 0o644)
	e.write(guestPeople, "madwort: {roles: [developers]}\n", 0o644)
	e.mustRun("find", guestRepository+"/keys", "-type", "f", "!", "-name", "madwort", "-delete")
	status := func(code int, want ...string) string {
		t.Helper()
		r := e.opsafe("status", "--backend", "status")
		if r.code != code {
			t.Errorf("status: want exit code %d: %s", code, r)
		}
		for _, text := range want {
			if !strings.Contains(r.stdout, text) {
				t.Errorf("status does not say %q: %s", text, r)
			}
		}
		return r.stdout
	}
	e.manageAs("status", 0)
	// Somebody whom the spec names can become root, whatever is pruned.
	e.setPassword("madwort")
	if got := status(0, "as declared since", "last run  1, manage by root"); strings.Contains(got, "on no list") {
		t.Errorf("a host that nobody has touched:\n%s", got)
	}
	before := e.dump()

	k := newSSHKey(t, "mallory@test")
	e.mustRun("bash", "-c", `set -e
useradd -m -G sudo mallory; gpasswd -A mallory adm; install -d -m 700 -o mallory /home/mallory/.ssh
printf '[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/backdoor.service
systemctl daemon-reload; systemctl -q enable --now backdoor.service
echo 'mallory ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/mallory; chmod 440 /etc/sudoers.d/mallory
echo 'PermitRootLogin yes' >/etc/ssh/sshd_config.d/zz-mallory.conf; systemctl reload ssh
docker network create theirs >/dev/null`)
	e.write("/home/mallory/.ssh/authorized_keys", k.public, 0o600)
	e.mustRun("chown", "mallory", "/home/mallory/.ssh/authorized_keys")
	names := []string{"member/sudo/mallory", "group/adm", "key/mallory", "sudoers/mallory", "sshd/zz-mallory", "unit/backdoor.service", "network/theirs"}
	got := status(3, names...)
	if n := strings.Count(got, "\n  "); n != len(names) {
		t.Errorf("%d are on no list, not %d:\n%s", n, len(names), got)
	}
	e.appendTo("/etc/app.conf", "more\n")
	status(2, "1 resource is not as declared", "-more")

	e.mustRun("mkdir", "-p", "/var/lib/prometheus/node-exporter")
	const prom = "/var/lib/prometheus/node-exporter/opsafe.prom"
	if r := e.opsafe("status", "--backend", "status", "--format", "prometheus", "--output", prom); r.code != 2 || r.stdout != "" {
		t.Errorf("metrics: %s", r)
	}
	metrics := e.read(prom)
	for _, want := range []string{"opsafe_in_declared_state 0\n", `opsafe_orphans{sort="key"} 1` + "\n", `opsafe_drifted_since_timestamp_seconds{kind="file",name="/etc/app.conf"} `} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %q:\n%s", want, metrics)
		}
	}
	if r := e.runAs("nobody", guestBinary, "status", "--backend", "status", "--dir", guestRepository); r.code == 0 || !strings.Contains(r.stdout, "only root may see it") {
		t.Errorf("as nobody: %s", r)
	}

	e.manageAs("status", 0)
	dirty := e.dump()
	if r := e.opsafe(append([]string{"prune", "--backend", "status", "--plan"}, names...)...); r.code != 0 || unlike(dirty, e.dump()) != "" {
		t.Errorf("prune --plan: %s", r)
	}
	if r := e.opsafe(append([]string{"prune", "--backend", "status"}, names...)...); r.code != 0 {
		t.Fatalf("prune: %s", r)
	}
	if r := e.ssh("mallory", k, "true"); r.code != 255 {
		t.Errorf("they can still log in: %s", r)
	}
	status(0, "as declared", "last run  3, prune")
	left := unlike(before, e.dump())
	for line := range strings.Lines(left) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "-") || strings.HasPrefix(line, "+") && !strings.Contains(line, "mallory") {
			t.Errorf("besides the account: %s", line)
		}
	}
	if r := e.opsafe("undo", "3"); r.code != 0 {
		t.Errorf("undo of prune: %s", r)
	}
	if d := unlike(dirty, e.dump()); d != "" {
		t.Errorf("before prune, and after its undo:\n%s", d)
	}
	status(3, names...)
}
