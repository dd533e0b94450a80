package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// lockOutSpec is a backend whose people become root by one rule of sudo.
const lockOutSpec = `description: admins
people: [developers]
groups:
  admins: {members: exact}
roles:
  developers: {groups: [admins], shell: /bin/bash, home_mode: "0750", password: set-at-first-login, keys: [repository]}
sudoers:
  admins: {content: "%admins ALL=(ALL:ALL) ALL\n"}
sshd:
  opsafe: {content: "PasswordAuthentication no\n"}
files:
  /etc/lab: {content: "1\n"}
`

// TestLockOut proves that no run leaves a host that nobody can administer: it
// changes nothing at all then, and says who loses what.
func TestLockOut(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	spec := func(old, text string) {
		s := strings.Replace(lockOutSpec, old, text, 1)
		if old != "" && s == lockOutSpec {
			t.Fatalf("the spec does not have %q", old)
		}
		e.mustRun("mkdir", "-p", guestRepository+"/backends/admins")
		e.write(guestRepository+"/backends/admins/backend.yaml", strings.Replace(s, `"1\n"`, `"2\n"`, 1), 0o644)
	}
	e.write(guestPeople, "madwort: {roles: [developers]}\n", 0o644)
	e.mustRun("find", guestRepository+"/keys", "-type", "f", "!", "-name", "madwort", "-delete")
	k := e.giveKey("madwort")
	spec("", "")
	e.manageAs("admins", 0)
	if r := e.feed(e.Command(t.Context(), "chpasswd", "--crypt-method", "SHA512"), "madwort:"+goodPassword+"\n"); r.code != 0 {
		t.Fatalf("chpasswd: %s", r)
	}
	if r := e.ssh("madwort", k, "true"); r.code != 0 {
		t.Fatalf("the admin cannot log in: %s", r)
	}
	keys := e.read(guestRepository + "/keys/madwort")
	restore := func() {
		spec("", "")
		e.write(guestRepository+"/keys/madwort", keys, 0o644)
	}

	for _, c := range []struct {
		name  string
		alter func()
		why   []string
	}{
		{"sudo's rule goes", func() { spec("%admins ALL=(ALL:ALL) ALL", "%admins ALL=(ALL) /bin/ls") }, []string{"madwort loses theirs: no rule of sudo"}},
		{"sudo's rule is taken back later", func() { spec(`ALL=(ALL:ALL) ALL\n`, `ALL=(ALL:ALL) ALL\n%admins ALL=(ALL:ALL) !ALL\n`) }, []string{"no rule of sudo"}},
		{"the group goes", func() { spec("groups: [admins]", "groups: []") }, []string{"no rule of sudo"}},
		{"the shell", func() { spec("shell: /bin/bash", "shell: /usr/sbin/nologin") }, []string{"the shell is /usr/sbin/nologin"}},
		{"sshd admits others", func() { spec(`PasswordAuthentication no\n`, `AllowUsers nobody\n`) }, []string{"AllowUsers does not name them: nobody"}},
		{"sshd in a match", func() { spec(`PasswordAuthentication no\n`, `Match User madwort\n  PubkeyAuthentication no\n`) }, []string{"does not take keys"}},
		{"sshd asks for more", func() {
			spec(`PasswordAuthentication no\n`, `HostbasedAuthentication yes\nAuthenticationMethods publickey,hostbased\n`)
		}, []string{"asks for more than a key"}},
		{"sshd reads keys elsewhere", func() { spec(`PasswordAuthentication no\n`, `AuthorizedKeysFile /etc/keys/%u\n`) }, []string{"there is no key of theirs"}},
		{"the password", func() { spec("password: set-at-first-login", "password: locked") }, []string{"sudo asks for a password, and theirs is locked"}},
		{"only a key for a command is left", func() {
			e.write(guestRepository+"/keys/madwort", "", 0o644)
		}, []string{"no key in /home/madwort/.ssh/authorized_keys lets them in"}},
		{"nobody may log in", func() { spec("  /etc/lab:", "  /etc/nologin: {content: \"\"}\n  /etc/lab:") }, []string{"/etc/nologin keeps everybody but root out"}},
		{"sshd stops", func() {
			spec("files:", "units:\n  ssh.service: {running: false}\n  ssh.socket: {running: false}\nfiles:")
		}, []string{"sshd does not run"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := e.on(t)
			t.Cleanup(restore)
			c.alter()
			before := e.stateOf("/etc", "/home")
			for command, refuses := range map[string]string{"plan": "manage would refuse this", "manage": "nothing has been changed"} {
				r := e.opsafe(command, "--backend", "admins")
				said := strings.Join(strings.Fields(r.stdout+r.stderr), " ")
				if r.code != 1 || !strings.Contains(said, refuses) || !strings.Contains(said, "--allow-locking-out-every-admin") {
					t.Errorf("%s does not refuse: %s", command, r)
				}
				for _, w := range c.why {
					if !strings.Contains(said, w) {
						t.Errorf("%s does not say %q: %s", command, w, r)
					}
				}
			}
			if after := e.stateOf("/etc", "/home"); after != before {
				t.Errorf("something has been changed")
			}
		})
	}
	t.Run("disable-user", func(t *testing.T) {
		e := e.on(t)
		e.write(guestPeople, "jongmassey: {roles: [developers]}\n", 0o644)
		e.mustRun("rm", guestRepository+"/keys/madwort")
		before := e.stateOf("/etc", "/home")
		if r := e.opsafe("disable-user", "madwort"); r.code != 1 || !strings.Contains(r.stderr, "madwort loses theirs") || e.stateOf("/etc", "/home") != before {
			t.Errorf("the last admin is disabled: %s", r)
		}
	})
	t.Run("by its full name", func(t *testing.T) {
		e := e.on(t)
		if r := e.opsafe("disable-user", "madwort", "--allow-locking"); r.code != 1 {
			t.Errorf("half a flag: %s", r)
		}
		if r := e.opsafe("disable-user", "madwort", "--allow-locking-out-every-admin"); r.code != 0 {
			t.Errorf("the flag: %s", r)
		}
	})
}

// manageAs runs opsafe manage for a backend, which has to end with a code.
func (e *env) manageAs(backend string, code int, args ...string) {
	e.t.Helper()
	if r := e.opsafe(append([]string{"manage", "--backend", backend}, args...)...); r.code != code {
		e.t.Fatalf("manage: want exit code %d: %s", code, r)
	}
}

// stateOf is all that trees are, but for what reading them changes.
func (e *env) stateOf(trees ...string) string {
	e.t.Helper()
	return e.mustRun(append(append([]string{"find"}, trees...), "-printf", `%p %m %U %G %s %l %T@ %C@\n`)...)
}
