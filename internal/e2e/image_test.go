package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"opsafe/internal/testhost"
)

const imageSpec = `description: made as an image
people: [developers]
roles:
  developers: {groups: [admins], shell: /bin/bash, home_mode: "0750", password: locked, keys: [repository]}
groups:
  admins: {members: exact}
sudoers:
  admins: {content: "%admins ALL=(ALL:ALL) NOPASSWD: ALL\n"}
sshd:
  opsafe: {content: "PasswordAuthentication no\n"}
packages:
  cron: installed
  nginx-light: installed
files:
  /etc/image.conf: {content: "made\n", notify: {restart: [nginx.service]}}
units:
  image.service: {content: "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n", enabled: true, running: true}
  nginx.service: {enabled: true, running: true}
  cron.service: {enabled: false, running: false}
  systemd-timesyncd.service: {masked: true}
sysctl:
  net.ipv4.ip_forward: "1"
`

// TestImage brings the tree of a machine that does not run to its declared state, and
// boots it: its first boot does the rest, and then there is nothing left to do.
func TestImage(t *testing.T) {
	t.Parallel()
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			bootImage(t, suite)
		})
	}
}

func bootImage(t *testing.T, suite string) {
	t.Helper()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	k := newSSHKey(t, "madwort")
	repo := t.TempDir()
	for name, content := range map[string]string{
		"backends/lab/backend.yaml": imageSpec, "developers.yaml": "madwort: {roles: [developers]}\n", "keys/madwort": k.public,
	} {
		at := filepath.Join(repo, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	out := &env{t: t} // what runs on the machine of the test
	h := testhost.Start(t, testhost.Options{Suite: suite, Tree: func(tree string) error {
		makeImage(out, program, repo, tree)
		return nil
	}})
	e := &env{Host: h, t: t}
	if e.exists("/etc/systemd/system/opsafe-first-boot.service") {
		t.Fatalf("the first boot has not brought it to its state: %s", e.run("journalctl", "-u", "opsafe-first-boot.service"))
	}
	if said := e.mustRun("journalctl", "-u", "opsafe-first-boot.service", "-o", "cat"); strings.Contains(said, "has stopped declaring") || !strings.Contains(said, "Done: 1 added") {
		t.Errorf("the first boot says\n%s", said)
	}
	for unit, state := range map[string]string{"image.service": "active", "nginx.service": "active", "cron.service": "inactive"} {
		if got := strings.TrimSpace(e.run("systemctl", "is-active", unit).stdout); got != state {
			t.Errorf("%s is %s", unit, got)
		}
	}
	if got := e.mustRun("sysctl", "-n", "net.ipv4.ip_forward"); got != "1" {
		t.Errorf("net.ipv4.ip_forward is %s", got)
	}
	if r := e.ssh("madwort", k, "sudo", "-n", "id", "-u"); r.code != 0 || strings.TrimSpace(r.stdout) != "0" {
		t.Errorf("the admin of the spec: %s", r)
	}
	e.says(0, e.opsafe("plan", "--exit-code"), "Nothing to do.")
	e.says(0, e.opsafe("manage"), "Nothing to do.")
	e.says(0, e.opsafe("status"), "")
	e.says(0, e.opsafe("history"), "2 ", "succeeded")
	e.mustRun("rm", "/etc/image.conf")
	e.says(0, e.opsafe("manage"), "Done")
}

// makeImage brings a tree to the state of a spec, and proves that nothing of it is
// started, that a plan says all and changes nothing, and what is refused.
func makeImage(e *env, program, repo, tree string) {
	e.t.Helper()
	opsafe := func(argv ...string) result {
		return e.finish(exec.CommandContext(e.t.Context(), program, append(argv, "--dir", repo, "--backend", "lab")...)) //nolint:gosec // a test's
	}
	refused := func(root, words string) {
		e.t.Helper()
		for _, command := range []string{"plan", "manage"} {
			e.says(1, opsafe(command, "--root", root), words)
		}
	}
	refused("/", "this machine's own root")
	refused(e.t.TempDir(), "is no tree of a Debian with systemd")
	lives := exec.CommandContext(e.t.Context(), "/bin/sleep", "infinity")
	lives.SysProcAttr = &syscall.SysProcAttr{Chroot: tree, Pdeathsig: syscall.SIGKILL}
	if err := lives.Start(); err != nil {
		e.t.Fatal(err)
	}
	refused(tree, "a system runs in "+tree)
	_ = lives.Process.Kill()
	_ = lives.Wait()

	there := func(name string) bool {
		_, err := os.Lstat(filepath.Join(tree, name))
		return err == nil
	}
	r := opsafe("plan", "--root", tree, "--format", "json")
	planned := document(e.t, r)
	e.says(0, opsafe("plan", "--root", tree), "left to its first boot", "left to the first boot: sysctl/net.ipv4.ip_forward", "to be running after the first boot: image.service, nginx.service", "opsafe-first-boot.service")
	if there("var/lib/opsafe") || there("usr/sbin/nginx") || there("srv/opsafe") {
		e.t.Error("the plan has changed the tree")
	}
	// What a package's scripts are told, and what they leave running.
	hook := filepath.Join(tree, "etc/apt/apt.conf.d/99hook")
	const says = `DPkg::Post-Invoke { "/bin/sleep 10000 </dev/null >/dev/null 2>&1 & /usr/sbin/policy-rc.d nginx start; echo $? >/policy; ( : >/proc/sys/kernel/panic ) 2>/dev/null && echo open >>/policy; true"; };` + "\n"
	if err := os.WriteFile(hook, []byte(says), 0o644); err != nil {
		e.t.Fatal(err)
	}
	made := e.converged(opsafe("manage", "--root", tree, "--format", "json"))
	comparePlan(e.t, planned, made)
	e.says(0, opsafe("manage", "--root", tree), "Nothing to do.")
	e.says(0, opsafe("plan", "--root", tree, "--exit-code"), "Nothing to do.")
	policy, err := os.ReadFile(filepath.Join(tree, "policy"))
	if err != nil || strings.TrimSpace(string(policy)) != "101" || there("usr/sbin/policy-rc.d") {
		e.t.Errorf("whether services may start is answered with %q, %v; the answer is still there: %v", policy, err, there("usr/sbin/policy-rc.d"))
	}
	if err := errors.Join(os.Remove(hook), os.Remove(filepath.Join(tree, "policy"))); err != nil {
		e.t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"etc/systemd/system/multi-user.target.wants/nginx.service": true, "etc/systemd/system/multi-user.target.wants/cron.service": false,
		"etc/systemd/system/multi-user.target.wants/opsafe-first-boot.service": true, "etc/systemd/system/systemd-timesyncd.service": true,
		"usr/local/bin/opsafe": true, "srv/opsafe/keys/madwort": true,
	} {
		if there(name) != want {
			e.t.Errorf("%s: there: %v", name, !want)
		}
	}
}
