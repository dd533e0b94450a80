package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// confirmSpec has a person, and everything by which somebody gets in.
const confirmSpec = `description: confirm
people: [developers]
groups:
  admins: {members: exact}
roles:
  developers: {groups: [admins], shell: /bin/bash, home_mode: "0750", password: set-at-first-login, keys: [repository]}
sudoers:
  admins: {content: "%admins ALL=(ALL:ALL) ALL\n"}
sshd:
  opsafe: {content: "PasswordAuthentication no\nMaxAuthTries 5\n"}
directories:
  /srv/kept: {mode: "0755"}
files:
  /etc/plain: {content: "one\n"}
`

// TestConfirm proves that what could cut the operator off comes back by itself
// unless it is confirmed: whatever becomes of opsafe and of the host.
func TestConfirm(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.mustRun("mkdir", "-p", guestRepository+"/backends/waits")
	write := func(spec string) { e.write(guestRepository+"/backends/waits/backend.yaml", spec, 0o644) }
	e.write(guestPeople, "madwort: {roles: [developers]}\nlucyb: {roles: [developers]}\n", 0o644)
	e.mustRun("find", guestRepository+"/keys", "-type", "f", "!", "-name", "madwort", "!", "-name", "lucyb", "-delete")
	first := e.giveKey("madwort")
	write(confirmSpec)
	e.manageAs("waits", 0)
	if r := e.feed(e.Command(t.Context(), "chpasswd", "--crypt-method", "SHA512"), "madwort:"+goodPassword+"\nlucyb:"+goodPassword+"\n"); r.code != 0 {
		t.Fatalf("chpasswd: %s", r)
	}
	keys := e.read(guestRepository + "/keys/madwort")
	second := e.giveKey("madwort")
	e.write(guestRepository+"/keys/madwort", second.public, 0o644)
	e.write(guestPeople, "madwort: {roles: [developers]}\nlucyb: {roles: [researchers]}\n", 0o644)
	changed := strings.NewReplacer("MaxAuthTries 5", "MaxAuthTries 2", `"one\n"`, `"two\n"`, `mode: "0755"`, `mode: "0700"`, `ALL=(ALL:ALL) ALL\n`, `ALL=(ALL:ALL) ALL\nDefaults use_pty\n`,
		"people: [developers]", "people: [developers, researchers]",
		"sudoers:", "  researchers: {groups: [], shell: /bin/sh, home_mode: \"0750\", password: locked, keys: [repository]}\nsudoers:").Replace(confirmSpec)
	write(changed)
	before := e.waysIn()
	back := func(e *env) {
		e.t.Helper()
		e.await("the old state comes back", func() bool { return !e.exists("/var/lib/opsafe/confirm") })
		if after := e.waysIn(); after != before {
			e.t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
		if got := e.mustRun("sshd", "-T"); !strings.Contains(got, "maxauthtries 5") {
			e.t.Errorf("sshd has %s", got)
		}
		if r := e.ssh("madwort", first, "true"); r.code != 0 {
			e.t.Errorf("the old key: %s", r)
		}
		e.refused("madwort", second)
		e.tidy()
	}

	t.Run("nobody confirms", func(t *testing.T) {
		e := e.on(t)
		r := e.opsafe("manage", "--backend", "waits", "--confirm", "15s")
		if r.code != 0 || !strings.Contains(r.stderr, "sudo opsafe confirm") || !strings.Contains(r.stderr, "/etc/ssh/sshd_config.d/opsafe.conf") {
			t.Fatalf("manage: %s", r)
		}
		if r := e.ssh("madwort", second, "true"); r.code != 0 {
			t.Errorf("the new key: %s", r)
		}
		for _, argv := range [][]string{{"manage", "--backend", "waits"}, {"disable-user", "nobodyhere"}} {
			if r := e.opsafe(argv...); r.code != 1 || !strings.Contains(r.stderr, "waits to be confirmed") {
				t.Errorf("%s while something waits: %s", argv, r)
			}
		}
		back(e)
	})
	t.Run("the run is killed", func(t *testing.T) {
		e := e.on(t)
		// Visudo judges the new rules right before they are written.
		e.mustRun("mv", "/usr/sbin/visudo", "/usr/sbin/visudo.real")
		e.write("/usr/sbin/visudo", "#!/bin/sh\n[ ! -e /var/lib/opsafe/confirm/record.json ] || kill -9 $PPID\nexec visudo.real \"$@\"\n", 0o755)
		if r := e.run("bash", "-c", `"$@"; test $? -eq 137`, "bash", guestBinary, "manage", "--backend", "waits", "--confirm", "5s"); r.code != 0 {
			t.Fatalf("it has not been killed: %s", r)
		}
		e.mustRun("mv", "/usr/sbin/visudo.real", "/usr/sbin/visudo")
		if e.waysIn() == before {
			t.Fatal("it was killed before it changed anything")
		}
		back(e)
	})
	t.Run("the host reboots", func(t *testing.T) {
		e := e.on(t)
		if r := e.opsafe("manage", "--backend", "waits", "--confirm", "30s"); r.code != 0 {
			t.Fatalf("manage: %s", r)
		}
		if err := e.Reboot(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !e.exists("/var/lib/opsafe/confirm") || e.waysIn() == before {
			t.Fatal("it came back before there was time to log in after the reboot")
		}
		back(e)
	})
	t.Run("at once", func(t *testing.T) {
		e := e.on(t)
		e.opsafe("manage", "--backend", "waits", "--confirm", "10m")
		if r := e.opsafe("revert"); r.code != 0 || !strings.Contains(r.stdout, "Put back: group/admins") {
			t.Errorf("revert: %s", r)
		}
		back(e)
		if r := e.opsafe("revert"); r.code != 1 {
			t.Errorf("there is nothing left: %s", r)
		}
	})
	t.Run("a directory is lost", func(t *testing.T) {
		e := e.on(t)
		if r := e.opsafe("manage", "--backend", "waits", "--confirm", "15s"); r.code != 0 {
			t.Fatalf("manage: %s", r)
		}
		e.mustRun("rm", "-rf", "/home/madwort/.ssh")
		back(e)
	})
	t.Run("a unit does not start any more", func(t *testing.T) {
		e := e.on(t)
		if r := e.opsafe("manage", "--backend", "waits", "--confirm", "10m"); r.code != 0 {
			t.Fatalf("manage: %s", r)
		}
		e.mustRun("systemctl", "stop", "ssh")
		e.write("/etc/ssh/sshd_config.d/zz-none.conf", "Nonsense yes\n", 0o644)
		r := e.opsafe("revert")
		if r.code != 1 || !strings.Contains(r.stderr, "the state before the run is back, but not all that ran then starts") || !strings.Contains(r.stderr, "ssh.service") {
			t.Errorf("revert: %s", r)
		}
		e.mustRun("rm", "/etc/ssh/sshd_config.d/zz-none.conf")
		e.mustRun("systemctl", "reset-failed", "ssh")
		e.mustRun("systemctl", "start", "ssh")
		// Nothing hinders a run any more, and the next one takes up what is owed.
		for _, argv := range [][]string{{"manage", "--backend", "waits", "--confirm", "10m"}, {"revert"}} {
			if r := e.opsafe(argv...); r.code != 0 {
				t.Errorf("%s: %s", argv, r)
			}
		}
		back(e)
	})
	t.Run("not all can be put back at first", func(t *testing.T) {
		e := e.on(t)
		if r := e.opsafe("manage", "--backend", "waits", "--confirm", "10m"); r.code != 0 {
			t.Fatalf("manage: %s", r)
		}
		e.mustRun("mount", "-t", "tmpfs", "-o", "ro", "t", "/etc/sudoers.d")
		var records [3]string
		for i := range records {
			if r := e.opsafe("revert"); r.code != 1 || !strings.Contains(r.stderr, "/etc/sudoers.d/") {
				t.Errorf("revert: %s", r)
			}
			records[i] = e.mustRun("bash", "-c", "cd /var/lib/opsafe/history && stat -c '%n %i %Y' *")
		}
		if records[1] != records[0] || records[2] != records[0] {
			t.Errorf("attempts that changed nothing have written:\n%s", strings.Join(records[:], "\n"))
		}
		e.mustRun("umount", "/etc/sudoers.d")
		if r := e.opsafe("revert"); r.code != 0 || !strings.Contains(r.stdout, "/etc/sudoers.d/admins") {
			t.Errorf("revert: %s", r)
		}
		back(e)
		history := strings.Split(strings.TrimSpace(e.mustRun(guestBinary, "history")), "\n")
		if last := history[len(history)-1]; !strings.Contains(last, "revert") || !strings.Contains(last, "succeeded") || strings.Contains(history[len(history)-2], "revert") {
			t.Errorf("history: %s", strings.Join(history, "\n"))
		}
	})
	t.Run("what brings it back cannot be run", func(t *testing.T) {
		e := e.on(t)
		e.mustRun("mkdir", "-p", "/usr/local/lib/opsafe")
		e.mustRun("mount", "-t", "tmpfs", "-o", "noexec", "t", "/usr/local/lib/opsafe")
		if r := e.opsafe("manage", "--backend", "waits", "--confirm", "5s"); r.code != 1 || !strings.Contains(r.stderr, "cannot be run, so nothing is changed") {
			t.Errorf("manage: %s", r)
		}
		e.mustRun("umount", "/usr/local/lib/opsafe")
		back(e)
	})
	t.Run("confirmed", func(t *testing.T) {
		e := e.on(t)
		e.opsafe("manage", "--backend", "waits", "--confirm", "10m")
		after := e.waysIn()
		if r := e.opsafe("confirm"); r.code != 0 || !strings.Contains(r.stdout, "Confirmed") {
			t.Errorf("confirm: %s", r)
		}
		if e.waysIn() != after || after == before {
			t.Error("it has not stayed")
		}
		e.tidy()
		if doc := e.planJSON("waits"); len(doc.Changes) > 0 {
			t.Errorf("left to do: %v", doc.Changes)
		}
		if r := e.opsafe("confirm"); r.code != 1 || !strings.Contains(r.stderr, "nothing waits") {
			t.Errorf("a second time: %s", r)
		}
		if r := e.opsafe("manage", "--backend", "waits", "--confirm", "10m"); r.code != 0 || e.exists("/var/lib/opsafe/confirm") {
			t.Errorf("nothing to do, and something waits: %s", r)
		}
	})
	e.write(guestRepository+"/keys/madwort", keys, 0o644)
}

// waysIn is all by which people get in, and what they may do then.
func (e *env) waysIn() string {
	e.t.Helper()
	return e.mustRun("bash", "-c", `for p in /etc/ssh/sshd_config.d/* /etc/sudoers.d/* /home/*/.ssh /home/*/.ssh/*; do
		stat -c '%n %a %U %G' "$p"; [ -f "$p" ] && cat "$p"; done
		cat /etc/plain; stat -c '%n %a' /srv/kept
		cat /etc/passwd /etc/group; cut -d: -f1,2,8 /etc/shadow`)
}

// tidy fails the test if something is left of what waited to be confirmed.
func (e *env) tidy() {
	e.t.Helper()
	for _, p := range []string{"/var/lib/opsafe/confirm", "/usr/local/lib/opsafe/revert", "/etc/systemd/system/opsafe-revert.timer", "/etc/systemd/system/opsafe-revert.service"} {
		if e.exists(p) {
			e.t.Errorf("%s is left", p)
		}
	}
	if got := e.mustRun("systemctl", "list-timers", "--all"); strings.Contains(got, "opsafe") {
		e.t.Errorf("timers: %s", got)
	}
	if e.exists("/var/lib/opsafe/pending.json") {
		e.t.Errorf("owed: %s", e.read("/var/lib/opsafe/pending.json"))
	}
}
