package e2e

import (
	"strings"
	"testing"
)

// TestAccountRemains: what somebody has left on a host besides their account goes
// with it where it is only theirs, and is named where it is not.
func TestAccountRemains(t *testing.T) {
	t.Parallel()
	e := newTPP(t, "description: lab\n")
	k := e.giveKey("madwort")
	e.mustRun("apt-get", "-qq", "install", "-y", "--no-install-recommends", "cron")
	e.manage(0)
	e.setPassword("madwort")
	if err := e.ImportBusybox(t.Context(), "lab:1"); err != nil {
		t.Fatal(err)
	}
	e.mustRun("mkdir", "-p", "/etc/ssh/more")
	e.write("/etc/ssh/sshd_config.d/zz-more.conf", "Match User backup\n\tAuthorizedKeysFile /etc/ssh/more/%u\n", 0o644)
	e.write("/etc/ssh/more/backup", k.public, 0o644)
	e.write("/etc/cron.d/theirs", "SHELL=/bin/sh\n* * * * * madwort touch /tmp/theirs\n", 0o644)
	e.write("/etc/cron.d/shared", "@daily root true\n* * * * * madwort touch /tmp/shared\n", 0o644)
	e.write("/etc/systemd/system/byhand.service", "[Service]\nUser=madwort\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n", 0o644)
	e.write("/etc/systemd/system/byhand.timer", "[Timer]\nOnCalendar=hourly\n[Install]\nWantedBy=timers.target\n", 0o644)
	e.mustRun("systemctl", "daemon-reload")
	e.mustRun("systemctl", "enable", "--now", "byhand.service", "byhand.timer")
	e.mustRun("systemd-run", "--unit", "later", "--uid", "madwort", "--on-active=1h", "/bin/true")
	uid := e.mustRun("id", "-u", "madwort")
	e.write("/etc/sudoers.d/theirs", "madwort ALL=(ALL) NOPASSWD: ALL\n#"+uid+" ALL=(ALL) NOPASSWD: ALL\n", 0o440)
	e.write("/etc/sudoers.d/shared", "User_Alias LAB = lucyb, madwort\nLAB ALL=(root) NOPASSWD: /bin/true\n", 0o440)
	e.mustRun("useradd", "--non-unique", "--uid", uid, "--home-dir", "/home/twin", "twin")
	e.mustRun("groupadd", "lab")
	e.mustRun("gpasswd", "-A", "madwort", "lab")
	e.appendTo("/etc/gshadow", "ghost:!:madwort:\n")
	e.write("/home/madwort/.forward", "|/bin/true\n", 0o644)
	e.mustRun("docker", "run", "--detach", "--name", "left", "--network", "none", "--restart", "always", "--volume", "/:/host", "lab:1", "sleep", "1000000")
	e.removePeople("madwort")
	e.mustRun("rm", guestRepository+"/keys/madwort")

	t.Run("said", func(t *testing.T) {
		e := e.on(t)
		said := e.manage(0, "--backend", "tpp")
		if !strings.Contains(said, "madwort is on no list and keeps") || !strings.Contains(said, "sudo opsafe disable-user madwort") {
			t.Errorf("a run does not say that somebody who is on no list has rights:\n%s", said)
		}
	})
	// As each developer can, by docker: a key of theirs for everybody else.
	others := map[string]string{"opensafely": "/home/opensafely", "root": "/root", "games": "/usr/games"}
	kept := newSSHKey(t, "other@test")
	for account, home := range others {
		e.mustRun("install", "-d", "-m", "0700", "-o", account, home+"/.ssh")
		e.write(home+"/.ssh/authorized_keys", kept.public+"\t no-pty,restrict "+k.public, 0o600)
		e.mustRun("chown", account, home+"/.ssh/authorized_keys")
	}
	if r := e.ssh("opensafely", k, "id", "-un"); !strings.Contains(r.stdout, "opensafely") {
		t.Fatalf("the key does not let in as opensafely: %s", r)
	}
	plan := e.opsafe("disable-user", "--plan", "--backend", "tpp", "madwort")
	if plan.code != 0 || !strings.Contains(plan.stdout, "This would remain") || !strings.Contains(e.read("/root/.ssh/authorized_keys"), "madwort@test") {
		t.Fatalf("the plan: %s", plan)
	}
	r := e.opsafe("disable-user", "--backend", "tpp", "madwort")
	if r.code != 1 || strings.Contains(r.stdout, "has no access") || strings.Contains(r.stderr, "cannot") {
		t.Fatalf("disable-user, although something remains: %s", r)
	}
	for _, said := range []string{
		"twin has the same uid", "opsafe disable-user twin", "/etc/sudoers.d/shared:1 is a rule of sudo that names madwort", "visudo -f /etc/sudoers.d/shared",
		"1 container that no spec declares is there: left",
		"/etc/gshadow has madwort as an administrator of the group ghost, which /etc/group does not have",
	} {
		if !strings.Contains(r.stdout, said) {
			t.Errorf("it does not say %q: %s", said, r)
		}
	}
	t.Run("gone", func(t *testing.T) { proveNothingLeft(e.on(t), k, others) })
	t.Run("once more", func(t *testing.T) {
		e := e.on(t)
		e.mustRun("rm", "/etc/sudoers.d/shared")
		e.mustRun("sed", "-i", "/^ghost:/d", "/etc/gshadow")
		e.mustRun("docker", "rm", "--force", "left")
		if r := e.opsafe("disable-user", "--backend", "tpp", "twin"); r.code != 0 {
			t.Errorf("the second account of the same number: %s", r)
		}
		if r := e.opsafe("disable-user", "--backend", "tpp", "madwort"); r.code != 0 || !strings.Contains(r.stdout, "madwort has no access to this host, as before") {
			t.Errorf("when nothing remains: %s", r)
		}
	})
}

// proveNothingLeft tries what somebody had left.
func proveNothingLeft(e *env, k sshKey, others map[string]string) {
	e.refused("madwort", k)
	for account, home := range others {
		e.refused(account, k)
		if left := e.read(home + "/.ssh/authorized_keys"); strings.Count(left, "\n") != 1 || !strings.Contains(left, "other@test") {
			e.t.Errorf("the other keys of %s: %q", account, left)
		}
	}
	for path, want := range map[string]string{"/etc/ssh/more/backup": "", "/etc/cron.d/shared": "@daily root true\n"} {
		if got := e.read(path); got != want {
			e.t.Errorf("%s: %q", path, got)
		}
	}
	for _, path := range []string{
		"/etc/cron.d/theirs", "/etc/systemd/system/byhand.service", "/etc/systemd/system/byhand.timer", "/etc/sudoers.d/theirs",
		"/home/madwort/.forward", "/run/systemd/transient/later.timer", "/etc/systemd/system/multi-user.target.wants/byhand.service",
	} {
		if e.exists(path) {
			e.t.Errorf("%s is still there", path)
		}
	}
	for _, unit := range []string{"byhand.service", "byhand.timer", "later.timer", "later.service"} {
		if r := e.run("systemctl", "is-active", unit); r.code == 0 {
			e.t.Errorf("%s runs: %s", unit, r)
		}
	}
	if line := e.mustRun("grep", "^lab:", "/etc/gshadow"); strings.Contains(line, "madwort") {
		e.t.Errorf("gshadow: %s", line)
	}
	if list := e.run("sudo", "-l", "-U", "madwort"); strings.Contains(list.stdout, "NOPASSWD: ALL") {
		e.t.Errorf("sudo: %s", list)
	}
	if left := e.run("ps", "-u", "madwort", "-o", "pid=,args="); left.stdout != "" {
		e.t.Errorf("processes: %s", left.stdout)
	}
}
