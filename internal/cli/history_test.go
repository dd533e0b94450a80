package cli_test

import (
	"strings"
	"testing"

	"opsafe/internal/host"
	"opsafe/internal/journal"
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
	var events []journal.Event
	w.app.Log = func(e journal.Event) { events = append(events, e) }
	w.want(0, []string{"Nothing to do."}, nil, "manage")
	if w.host.steps != 0 || len(events) != 0 {
		t.Errorf("a run with nothing to do did %d steps and told %v", w.host.steps, events)
	}
	w.want(0, []string{"1    2026-01-02", "alice", "manage", "ababababab", "+1 ~2 -1", "succeeded"}, nil, "history")
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

// TestHistoryDamaged: a record that cannot be read is said, and hides no other.
func TestHistoryDamaged(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.run("manage")
	damaged := host.WriteFile{Path: journal.Dir + "/000002.json", Content: host.NewContent([]byte("{")), Owner: "root", Group: "root", Access: host.AccessOf(0o600)}
	if err := w.host.Do(t.Context(), damaged); err != nil {
		t.Fatal(err)
	}
	w.want(0, []string{"manage"}, []string{"cannot read the record of run 2"}, "history")
	w.want(1, nil, []string{"cannot read the record of run 2"}, "show", "2")
}
