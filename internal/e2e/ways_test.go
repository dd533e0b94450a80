package e2e

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// outcome is what becomes of a run that could shut the way in.
type outcome string

const (
	// refused is a run that changes nothing.
	refused outcome = "refused"
	// through is a run that must not be refused, after which the way is open.
	through outcome = "through"
	// failed is a run that has refused this part by itself.
	failed outcome = "failed"
	// unsaid is whatever becomes of a run.
	unsaid outcome = ""
	// undone is a run that is not refused, since no look beforehand could tell, and
	// that undoes itself.
	undone outcome = "undone"
)

// way is one line of the table: what is so on the host already, what the spec adds,
// and what has to become of the run.
type way struct {
	name  string
	want  outcome
	spec  string
	setup string // lines of a shell, of which the host is restored afterwards
	over  string // lines of a shell that end what setup has brought for the moment
	after string // lines of a shell that take away what setup has brought for good
	cmd   string // in place of manage; KEY stands for the admin's key
	args  string // of the command
}

// waysSpec has one person, who logs in with a key and becomes root by sudo with a
// password.
const waysSpec = `people: [admins]
roles: {admins: {groups: [sudo], shell: /bin/bash, keys: [repository]}}
`

// wayAddress is where they come to: not the loopback network, on which a host talks
// to itself.
const wayAddress = "192.0.2.2"

// waysHost is a host of one administrator.
type waysHost struct {
	*env
	key  sshKey
	run0 string // the last run before the line
}

func newWaysHost(t *testing.T, suite string) *waysHost {
	t.Helper()
	e := newHost(t, testhost.Full, suite)
	e.mustRun("find", guestRepository+"/keys", "-type", "f", "-delete")
	e.write(guestPeople, "alice: {roles: [admins]}\n", 0o644)
	w := &waysHost{env: e, key: e.giveKey("alice")}
	e.mustRun("ip", "address", "add", wayAddress+"/32", "dev", "lo")
	e.lab(0, waysSpec)
	e.setPassword("alice")
	e.mustRun(append([]string{"tar", "-C", "/", "-cf", "/snap.tar"}, waysFiles()...)...)
	return w
}

// waysFiles are files that the lines of the table set up.
func waysFiles() []string {
	return []string{
		"etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/sudoers", "etc/ssh/sshd_config",
		"etc/pam.d/sshd", "etc/default/ssh", "etc/hosts.allow", "etc/hosts.deny",
	}
}

// open reports whether a real ssh and a real sudo, one after the other, make them
// root; if not, what they say.
func (w *waysHost) open() (bool, string) {
	w.t.Helper()
	login := func() *exec.Cmd {
		cmd := w.SSH(w.t.Context(), "alice", w.key.file, "sudo", "-S", "-k", "-p", "", "id", "-u")
		cmd.Args[slices.Index(cmd.Args, "alice@127.0.0.1")] = "alice@" + wayAddress
		return cmd
	}
	r := w.feed(login(), goodPassword+"\n")
	if r.code != 0 && strings.Contains(w.run("sshd", "-T").stdout, "authenticationmethods publickey,password") {
		ask := filepath.Join(w.t.TempDir(), "ask")
		if err := os.WriteFile(ask, []byte("#!/bin/sh\necho "+goodPassword+"\n"), 0o700); err != nil { //nolint:gosec // it is to be a program
			w.t.Fatal(err)
		}
		cmd := login()
		cmd.Args[slices.Index(cmd.Args, "BatchMode=yes")] = "NumberOfPasswordPrompts=1"
		cmd.Env = append(os.Environ(), "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=none")
		r = w.feed(cmd, goodPassword+"\n")
	}
	return r.code == 0 && strings.HasSuffix(r.stdout, "0\n"), r.String()
}

// become runs a line of the table, and says what has become of the run.
func (w *waysHost) become(c way) (outcome, result) {
	w.t.Helper()
	if c.setup != "" {
		w.mustRun("sh", "-ec", c.setup)
	}
	spec := waysSpec + c.spec
	if strings.HasPrefix(c.spec, "people:") {
		spec = c.spec // the whole of it
	}
	w.labSpec(spec)
	w.run0 = w.lastRun()
	cmd := cmp.Or(c.cmd, "manage --backend lab")
	if strings.Contains(cmd, "KEY") {
		cmd = strings.ReplaceAll(cmd, "KEY", strings.Fields(w.mustRun("ssh-keygen", "-lf", "/home/alice/.ssh/authorized_keys"))[1])
	}
	r := w.opsafe(strings.Fields(cmd + " " + c.args)...)
	switch {
	case strings.Contains(r.stderr, "problem; nothing has been changed"), strings.Contains(r.stderr, "problems; nothing has been changed"):
		w.t.Fatalf("it is the spec that is refused, and says nothing of the way: %s", r)
	case r.code != 0 && strings.Contains(r.stderr, "nothing has been changed"):
		return refused, r
	case r.code != 0 && strings.Contains(r.stderr, "has been undone"):
		return undone, r
	case r.code != 0:
		return failed, r
	}
	return through, r
}

// restore has the host be what it was before the line.
func (w *waysHost) restore(c way, was outcome) {
	w.t.Helper()
	w.opsafe("confirm")
	if last := w.lastRun(); last != w.run0 && (was == through || was == failed) {
		w.opsafe("undo", last, "--allow-locking-out-every-admin") // the way back alters the way, too
	}
	if c.setup == "" {
		return
	}
	w.mustRun("tar", "-C", "/", "-xpf", "/snap.tar")
	if c.after != "" {
		w.mustRun("sh", "-ec", c.after)
	}
	w.mustRun("systemctl", "restart", "ssh")
}

// TestWays holds that no spec shuts the way in: of each line of the table the run is
// refused, or undoes itself, or leaves the way open; and that what is harmless goes
// through.
func TestWays(t *testing.T) {
	t.Parallel()
	const hosts = 2
	for i := range hosts {
		t.Run(fmt.Sprint("host ", i+1), func(t *testing.T) {
			t.Parallel()
			var lines []way
			for j, c := range waysTable() {
				if j%hosts == i {
					lines = append(lines, c)
				}
			}
			w := newWaysHost(t, "")
			w.tryWays(t, lines)
			if i == 0 {
				w.startsAgain(t)
			}
		})
	}
}

// startsAgain holds that what goes through leaves the way open also when the host has
// started again.
func (w *waysHost) startsAgain(t *testing.T) {
	t.Helper()
	w = &waysHost{env: w.on(t), key: w.key}
	for _, c := range waysAtBoot() {
		if c.want == through {
			w.lab(0, waysSpec+c.spec) // what is not declared any more stays
		}
	}
	if err := w.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if open, why := w.open(); !open {
		t.Errorf("after the host has started again, the way is shut: %s", why)
	}
}

// tryWays tries lines one after the other on the host, on a fresh one after each that
// has lost its way.
func (w *waysHost) tryWays(t *testing.T, lines []way) {
	t.Helper()
	lost := 0
	counts := map[outcome]int{}
	for _, c := range lines {
		touched := false // whether the host may be another than before
		ok := t.Run(c.name, func(t *testing.T) {
			touched = true
			w := &waysHost{env: w.on(t), key: w.key}
			was, r := w.become(c)
			counts[was]++
			if c.over != "" {
				w.mustRun("sh", "-ec", c.over)
			}
			open, why := w.open()
			if !open {
				lost++
				t.Errorf("the run was %s, and the way is shut: %s\nthe run: %s", was, why, r)
			}
			if was != c.want && c.want != unsaid {
				t.Errorf("the run was %s, not %s: %s", was, c.want, r)
			}
			if was == refused && open && c.setup+c.over == "" {
				touched = false
				return
			}
			w.restore(c, was)
		})
		if !touched {
			continue
		}
		if open, why := w.open(); !open {
			if ok {
				t.Fatalf("after %s the host cannot be restored: %s", c.name, why)
			}
			*w = *newWaysHost(t, "")
		}
	}
	t.Logf("%d lines: %d refused, %d undone, %d through, %d lost", len(lines), counts[refused], counts[undone], counts[through], lost)
}

// Parts of specs, short enough for lines of a table.

func sshdIs(lines ...string) string {
	return fmt.Sprintf("sshd: {00-x: {content: %q}}\n", strings.Join(lines, "\n")+"\n")
}

func sudoIs(lines ...string) string {
	return fmt.Sprintf("sudoers: {zz-x: {content: %q}}\n", strings.Join(lines, "\n")+"\n")
}

func fileIs(path, content string) string {
	return fmt.Sprintf("files: {%s: {content: %q}}\n", path, content)
}

func fileMode(path, mode string) string {
	return fmt.Sprintf("files: {%s: {mode: %q}}\n", path, mode)
}

func dirMode(path, mode string) string {
	return fmt.Sprintf("directories: {%s: {mode: %q}}\n", path, mode)
}

// ruleIs has nothing but a rule of the spec's own give somebody root.
func ruleIs(rule string) string {
	return fmt.Sprintf("files: {/etc/sudoers: {content: %q}}\n", "Defaults env_reset\n@includedir /etc/sudoers.d\n") + sudoIs(rule)
}

// anotherUnit has sshd run under another unit's name.
const anotherUnit = "sed '/^Alias=/d' /lib/systemd/system/ssh.service >/etc/systemd/system/mysshd.service; systemctl disable --now ssh; systemctl daemon-reload; systemctl enable --now mysshd"

// TestWaysElsewhere tries some lines on the other releases of Debian, with sshd behind
// a socket of systemd's, and as a unit of another name on another port.
func TestWaysElsewhere(t *testing.T) {
	t.Parallel()
	const socket = "systemctl disable --now ssh.service; systemctl enable --now ssh.socket"
	for _, on := range []struct{ name, suite, setup string }{
		{"bullseye", "bullseye", ""},
		{"trixie", "trixie", ""},
		{"trixie, by a socket", "trixie", socket},
		{"bookworm, by a socket", "bookworm", socket},
		{"another unit", "bookworm", anotherUnit},
	} {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			w := newWaysHost(t, on.suite)
			if on.setup != "" {
				w.mustRun("sh", "-ec", on.setup)
			}
			some := slices.DeleteFunc(waysTable(), func(c way) bool {
				return c.setup != "" || !slices.Contains([]string{
					"sudo without its set-uid bit", "rootpw", "a rule that is over", "a rule as a group", "a rule of its own", "sudo with harmless settings",
					"AllowUsers", "ForceCommand", "hardening", "Match for others", "/home is closed", "PAM denies sshd", "the profile ends the shell", "the message of the day",
				}, c.name)
			})
			w.tryWays(t, some)
		})
	}
}

// TestWaysDisable holds that nobody is disabled who is the last admin with a way, be
// it that another has one by name alone, or that sshd is stopped for the moment.
func TestWaysDisable(t *testing.T) {
	t.Parallel()
	w := newWaysHost(t, "")
	w.giveKey("bob")
	w.write(guestPeople, "alice: {roles: [admins]}\nbob: {roles: [admins]}\n", 0o644)
	w.lab(0, waysSpec)
	w.setPassword("bob")
	// Each is tried, not only the first whose way is open.
	for _, who := range []string{"alice", "bob"} {
		at := "/home/" + who + "/.bashrc"
		w.labSpec(waysSpec + "files: {" + at + ": {content: \"exit 1\\n\", owner: " + who + "}}\n")
		w.says(0, w.opsafe("manage", "--backend", "lab"), "one of several ways in is shut, which no look has shown: "+who+" was tried")
		w.mustRun("rm", at)
	}
	w.write(guestPeople, "{}\n", 0o644)
	w.mustRun("rm", guestRepository+"/keys/alice", guestRepository+"/keys/bob")
	w.mustRun("cp", "-a", "/etc/shadow", "/root/shadow")
	for _, c := range []struct{ name, setup, over, who string }{
		{"aged out", "chage -d 2020-01-01 -M 90 -I 30 alice", "cp -a /root/shadow /etc/shadow", "bob"},
		{"locked, and to change it", "passwd -l alice; chage -d 0 alice", "cp -a /root/shadow /etc/shadow", "bob"},
		{"the home is root's", "chown root: /home/alice /home/alice/.ssh; chmod 0700 /home/alice/.ssh", "chown alice: /home/alice /home/alice/.ssh", "bob"},
		{"the shell is gone", "usermod -s /bin/none alice", "usermod -s /bin/bash alice", "bob"},
		{"no password for sudo", "passwd -l alice", "passwd -u alice", "bob"},
		{"expired", "chage -E 2020-01-01 alice", "cp -a /root/shadow /etc/shadow", "bob"},
		{"the shell is root's alone", "cp /bin/bash /usr/local/bin/bash2; chmod 0700 /usr/local/bin/bash2; usermod -s /usr/local/bin/bash2 alice", "usermod -s /bin/bash alice; rm /usr/local/bin/bash2", "bob"},
		{"sshd names the other alone", "echo 'AllowUsers bob' >/etc/ssh/sshd_config.d/x.conf", "rm /etc/ssh/sshd_config.d/x.conf", "bob"},
		{"sshd takes no key of theirs", "printf 'Match Group alice\\n  PubkeyAuthentication no\\n' >/etc/ssh/sshd_config.d/x.conf", "rm /etc/ssh/sshd_config.d/x.conf", "bob"},
		{"their key is revoked", "cp /home/alice/.ssh/authorized_keys /etc/ssh/revoked; echo 'RevokedKeys /etc/ssh/revoked' >/etc/ssh/sshd_config.d/x.conf", "rm /etc/ssh/sshd_config.d/x.conf", "bob"},
		{"sudo as the other alone", "gpasswd -d alice sudo; echo 'alice ALL=(bob) ALL' >/etc/sudoers.d/x; chmod 0440 /etc/sudoers.d/x", "gpasswd -a alice sudo; rm /etc/sudoers.d/x", "bob"},
		{"root's key, and root may not log in", "passwd -l alice; mkdir -p /root/.ssh; cp /home/alice/.ssh/authorized_keys /root/.ssh/; echo 'PermitRootLogin no' >/etc/ssh/sshd_config.d/x.conf", "passwd -u alice; rm -r /root/.ssh /etc/ssh/sshd_config.d/x.conf", "bob"},
		{"the only one, while sshd is stopped", "passwd -l bob; systemctl stop ssh", "passwd -u bob; systemctl start ssh", "alice"},
		{"the only one, while nobody may log in", "passwd -l bob; touch /run/nologin", "passwd -u bob; rm /run/nologin", "alice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.on(t)
			w.mustRun("sh", "-ec", c.setup)
			r := w.opsafe("disable-user", c.who, "--backend", "lab")
			w.mustRun("sh", "-ec", c.over)
			if r.code != 1 || !strings.Contains(r.stderr, "nothing has been changed: afterwards, nobody could log in with a key and become root") {
				t.Fatalf("%s is disabled: %s", c.who, r)
			}
		})
	}
	w.says(0, w.opsafe("disable-user", "bob", "--backend", "lab"))
	if open, why := w.open(); !open {
		t.Errorf("the other admin has lost the way: %s", why)
	}
}
