package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestDegradedAccess has drop-ins of sshd and sudo take effect, which a check
// beforehand accepts, and which break what lets people in all the same: what was
// there before comes back, and people get in.
func TestDegradedAccess(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	for _, part := range []struct {
		name  string
		prove func(e *env)
	}{
		{"no address is left", proveSshdPutBack},
		{"one of two ports is taken", proveSshdPortTaken},
		{"dead before it was put back", proveSshdPutBackLater},
		{"in force", proveSshdInForce},
		{"sudo refuses it in place", proveSudoPutBack},
		{"testparm refuses it", proveSambaChecked},
	} {
		t.Run(part.name, func(t *testing.T) { part.prove(e.on(t)) })
	}
}

const (
	goodSshd = "sshd:\n  00-lab: {content: \"MaxAuthTries 5\\n\"}\n"
	// sshd -t accepts an address of a documentation network, and reload kills sshd.
	deadSshd = "sshd:\n  00-lab: {content: \"MaxAuthTries 4\\nListenAddress 192.0.2.77\\n\"}\n  10-lab: {content: \"MaxSessions 7\\n\"}\n"
	labDrop  = dropInsSshd + "00-lab.conf"
)

// dropsManage is drops without a plan, which cannot know what a reload brings.
func (e *env) dropsManage(code int, spec string, words ...string) {
	e.t.Helper()
	e.mustRun("mkdir", "-p", guestRepository+"/backends/drops")
	e.write(dropInsSpec, "description: drop-ins\n"+spec, 0o644)
	r := e.opsafe("manage", "--backend", "drops")
	said := strings.Join(strings.Fields(r.stdout+r.stderr), " ")
	if r.code != code {
		e.t.Fatalf("manage: want exit code %d: %s", code, r)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			e.t.Errorf("manage does not say %q: %s", w, r)
		}
	}
}

// sshAnswers fails the test unless sshd runs with its own configuration and asks
// who is there.
func (e *env) sshAnswers() {
	e.t.Helper()
	if state := e.mustRun("systemctl", "is-active", "ssh.service"); state != "active" {
		e.t.Errorf("ssh.service is %s", state)
	}
	if r := e.ssh("root", newSSHKey(e.t, "nobody's"), "true"); !strings.Contains(r.stderr, "Permission denied (publickey") {
		e.t.Errorf("sshd does not answer: %s", r)
	}
}

func proveSshdPutBack(e *env) {
	e.dropsManage(0, goodSshd)
	e.dropsManage(1, deadSshd, "ssh.service does not come through", "what was there before has been put back, and ssh.service runs with it", "sshd 00-lab")
	if got := e.read(labDrop); got != "MaxAuthTries 5\n" {
		e.t.Errorf("the drop-in is now %q", got)
	}
	if e.exists(dropInsSshd + "10-lab.conf") {
		e.t.Error("a drop-in that was not there before is there")
	}
	e.sshAnswers()
	if e.exists("/var/lib/opsafe/pending.json") {
		e.t.Errorf("something is owed: %s", e.read("/var/lib/opsafe/pending.json"))
	}
	e.dropsManage(0, goodSshd+"  10-lab: {content: \"MaxSessions 7\\n\"}\n", "reload ssh.service")
	e.sshAnswers()
}

func proveSshdPortTaken(e *env) {
	taken := e.Command(e.t.Context(), "python3", "-c", "import socket,sys\ns=socket.create_server(('',2222))\nprint('here',flush=True)\nsys.stdin.read()")
	in, err := taken.StdinPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	out, err := taken.StdoutPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	if err := taken.Start(); err != nil {
		e.t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		e.t.Fatal(err)
	}
	two := "sshd:\n  00-lab: {content: \"Port 22\\nPort 2222\\n\"}\n"
	e.dropsManage(1, two, ":2222, where it does not answer", "another program has the port", "has been put back")
	if got := e.read(labDrop); got != "MaxAuthTries 5\n" {
		e.t.Errorf("the drop-in is now %q", got)
	}
	e.sshAnswers()
	in.Close()
	if err := taken.Wait(); err != nil {
		e.t.Fatal(err)
	}
	e.dropsManage(0, two)
	e.sshAnswers()
}

// proveSshdPutBackLater is a run that died after its reload has killed sshd.
func proveSshdPutBackLater(e *env) {
	e.write(labDrop, "MaxAuthTries 4\nListenAddress 192.0.2.77\n", 0o644)
	e.write("/var/lib/opsafe/pending.json", `{"format_version":1,"pending":[{"unit":"ssh.service","verb":"reload","why":"sshd/00-lab changes",
		"undo":[{"path":"`+labDrop+`","owner":"root","group":"root","mode":420,"content":"TWF4QXV0aFRyaWVzIDUK"}]}]}`, 0o644)
	if r := e.run("systemctl", "restart", "ssh.service"); r.code == 0 {
		e.t.Fatal("sshd runs without an address")
	}
	e.dropsManage(1, "sshd:\n  00-lab: {content: \"MaxAuthTries 4\\nListenAddress 192.0.2.77\\n\"}\n", "ssh.service has failed", "has been put back")
	if got := e.read(labDrop); got != "MaxAuthTries 5\n" {
		e.t.Errorf("the drop-in is now %q", got)
	}
	e.sshAnswers()
}

// proveSshdInForce asks sshd what it goes by.
func proveSshdInForce(e *env) {
	e.dropsManage(0, "sshd:\n  00-lab: {content: \"MaxAuthTries 3\\n\"}\n")
	if settings := e.mustRun("sshd", "-T"); !strings.Contains(settings, "\nmaxauthtries 3\n") {
		e.t.Error(settings)
	}
	e.sshAnswers()
}

// proveSudoPutBack has sudo itself refuse what visudo accepts.
func proveSudoPutBack(e *env) {
	e.write("/etc/sudoers.d/lab", "# before\n", 0o440)
	e.mustRun("dpkg-divert", "--local", "--rename", "--divert", "/usr/bin/sudo.real", "/usr/bin/sudo")
	e.write("/usr/bin/sudo", "#!/bin/sh\n! grep -q root2 /etc/sudoers.d/lab || { echo 'sudo: parse error in /etc/sudoers.d/lab' >&2; exit 1; }\nexec sudo.real \"$@\"\n", 0o755)
	e.dropsManage(1, "sudoers:\n  lab: {content: \"root2 ALL=(ALL) ALL\\n\"}\n", "sudo does not accept what is in place", "parse error", "has been put back")
	if got := e.read("/etc/sudoers.d/lab"); got != "# before\n" {
		e.t.Errorf("the drop-in is now %q", got)
	}
	e.mustRun("rm", "/usr/bin/sudo")
	e.mustRun("dpkg-divert", "--local", "--rename", "--remove", "/usr/bin/sudo")
	e.dropsManage(0, "sudoers:\n  lab: {content: \"root2 ALL=(ALL) ALL\\n\"}\n")
	e.mustRun("sudo", "-l", "-U", "root")
	e.inOrder()
}

// proveSambaChecked is a file whose own program judges it.
func proveSambaChecked(e *env) {
	file := func(content string) string {
		return "files:\n  /etc/samba/smb.conf:\n    content: \"" + content + "\"\n    check: [testparm, -s, \"%\"]\n    notify: {reload: [smbd.service]}\npackages: {samba: installed}\n"
	}
	was := e.read("/etc/samba/smb.conf")
	e.drops(1, file(`[global\nnetbios name\n[share\n`), "testparm refuses it")
	if got := e.read("/etc/samba/smb.conf"); got != was {
		e.t.Errorf("the file is now %q", got)
	}
	e.drops(0, file(`[global]\nserver role = standalone server\n[share]\npath = /srv\n`))
	if got := e.mustRun("testparm", "-s", "--section-name", "share", "--parameter-name", "path"); got != "/srv" {
		e.t.Errorf("samba has the path %q", got)
	}
}
