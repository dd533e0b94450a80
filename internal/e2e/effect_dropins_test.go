package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// Where the drop-ins of TestEffectDropIns lie.
const (
	dropInsSpec = guestRepository + "/backends/drops/backend.yaml"
	dropInsSshd = "/etc/ssh/sshd_config.d/"
	dropInsSudo = "/etc/sudoers.d/"
)

// TestEffectDropIns proves with the real programs that a drop-in of sshd or sudo
// which does not go together with what is there never takes effect.
func TestEffectDropIns(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	for _, part := range []struct {
		name  string
		prove func(e *env)
	}{
		{"sshd as a whole", proveSshdWhole},
		{"sshd's first value", proveSshdFirst},
		{"sudo as a whole", proveSudoersWhole},
		{"broken before", proveBrokenBefore},
		{"not included", proveNotIncluded},
	} {
		t.Run(part.name, func(t *testing.T) { part.prove(e.on(t)) })
	}
}

// drops declares drop-ins and runs opsafe, which has to exit with a code and to
// say some words.
func (e *env) drops(code int, spec string, words ...string) {
	e.t.Helper()
	e.mustRun("mkdir", "-p", guestRepository+"/backends/drops")
	e.write(dropInsSpec, "description: drop-ins\n"+spec, 0o644)
	// Who may look decides what a plan can tell.
	commands := []string{"plan", "manage"}
	if code == 0 {
		commands = []string{"manage"}
	}
	for _, command := range commands {
		r := e.opsafe(command, "--backend", "drops")
		if r.code != code {
			e.t.Fatalf("%s: want exit code %d: %s", command, code, r)
		}
		said := strings.Join(strings.Fields(r.stdout+r.stderr), " ")
		for _, w := range words {
			if !strings.Contains(said, w) {
				e.t.Errorf("%s does not say %q: %s", command, w, r)
			}
		}
		if strings.Contains(said, "/check-") {
			e.t.Errorf("%s names a file that is gone: %s", command, r)
		}
	}
}

// inOrder fails the test unless sshd and sudo would start now.
func (e *env) inOrder() {
	e.t.Helper()
	e.mustRun("sshd", "-t")
	e.mustRun("visudo", "-c")
}

func proveSshdWhole(e *env) {
	const clash = `{content: "Subsystem sftp internal-sftp\n"}`
	e.drops(1, "sshd:\n  00-sftp: "+clash+"\n", "sshd refuses it", "/etc/ssh/sshd_config", "Subsystem 'sftp' already defined")
	if e.exists(dropInsSshd + "00-sftp.conf") {
		e.t.Error("it is there all the same")
	}
	e.inOrder()
	e.replace("/etc/ssh/sshd_config", "Subsystem\tsftp", "#Subsystem\tsftp")
	e.drops(0, "sshd:\n  00-sftp: "+clash+"\n")
	// Two of the same plan do not go together either; one that moves does.
	e.drops(1, "sshd:\n  00-sftp: "+clash+"\n  10-more: "+clash+"\n", "10-more.conf", "already defined")
	e.drops(0, "sshd:\n  00-sftp: {state: absent}\n  10-more: "+clash+"\n")
	e.drops(0, "sshd:\n  00-again: "+clash+"\n  10-more: {state: absent}\n")
	e.inOrder()
	e.mustRun("systemctl", "restart", "ssh.service")
	e.drops(0, "sshd:\n  00-again: {state: absent}\n")
	e.replace("/etc/ssh/sshd_config", "#Subsystem\tsftp", "Subsystem\tsftp")
}

func proveSshdFirst(e *env) {
	e.write(dropInsSshd+"10-init.conf", "PasswordAuthentication yes\n", 0o600)
	const ours = `{content: "PasswordAuthentication no\n"}`
	e.drops(1, "sshd:\n  50-ours: "+ours+"\n", dropInsSshd+"10-init.conf", `"PasswordAuthentication yes" in line 1`, "PasswordAuthentication no")
	e.drops(0, "sshd:\n  00-ours: "+ours+"\n")
	if settings := e.mustRun("sshd", "-T"); !strings.Contains(settings, "\npasswordauthentication no\n") {
		e.t.Error(settings)
	}
	e.drops(0, "sshd:\n  00-ours: {state: absent}\n  10-init: {state: absent}\n")
}

func proveSudoersWhole(e *env) {
	const alias = `{content: "User_Alias LAB = root\nLAB ALL=(ALL) ALL\n"}`
	e.drops(0, "sudoers:\n  lab: "+alias+"\n")
	e.drops(1, "sudoers:\n  lab: "+alias+"\n  more: "+alias+"\n", "visudo refuses it", dropInsSudo+"more", `"LAB" already defined`)
	if e.exists(dropInsSudo + "more") {
		e.t.Error("it is there all the same")
	}
	e.inOrder()
	e.drops(0, "sudoers:\n  lab: {state: absent}\n  a-lab: "+alias+"\n")
	e.inOrder()
	e.drops(0, "sudoers:\n  a-lab: {state: absent}\n")
}

func proveBrokenBefore(e *env) {
	const fine = `{content: "Defaults use_pty\n"}`
	both := "sudoers:\n  a: " + fine + "\n  b: " + fine + "\n"
	e.write(dropInsSudo+"stranger", "nonsense\n", 0o440)
	e.drops(1, both, "visudo refuses what is there already, even without it: repair that first", dropInsSudo+"stranger")
	e.mustRun("rm", dropInsSudo+"stranger")
	e.drops(0, both)
	// What is declared as a whole repairs what is broken in more than one place.
	for _, name := range []string{"a", "b"} {
		e.write(dropInsSudo+name, "nonsense\n", 0o440)
	}
	e.drops(0, both)
	e.inOrder()
	e.drops(0, "sudoers:\n  a: {state: absent}\n  b: {state: absent}\n")
}

func proveNotIncluded(e *env) {
	e.replace("/etc/sudoers", "@includedir /etc/sudoers.d", "")
	e.drops(1, "sudoers:\n  a: {content: \"Defaults use_pty\\n\"}\n", `/etc/sudoers has no line "@includedir /etc/sudoers.d"`)
	if e.exists(dropInsSudo + "a") {
		e.t.Error("it is there all the same")
	}
}
