package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// historySpec changes files around one that a program of the test's judges.
const historySpec = `description: history
files:
  /etc/first.conf: {content: "first\n"}
  /etc/secret.env: {content: "TOKEN=new-canary\n", mode: "0600", secret: true}
  /etc/judged.conf: {content: "judged\n", check: [judge, "%"]}
  /etc/last.conf: {content: "last\n"}
`

// history is the document of opsafe history.
type history struct {
	Runs []struct {
		Run                          int
		Command, Subject, By, Result string
		Backend, Commit              string
		UndoneBy                     int `json:"undone_by"`
	}
}

func (e *env) history() history {
	e.t.Helper()
	var h history
	if err := json.Unmarshal([]byte(e.mustRun(guestBinary, "history", "--format", "json")), &h); err != nil {
		e.t.Fatal(err)
	}
	return h
}

// TestHistory kills a run in its middle, and proves that it can be seen and undone;
// that the system journal can be asked; and that nobody but root sees the records.
func TestHistory(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("mkdir", "-p", guestRepository+"/backends/history", guestRepository+"/.git")
	e.write(guestRepository+"/.git/HEAD", strings.Repeat("c0", 20)+"\n", 0o644)
	e.write(guestRepository+"/backends/history/backend.yaml", historySpec, 0o644)
	e.mustRun("rm", "-r", guestPeople, guestRepository+"/keys")
	e.write("/etc/first.conf", "before\n", 0o644)
	e.write("/etc/secret.env", "TOKEN=old-canary\n", 0o600)
	e.write("/etc/judged.conf", "before\n", 0o644)
	state := func() string {
		t.Helper()
		return e.mustRun("bash", "-c", "cd /etc; stat -c '%n %a %U' *.conf secret.env; cat first.conf secret.env judged.conf; cat last.conf || true")
	}
	before := state()

	// The plan has it judged, too: there is no record yet then.
	e.write("/usr/bin/judge", "#!/bin/sh\n[ ! -d /var/lib/opsafe/history ] || kill -9 $PPID\n", 0o755)
	if r := e.run("bash", "-c", `"$@"; test $? -eq 137`, "bash", guestBinary, "manage", "--backend", "history"); r.code != 0 {
		t.Fatalf("it has not been killed: %s", r)
	}
	if e.read("/etc/first.conf") != "first\n" || e.exists("/etc/last.conf") {
		t.Fatalf("it has not been killed in its middle:\n%s", state())
	}
	// What is judged amiss is not written, and the run's record says that it failed.
	e.write("/usr/bin/judge", "#!/bin/sh\nexit 1\n", 0o755)
	if h := e.history(); len(h.Runs) != 1 || h.Runs[0].Result != "interrupted" || h.Runs[0].Commit != strings.Repeat("c0", 20) || h.Runs[0].By != "root" {
		t.Errorf("%+v", h)
	}
	if r := e.opsafe("undo", "1"); r.code != 0 || !strings.Contains(r.stdout, "Done: 1 changed.") {
		t.Errorf("undo: %s", r)
	}
	if after := state(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}

	e.manageAs("history", 1)
	if h := e.history(); h.Runs[2].Result != "failed" || h.Runs[0].UndoneBy != 2 {
		t.Errorf("%+v", h)
	}
	e.write("/usr/bin/judge", "#!/bin/sh\n", 0o755)
	if r := e.opsafe("undo", "3"); r.code != 0 {
		t.Errorf("undo of a run that failed: %s", r)
	}
	e.manageAs("history", 0)
	ls := e.mustRun("find", "/var/lib/opsafe/history", "-printf", `%m %u %p\n`)
	e.manageAs("history", 0)
	if again := e.mustRun("find", "/var/lib/opsafe/history", "-printf", `%m %u %p\n`); again != ls {
		t.Errorf("a run with nothing to do has left something:\n%s\n%s", ls, again)
	}
	for line := range strings.Lines(ls) {
		if !strings.HasPrefix(line, "600 root ") && line != "700 root /var/lib/opsafe/history\n" && !strings.HasPrefix(line, "700 root /var/lib/opsafe/history") {
			t.Errorf("others may see it: %s", line)
		}
	}
	for _, args := range [][]string{{"history"}, {"show", "1"}, {"undo", "1", "--plan"}} {
		if r := e.runAs("nobody", append([]string{guestBinary}, args...)...); r.code != 1 || !strings.Contains(r.stderr, "only root may see") {
			t.Errorf("%q as nobody: %s", args, r)
		}
	}

	e.await("the system journal has it", func() bool {
		return strings.Contains(e.mustRun("journalctl", "-t", "opsafe", "OPSAFE_RUN=5", "-o", "cat"), "run 5: manage by root succeeded")
	})
	entry := e.mustRun("journalctl", "-t", "opsafe", "OPSAFE_RUN=5", "OPSAFE_KIND=file", "OPSAFE_NAME=/etc/last.conf", "-o", "json")
	for _, want := range []string{`"OPSAFE_ACTION":"add"`, `"OPSAFE_RESULT":"changed"`, `"OPSAFE_OPERATOR":"root"`, `"OPSAFE_BACKEND":"history"`, `"MESSAGE_ID":"e3aab591360d417793e4a36ed756d099"`} {
		if !strings.Contains(entry, want) || strings.Count(entry, "\n") > 0 {
			t.Errorf("the entry lacks %s, or is not the only one: %s", want, entry)
		}
	}
	shown := e.mustRun(guestBinary, "show", "5", "--full") + e.mustRun(guestBinary, "show", "5", "--format", "json")
	if all := shown + e.mustRun("journalctl", "-o", "verbose"); strings.Contains(all, "canary") {
		t.Error("a secret is given away")
	}

	// Without journald the record alone has to do.
	e.mustRun("systemctl", "stop", "systemd-journald.socket", "systemd-journald-dev-log.socket", "systemd-journald.service")
	if r := e.opsafe("undo", "5"); r.code != 0 {
		t.Errorf("without journald: %s", r)
	}
	if after := state(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// TestUndoDisable gives somebody everything back that disable-user has taken, but
// for the password, which is gone.
func TestUndoDisable(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.mustRun("bash", "-c", `set -e
useradd -m -s /bin/bash -G sudo,docker mallory; echo mallory:Correct-Horse-7-Staple | chpasswd -c SHA512
install -d -m 700 -o mallory -g mallory /home/mallory/.ssh; loginctl enable-linger mallory
install -d -m 1730 /var/spool/cron/crontabs; echo '0 0 * * * true' >/var/spool/cron/crontabs/mallory
chown mallory /var/spool/cron/crontabs/mallory; chmod 600 /var/spool/cron/crontabs/mallory`)
	k := newSSHKey(t, "mallory@test")
	e.write("/home/mallory/.ssh/authorized_keys", k.public, 0o600)
	e.mustRun("chown", "mallory:", "/home/mallory/.ssh/authorized_keys")
	before := e.dump()
	if r := e.opsafe("disable-user", "mallory", "--allow-locking-out-every-admin"); r.code != 0 {
		t.Fatalf("disable-user: %s", r)
	}
	if r := e.ssh("mallory", k, "true"); r.code != 255 {
		t.Fatalf("they can still log in: %s", r)
	}
	if r := e.opsafe("undo", "1"); r.code != 0 || !strings.Contains(r.stdout, "the password of mallory is gone and cannot come back") {
		t.Errorf("undo: %s", r)
	}
	if d := unlike(before, e.dump()); strings.Count(d, "shadow mallory") != 2 || strings.Count(d, "\n+")+strings.Count(d, "\n-") > 2 {
		t.Errorf("besides the password:\n%s", d)
	}
	if r := e.ssh("mallory", k, "true"); r.code != 0 {
		t.Errorf("they cannot log in: %s", r)
	}
	if e.exists("/var/lib/opsafe/disabled/mallory") {
		t.Error("they are still on record")
	}
}
