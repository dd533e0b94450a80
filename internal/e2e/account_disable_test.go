package e2e

import (
	"strconv"
	"strings"
	"testing"
)

// TestAccountDisable takes somebody's access away, tries in every way to get it
// back, and gives it back.
func TestAccountDisable(t *testing.T) {
	t.Parallel()
	e := newTPP(t, "description: lab\n")
	k := e.giveKey("madwort")
	keyFile, people := guestRepository+"/keys/madwort", e.read(guestPeople)
	keys := e.read(keyFile)
	e.mustRun("apt-get", "-qq", "install", "-y", "--no-install-recommends", "cron", "at")
	e.manage(0)
	e.setPassword("madwort")
	home := e.settleIn(k)

	t.Run("refusals", func(t *testing.T) { proveRefusals(e.on(t)) })
	e.removePeople("madwort")
	e.mustRun("rm", keyFile)
	t.Run("everything goes", func(t *testing.T) { proveDisabled(e.on(t), k, home) })
	t.Run("nobody comes back", func(t *testing.T) {
		e := e.on(t)
		if said := e.opsafe("disable-user", "madwort"); said.code != 0 || !strings.Contains(said.stdout, "has no access to this host, as before") {
			t.Errorf("a second time: %s", said)
		}
		e.manage(0)
		e.goneFrom(k)
		e.write(guestPeople, people, 0o644)
		e.write(keyFile, keys, 0o644)
		if said := e.manage(0); !strings.Contains(said, "madwort is listed") || !strings.Contains(said, "disabled on this host") {
			t.Errorf("a run does not say that somebody listed is disabled:\n%s", said)
		}
		e.goneFrom(k)
	})
	t.Run("enable", func(t *testing.T) { proveEnabled(e.on(t), k) })
	e.removePeople("madwort")
	e.mustRun("rm", keyFile)
	t.Run("in spite of everything", func(t *testing.T) { proveUnhindered(e.on(t), k) })
}

// proveUnhindered disables somebody who does what they can against it, while the
// spec is broken elsewhere.
func proveUnhindered(e *env, k sshKey) {
	for _, script := range []string{
		"rm -rf ~/.config; mkdir -p ~/real/systemd/user; ln -s real ~/.config; : >~/real/systemd/user/lab.timer",
		"cp ~/.ssh/authorized_keys ~/.ssh/authorized_keys2; truncate -s 70M ~/.ssh/authorized_keys2",
		"echo '5 * * * * true' | crontab -; setsid sleep 1234567 >/dev/null 2>&1 &",
	} {
		if r := e.runAs("madwort", "sh", "-c", script); r.code != 0 {
			e.t.Fatalf("%s: %s", script, r)
		}
	}
	e.mustRun("loginctl", "enable-linger", "madwort")
	e.mustRun("usermod", "-g", "adm", "madwort") // as an account made by hand
	e.mustRun("groupdel", "madwort")
	e.write(guestRepository+"/backends/broken/backend.yaml", "nonsense: 1\n", 0o644)
	r := e.opsafe("disable-user", "madwort")
	if r.code != 0 || !strings.Contains(r.stderr, "nonsense") || !strings.Contains(r.stdout, "authorized_keys2 is not kept") {
		e.t.Fatalf("disable-user: %s", r)
	}
	e.goneFrom(k)
	if e.exists("/home/madwort/.config") {
		e.t.Error("the link to units is there")
	}
}

// settleIn has madwort arm everything that an account can, and work.
func (e *env) settleIn(k sshKey) *dialogue {
	e.t.Helper()
	d := e.talk("madwort", k, "sh", "-c", "echo here; exec sleep infinity")
	d.expect("here")
	for _, script := range []string{
		"echo '5 * * * * echo cron-lab' | crontab -",
		"echo touch at-lab | at now + 5 hours",
		"mkdir -p ~/.config/systemd/user/timers.target.wants",
		`printf '[Timer]\nOnCalendar=daily\n' >~/.config/systemd/user/lab.timer`,
		`printf '[Service]\nExecStart=/usr/bin/true\n' >~/.config/systemd/user/lab.service`,
		"ln -s ../lab.timer ~/.config/systemd/user/timers.target.wants/",
		"setsid sleep 1234567 >/dev/null 2>&1 &",
	} {
		if r := e.runAs("madwort", "sh", "-c", script); r.code != 0 {
			e.t.Fatalf("%s: %s", script, r)
		}
	}
	e.mustRun("loginctl", "enable-linger", "madwort")
	e.await("the user's own systemd runs", func() bool {
		return e.run("systemctl", "is-active", "user@"+e.mustRun("id", "-u", "madwort")+".service").code == 0
	})
	e.write("/home/madwort/.ssh/authorized_keys2", newSSHKey(e.t, "back door").public, 0o600)
	e.mustRun("chown", "madwort:", "/home/madwort/.ssh/authorized_keys2")
	e.mustRun("usermod", "-aG", "adm", "madwort") // not of opsafe's making
	return d
}

func proveRefusals(e *env) {
	before := e.read("/etc/shadow") + e.read("/etc/group")
	refuse := func(name string, words ...string) {
		e.t.Helper()
		r := e.opsafe("disable-user", name)
		for _, w := range words {
			if r.code != 1 || !strings.Contains(r.stderr, w) {
				e.t.Errorf("disable-user %s has to be refused with %q: %s", name, w, r)
			}
		}
	}
	line := 1
	for l := range strings.Lines(e.read(guestPeople)) {
		if strings.HasPrefix(l, "madwort:") {
			break
		}
		line++
	}
	refuse("madwort", "developers.yaml:"+strconv.Itoa(line)+":1", "keys/madwort", "nothing has been changed")
	refuse("root", "root")
	refuse("daemon", "system account")
	refuse("nobody", "nobody")
	refuse("opensafely", "base.yaml:")
	refuse("nosuchname", "no account")
	refuse("../x")
	if r := e.opsafe("enable-user", "madwort"); r.code != 1 {
		e.t.Errorf("enable-user of somebody who is not disabled: %s", r)
	}
	if e.read("/etc/shadow")+e.read("/etc/group") != before {
		e.t.Error("a refused command changed accounts")
	}
}

func proveDisabled(e *env, k sshKey, session *dialogue) {
	plan := e.opsafe("disable-user", "--plan", "madwort")
	if plan.code != 0 || e.ssh("madwort", k, "true").code != 0 {
		e.t.Fatalf("the plan: %s", plan)
	}
	r := e.opsafe("disable-user", "madwort")
	if r.code != 0 || !strings.Contains(r.stdout, "looked at again") {
		e.t.Fatalf("disable-user: %s", r)
	}
	session.end() // the session that was open
	e.goneFrom(k)
	kept := e.mustRun("grep", "-rl", "cron-lab", "/var/lib/opsafe/kept")
	if mode := e.mustRun("stat", "-c", "%U %a", "/var/lib/opsafe/kept", kept); mode != "root 700\nroot 600" {
		e.t.Errorf("the crontab's copy: %s", mode)
	}
	e.mustRun("grep", "-rl", "at-lab", "/var/lib/opsafe/kept")
}

// goneFrom proves that nothing of madwort's access is left.
func (e *env) goneFrom(k sshKey) {
	e.t.Helper()
	e.refused("madwort", k)
	if got := e.mustRun("id", "-Gn", "madwort"); got != "madwort" {
		e.t.Errorf("groups: %s", got)
	}
	shadow := strings.Split(e.mustRun("getent", "shadow", "madwort"), ":")
	if shadow[1] != "!" && shadow[1] != "!*" && shadow[1] != "*" || shadow[7] != "1" {
		e.t.Errorf("shadow: %q", shadow)
	}
	if passwd := e.mustRun("getent", "passwd", "madwort"); !strings.HasSuffix(passwd, ":/usr/sbin/nologin") {
		e.t.Errorf("passwd: %s", passwd)
	}
	for _, path := range []string{
		"/home/madwort/.ssh/authorized_keys", "/home/madwort/.ssh/authorized_keys2", "/var/spool/cron/crontabs/madwort",
		"/var/lib/systemd/linger/madwort", "/home/madwort/.config/systemd/user/lab.timer",
		"/home/madwort/.config/systemd/user/lab.service", "/home/madwort/.config/systemd/user/timers.target.wants/lab.timer",
	} {
		if e.exists(path) {
			e.t.Errorf("%s is still there", path)
		}
	}
	if jobs := e.mustRun("atq"); jobs != "" {
		e.t.Errorf("at jobs: %s", jobs)
	}
	if left := e.run("ps", "-u", "madwort", "-o", "pid=,args="); left.stdout != "" {
		e.t.Errorf("processes: %s", left.stdout)
	}
	// Logind itself forgets a user some seconds after the last session.
	if left := e.mustRun("loginctl", "list-sessions", "--no-legend"); strings.Contains(left, "madwort") {
		e.t.Errorf("sessions: %s", left)
	}
	if list := e.run("sudo", "-l", "-U", "madwort"); !strings.Contains(list.stdout, "not allowed") {
		e.t.Errorf("sudo: %s", list)
	}
	if su := e.run("su", "-c", "true", "madwort"); su.code == 0 {
		e.t.Error("su works")
	}
}

func proveEnabled(e *env, k sshKey) {
	if r := e.opsafe("enable-user", "madwort"); r.code != 0 {
		e.t.Fatalf("enable-user: %s", r)
	}
	e.manage(0)
	e.firstLogin("madwort", k)
	if r := e.ssh("madwort", k, "id", "-Gn"); r.code != 0 || !strings.Contains(r.stdout, "sudo") || !strings.Contains(r.stdout, "docker") {
		e.t.Errorf("login afterwards: %s", r)
	}
	if r := e.opsafe("enable-user", "madwort"); r.code != 1 {
		e.t.Errorf("a second time: %s", r)
	}
	if again := e.manageJSON("tpp"); len(again.Changes) > 0 {
		e.t.Errorf("the next run changes %q", changed(again))
	}
}
