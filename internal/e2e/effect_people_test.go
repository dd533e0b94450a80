package e2e

import (
	"slices"
	"strings"
	"testing"
)

// people are those of the host on which the effects on people are proved.
type people struct {
	developer, researcher, reviewer sshKey
}

// TestEffectPeople proves on a host what the declared state means for people:
// how they log in, what they may run as others, what they can read.
func TestEffectPeople(t *testing.T) {
	t.Parallel()
	e := newTPP(t, "description: lab\n")
	e.replace(guestBackend, "people: [developers, researchers]", "people: [developers, researchers, reviewers]")
	e.appendTo(guestPeople, "rosalind: {roles: [researchers]}\nrhea: {roles: [reviewers]}\n")
	e.replace(guestBackend, "keys: {github: off}", "keys: {github: off}\nroles:\n  reviewers: {keys: [repository]}")
	e.removePeople("LFISHER7", "HelenCEBM", "andrewscolm")
	who := people{developer: e.giveKey("madwort"), researcher: e.giveKey("rosalind"), reviewer: e.giveKey("rhea")}
	e.manage(0)

	for _, part := range []struct {
		name  string
		prove func(e *env, who people)
	}{
		{"before the first login", proveUntaken},
		{"first login", proveFirstLogin},
		{"a password from an administrator", proveGivenPassword},
		{"login", proveLogin},
		{"sudo for people", proveSudo},
		{"sudo for services", proveServiceSudo},
		{"sshd", proveSshd},
		{"shells", proveShells},
		{"high privacy", proveHighPrivacy},
		{"medium privacy", proveMediumPrivacy},
		{"by person and directory", provePlaces},
	} {
		t.Run(part.name, func(t *testing.T) { part.prove(e.on(t), who) })
	}
}

// removePeople takes the lines of people out of the host's developers.yaml.
func (e *env) removePeople(names ...string) {
	e.t.Helper()
	var left strings.Builder
next:
	for line := range strings.Lines(e.read(guestPeople)) {
		for _, name := range names {
			if strings.HasPrefix(line, name+":") {
				continue next
			}
		}
		left.WriteString(line)
	}
	e.write(guestPeople, left.String(), 0o644)
}

// proveUntaken proves that nobody else can set the password of an account that
// still has none, and so take it over.
func proveUntaken(e *env, _ people) {
	before := e.mustRun("getent", "shadow", "madwort")
	for _, user := range []string{"nobody", "opensafely", "rosalind"} {
		r := e.feed(e.As(e.t.Context(), user, "su", "-c", "id", "madwort"), strings.Repeat(goodPassword+"\n", 3))
		if r.code == 0 || !strings.Contains(r.stderr, "Authentication failure") {
			e.t.Errorf("su of %s to a new account: %s", user, r)
		}
	}
	if got := e.mustRun("getent", "shadow", "madwort"); got != before {
		e.t.Errorf("shadow was %s and is %s", before, got)
	}
	if r := e.run("su", "-c", "id -u", "opensafely"); r.stdout != "10000\n" {
		e.t.Errorf("su of root: %s", r)
	}
}

// proveFirstLogin sets the password of an account that has none: a weak one is
// refused, a good one taken, and then the session ends.
func proveFirstLogin(e *env, who people) {
	if r := e.ssh("madwort", who.developer, "id"); r.code == 0 || strings.Contains(r.stdout, "uid=") {
		e.t.Errorf("a command runs before the password has been set: %s", r)
	}
	d := e.talk("madwort", who.developer)
	if before := d.expect("You must change your password now and login again"); !strings.Contains(before, "This is the tpp backend of OpenSAFELY.") {
		e.t.Errorf("the banner is missing:\n%s", before)
	}
	d.expect("New password: ")
	d.say("Short-7-one")
	if said := d.expect("New password: "); !strings.Contains(said, "BAD PASSWORD: The password is shorter than 14 characters") {
		e.t.Errorf("a short password is not refused as such:\n%s", said)
	}
	d.say("correct-horse-battery-staple")
	if said := d.expect("New password: "); !strings.Contains(said, "BAD PASSWORD: The password contains less than 4 character classes") {
		e.t.Errorf("a password of two classes is not refused as such:\n%s", said)
	}
	d.say(goodPassword)
	d.expect("Retype new password: ")
	d.say(goodPassword)
	d.expect("password updated successfully")
	if said := d.end(); strings.Contains(said, "$ ") {
		e.t.Errorf("the session goes on:\n%s", said)
	}
	if r := e.ssh("madwort", who.developer, "id", "-un"); r.code != 0 || r.stdout != "madwort\n" {
		e.t.Errorf("second login: %s", r)
	}
	e.setPassword("rosalind")
	// With a password, su works as ever.
	if r := e.feed(e.As(e.t.Context(), "rosalind", "su", "-c", "id -un", "madwort"), goodPassword+"\n"); r.stdout != "madwort\n" {
		e.t.Errorf("su to an account with a password: %s", r)
	}
}

// proveGivenPassword: an administrator gives a reviewer a password, who has to change it
// by the rules for passwords; no run touches either of them.
func proveGivenPassword(e *env, who people) {
	const only = "--only=password/rhea"
	wantNoted(e.t, e.planJSON("tpp", only), "passwd --expire rhea")
	e.says(0, e.opsafe("access", "--backend", "tpp", "--user", "rhea"), "to be set by an administrator")
	if shadow := e.mustRun("getent", "shadow", "rhea"); !strings.HasPrefix(shadow, "rhea:!:") {
		e.t.Errorf("until then the account is not locked: %s", shadow)
	}
	e.setPassword("rhea")
	e.mustRun("passwd", "--expire", "rhea")
	wantKept := func() {
		before := e.mustRun("getent", "shadow", "rhea")
		if made := e.manageJSON("tpp", only); len(made.Changes)+len(made.Notes) > 0 {
			e.t.Errorf("a run does something, or has something to say: %+v %+v", made.Changes, made.Notes)
		}
		if after := e.mustRun("getent", "shadow", "rhea"); after != before {
			e.t.Errorf("shadow was %s and is %s", before, after)
		}
	}
	wantKept()
	d := e.talk("rhea", who.reviewer)
	d.expect("Current password: ")
	d.say(goodPassword)
	d.expect("New password: ")
	d.say("Short-7-one")
	if said := d.expect("New password: "); !strings.Contains(said, "BAD PASSWORD: The password is shorter than 14 characters") {
		e.t.Errorf("a short password is not refused as such:\n%s", said)
	}
	const own = "Quartz=Lantern=41=Brook"
	d.say(own)
	d.expect("Retype new password: ")
	d.say(own)
	d.expect("password updated successfully")
	d.end()
	wantKept()
	e.setPassword("rhea") // as everybody here has it
}

func proveLogin(e *env, who people) {
	for user, k := range map[string]sshKey{"madwort": who.developer, "rosalind": who.researcher, "rhea": who.reviewer} {
		if r := e.ssh(user, k, "id", "-un"); r.code != 0 || r.stdout != user+"\n" {
			e.t.Errorf("%s: %s", user, r)
		}
	}
	e.refused("madwort", newSSHKey(e.t, "stranger"))
	e.refused("madwort", who.researcher)
	e.refused("opensafely", who.developer)
	e.mustRun("mkdir", "-p", "-m", "700", "/root/.ssh")
	e.write("/root/.ssh/authorized_keys", who.developer.public, 0o600)
	e.refused("root", who.developer)
	groups := strings.Fields(e.ssh("madwort", who.developer, "id", "-Gn").stdout)
	if got, want := strings.Join(slices.Sorted(slices.Values(groups)), " "), "developers docker madwort researchers reviewers sudo"; got != want {
		e.t.Errorf("groups of a developer: %s", got)
	}
}

// proveSudo also proves use_pty and the log, which are effects on a session.
func proveSudo(e *env, who people) {
	const needsPassword = "a password is required"
	if r := e.ssh("madwort", who.developer, "sudo", "-n", "id", "-u"); r.code == 0 || !strings.Contains(r.stderr, needsPassword) {
		e.t.Errorf("developer without a password: %s", r)
	}
	d := e.talk("madwort", who.developer, "sh", "-c", "echo outside $(tty).; sudo -p PASSWORD: sh -c 'echo inside $(tty) $(id -u).'")
	d.expect("outside ")
	outside := d.expect(".")
	d.expect("PASSWORD:")
	d.say(goodPassword)
	d.expect("inside ")
	inside, uid, _ := strings.Cut(d.expect("."), " ")
	if uid != "0" || !strings.HasPrefix(inside, "/dev/pts/") || inside == outside {
		e.t.Errorf("sudo of a developer: uid %s, terminal %s below %s: want root with a terminal of its own", uid, inside, outside)
	}
	d.end()
	if log := e.read("/var/log/sudo.log"); !strings.Contains(log, "madwort") || !strings.Contains(log, "COMMAND=") {
		e.t.Errorf("/var/log/sudo.log:\n%s", log)
	}
	if list := e.mustRun("sudo", "-l", "-U", "madwort"); !strings.Contains(list, "(ALL : ALL) ALL") || strings.Contains(list, "NOPASSWD") {
		e.t.Errorf("sudo -l -U madwort:\n%s", list)
	}
	for user, k := range map[string]sshKey{"rosalind": who.researcher, "rhea": who.reviewer} {
		r := e.feed(e.SSH(e.t.Context(), user, k.file, "sudo", "-S", "id", "-u"), goodPassword+"\n")
		if r.code == 0 || !strings.Contains(r.stderr, user+" is not in the sudoers file") {
			e.t.Errorf("sudo of %s: %s", user, r)
		}
		if list := e.mustRun("sudo", "-l", "-U", user); !strings.Contains(list, "is not allowed to run sudo") {
			e.t.Errorf("sudo -l -U %s:\n%s", user, list)
		}
	}
}

// proveServiceSudo proves that the shared account may do what is written, word
// for word, and nothing that is merely like it.
func proveServiceSudo(e *env, _ people) {
	refused := func(r result) bool { return strings.Contains(r.stderr, "a password is required") }
	for _, command := range []string{
		"systemctl restart collector.service", "systemctl start collector", "systemctl stop collector",
		"systemctl status collector.service", "systemctl status opsafe-deploy", "systemctl start opsafe-deploy",
		"systemctl stop opsafe-deploy.timer", "systemctl start opsafe-deploy.timer",
		"journalctl -u agent --no-pager", "journalctl -t airlock --no-pager", "journalctl -u collector -e",
	} {
		r := e.runAs("opensafely", append([]string{"sudo", "-n"}, strings.Fields(command)...)...)
		if refused(r) {
			e.t.Errorf("refused: %s: %s", command, r)
		}
		if starts := strings.Contains(command, " start") || strings.Contains(command, " stop") || strings.Contains(command, " restart"); starts && r.code != 0 {
			e.t.Errorf("%s: %s", command, r)
		}
		if strings.Contains(r.stderr, "not found") {
			e.t.Errorf("%s is about a unit that is not there: %s", command, r)
		}
	}
	for _, command := range []string{
		"id", "bash", "su -", "systemctl restart ssh.service", "systemctl restart collector.service ssh.service",
		"systemctl --root=/tmp restart collector.service", "systemctl restart collector.service --force",
		"systemctl restart agent", "systemctl restart opsafe-deployx", "systemctl restart opsafe-deploy2.service", "systemctl edit collector.service",
		"systemctl disable collector.service", "systemctl poweroff", "journalctl -u ssh",
		"journalctl -u agent -u ssh", "journalctl -u agent --file=/etc/shadow", "journalctl -ut agent", "journalctl",
		"-u madwort id",
	} {
		if r := e.runAs("opensafely", append([]string{"sudo", "-n"}, strings.Fields(command)...)...); r.code != 1 || !refused(r) {
			e.t.Errorf("not refused: %s: %s", command, r)
		}
	}
}

func proveSshd(e *env, _ people) {
	settings := "\n" + e.mustRun("sshd", "-T", "-C", "user=madwort,host=localhost,addr=127.0.0.1") + "\n"
	for _, want := range []string{
		"permitrootlogin no", "passwordauthentication no", "kbdinteractiveauthentication no", "maxauthtries 4",
		"x11forwarding no", "clientaliveinterval 300", "maxstartups 10:30:60",
		"macs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-512,hmac-sha2-256",
	} {
		if !strings.Contains(settings, "\n"+want+"\n") {
			e.t.Errorf("sshd -T does not say %q", want)
		}
	}
	// The daemon that runs has read them: see the refusals of proveLogin too.
	if pids := e.mustRun("systemctl", "show", "-p", "NRestarts,ActiveState", "ssh.service"); !strings.Contains(pids, "ActiveState=active") {
		e.t.Errorf("ssh.service: %s", pids)
	}
}

func proveShells(e *env, who people) {
	login := func(user string, k sshKey) string {
		r := e.feed(e.SSH(e.t.Context(), user, k.file), "echo tmout=$TMOUT umask=$(umask)\n(TMOUT=0) 2>&1\nenv | grep TMOUT\n")
		return r.stdout + r.stderr
	}
	for user, k := range map[string]sshKey{"madwort": who.developer, "rosalind": who.researcher} {
		said := login(user, k)
		for _, want := range []string{"tmout=900 umask=0027\n", "TMOUT: readonly variable", "\nTMOUT=900\n"} {
			if !strings.Contains(said, want) {
				e.t.Errorf("login shell of %s: %q is missing:\n%s", user, want, said)
			}
		}
	}
	// Not a login shell: /etc/bash.bashrc brings it.
	d := e.talk("madwort", who.developer, "bash", "-i")
	d.expect("sudo su - opensafely")
	d.say("echo tmout=$TMOUT.")
	d.expect("tmout=900.")
	d.say("exit")
	d.end()
	if r := e.ssh("rosalind", who.researcher, "sh", "-c", "touch made; mkdir dir; stat -c %a made dir"); r.stdout != "640\n750\n" {
		e.t.Errorf("modes of new files: %s", r)
	}
	d = e.talk("rosalind", who.researcher)
	d.expect("This is the tpp backend of OpenSAFELY.")
	d.say("exit")
	if said := d.end(); strings.Contains(said, "sudo su") {
		e.t.Errorf("a researcher is told of sudo:\n%s", said)
	}
}
