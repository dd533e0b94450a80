package cli_test

import (
	"strings"
	"testing"

	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// historySpec changes several files; the host has some of them.
const historySpec = `
-- developers.yaml --
-- backends/north/backend.yaml --
files:
  /etc/one: {content: "one\n"}
  /etc/two: {content: "two\n"}
  /etc/gone: {state: absent}
  /etc/token: {content: "TOKEN=canary\n", secret: true}
-- host.yaml --
files:
  /etc/two: {content: "before\n"}
  /etc/gone: {content: "gone\n"}
  /etc/token: {content: "TOKEN=old canary\n", mode: "0600"}
`

func TestHistory(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"], w.env["SUDO_USER"] = "north", "alice"
	w.write(".git/HEAD", strings.Repeat("ab", 20)+"\n")
	w.want(0, []string{"No run has changed this host"}, nil, "history")
	w.want(0, []string{"1 added, 2 changed, 1 removed"}, nil, "manage")
	var events []history.Event
	w.app.Log = func(e history.Event) { events = append(events, e) }
	w.want(0, []string{"Nothing to do."}, nil, "manage")
	if w.host.steps != 0 || len(events) != 0 {
		t.Errorf("a run with nothing to do did %d steps and told %v", w.host.steps, events)
	}
	w.want(0, []string{"1    2026-01-02", "alice", "manage", "abababa", "+1 ~2 -1", "succeeded"}, nil, "history")
	w.want(0, []string{
		"what     manage", "who      alice", "backend  north", "commit   abababab", "result   succeeded",
		"+ /etc/one", "-before", "+two", "- /etc/gone", "Done: 1 added, 2 changed, 1 removed.",
	}, nil, "show", "1")
	if got := w.out.String(); strings.Contains(got, "canary") {
		t.Errorf("it shows a secret:\n%s", got)
	}
	if w.run("history", "--format", "json") != 0 {
		t.Fatal(w.err.String())
	}
	run := w.document()["runs"].([]any)[0].(map[string]any)
	if run["run"] != 1.0 || run["by"] != "alice" || run["result"] != "succeeded" || run["summary"].(map[string]any)["add"] != 1.0 {
		t.Errorf("%v", run)
	}
	if w.run("show", "1", "--format", "json") != 0 {
		t.Fatal(w.err.String())
	}
	doc := w.document()
	if doc["format_version"] != 1.0 || len(doc["changes"].(map[string]any)["changes"].([]any)) != 4 || doc["run"].(map[string]any)["backend"] != "north" {
		t.Errorf("%v", doc)
	}
	w.want(1, nil, []string{"no record of run 2"}, "show", "2")
	w.want(1, nil, []string{`"x" is not the number of a run`}, "show", "x")
}

// TestHistoryOfTheOtherCommands: whatever changes the host leaves a record.
func TestHistoryOfTheOtherCommands(t *testing.T) {
	w := newWorld(t, `
-- developers.yaml --
-- backends/north/backend.yaml --
files: {}
-- host.yaml --
users:
  - {name: bob, uid: 1000, home: /home/bob, shell: /bin/bash}
files:
  /home/bob: {type: directory, owner: bob, group: bob}
`)
	w.want(0, nil, nil, "bootstrap", "north")
	w.want(0, nil, nil, "disable-user", "bob", "--allow-locking-out-every-admin")
	w.want(0, nil, nil, "disable-user", "bob", "--plan")
	w.want(0, nil, nil, "enable-user", "bob")
	w.want(0, []string{"bootstrap north", "disable-user bob", "enable-user bob"}, nil, "history")
	if n := strings.Count(w.out.String(), "\n"); n != 4 {
		t.Errorf("there are %d lines:\n%s", n, w.out.String())
	}
}

// TestInterrupted: a run that is killed leaves a record that says so.
func TestInterrupted(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.host.dies = func(s host.Step) bool { f, ok := s.(host.WriteFile); return ok && f.Path == "/etc/two" }
	w.run("manage")
	w.host.dies = nil
	w.want(0, []string{"interrupted"}, nil, "history")
	w.want(0, []string{"result   interrupted: what is below was planned", "+ /etc/one", "Interrupted. Plan: 1 to add, 2 to change, 1 to remove."}, nil, "show", "1")
}

// TestHistoryTable: in a pipe nothing is cut off, whatever was run by whom, and the last
// runs can be asked for.
func TestHistoryTable(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"], w.env["SUDO_USER"] = "north", "somebody-with-a-long-name"
	w.write(".git/HEAD", strings.Repeat("ab", 20)+"\n")
	w.write(".git/index", "DIRC\x00\x00\x00\x02\x00\x00\x00\x00")
	w.want(0, nil, nil, "manage")
	w.want(0, nil, nil, "undo", "1")
	long := strings.Repeat("n", 32)
	w.do(host.AddUser{Name: long, UID: 1500, Home: "/home/" + long, Shell: "/bin/bash"})
	w.want(0, nil, nil, "disable-user", long, "--allow-locking-out-every-admin")
	w.want(0, []string{"manage", "undo 1", "  disable-user " + long + "  ", "  abababa+dirty  ", "undone by 2", "  somebody-with-a-long-name  "}, nil, "history")
	all := strings.Split(strings.TrimSpace(w.out.String()), "\n")
	if len(all) != 4 {
		t.Errorf("%d lines", len(all))
	}
	w.want(0, []string{"2    ", "3    "}, nil, "history", "--limit", "2")
	if got := w.out.String(); strings.Contains(got, "\n1    ") || strings.Count(got, "\n") != 3 {
		t.Errorf("these are not the last two:\n%s", got)
	}
	w.want(0, nil, nil, "history", "--limit", "1", "--format", "json")
	if runs := w.document()["runs"].([]any); len(runs) != 1 || runs[0].(map[string]any)["run"] != 3.0 {
		t.Errorf("%v", runs)
	}
	w.want(0, []string{"1    "}, nil, "history", "--limit", "99")
	w.want(0, []string{"1    "}, nil, "history", "--limit", "0")
	w.want(1, nil, []string{"--limit -1: want the number of runs"}, "history", "--limit", "-1")
}

// TestOtherTools: who types another tool's words is told ours.
func TestOtherTools(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	for word, want := range map[string]string{"apply": "manage", "converge": "manage", "dry-run": "plan", "diff": "plan", "log": "history", "audit": "access", "drift": "status", "install": "bootstrap"} {
		w.want(1, nil, []string{"there is no command opsafe " + word, want}, word)
	}
	w.want(1, nil, []string{"manage", "plan"}, "apply")
	w.want(1, nil, []string{"did you mean opsafe show 2?"}, "history", "2")
	w.want(1, nil, []string{"opsafe: which run? opsafe history lists them\n"}, "undo")
	for _, flag := range []string{"--dry-run", "--check", "--diff", "-n"} {
		w.want(1, nil, []string{"unknown", "opsafe plan says what opsafe manage would do, and changes nothing"}, "manage", flag)
	}
	w.untouched()
}

// TestWhichRun: undo and show without a number change nothing, and say which run was the
// last.
func TestWhichRun(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage")
	w.want(1, nil, []string{"the last is 1, manage by root, ", ": sudo opsafe undo 1 --plan says what would come back"}, "undo")
	w.want(1, nil, []string{"the last is 1, manage by root, ", ": opsafe show 1"}, "show")
	w.untouched()
}

// TestHistoryDamaged: a record that cannot be read is said, and hides no other.
func TestHistoryDamaged(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.run("manage")
	damaged := host.WriteFile{Path: notes.History + "/000002.json", Content: host.NewContent([]byte("{")), Owner: "root", Group: "root", Access: host.AccessOf(0o600)}
	if err := w.host.Do(t.Context(), damaged); err != nil {
		t.Fatal(err)
	}
	w.want(0, []string{"manage"}, []string{"cannot read the record of run 2"}, "history")
	w.want(1, nil, []string{"cannot read the record of run 2"}, "show", "2")
}
