package cli_test

import (
	"strings"
	"testing"

	"opsafe/internal/host"
)

func rootsFile(path, content string) host.WriteFile {
	return host.WriteFile{Path: path, Content: host.NewContent([]byte(content)), Owner: "root", Group: "root", Access: host.AccessOf(0o644)}
}

// wantFiles compares files; an empty text is no file.
func (w *world) wantFiles(files map[string]string) {
	w.t.Helper()
	for path, want := range files {
		if got := w.file(path); got != want {
			w.t.Errorf("%s holds %q, not %q", path, got, want)
		}
	}
}

func TestUndo(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	before := map[string]string{"/etc/one": "", "/etc/two": "before\n", "/etc/gone": "gone\n", "/etc/token": "TOKEN=old canary\n"}
	after := map[string]string{"/etc/one": "one\n", "/etc/two": "two\n", "/etc/gone": "", "/etc/token": "TOKEN=canary\n"}
	w.want(0, nil, nil, "manage")
	w.wantFiles(after)

	w.want(0, []string{"- /etc/one", "-two", "+before", "+ /etc/gone", "~ /etc/token", "Plan: 1 to add, 2 to change, 1 to remove."}, nil, "undo", "1", "--plan")
	w.untouched()
	if strings.Contains(w.out.String(), "canary") {
		t.Errorf("the plan shows a secret:\n%s", w.out.String())
	}
	w.wantFiles(after)
	w.want(0, []string{"Done: 1 added, 2 changed, 1 removed."}, nil, "undo", "1")
	w.wantFiles(before)
	w.want(0, []string{"succeeded, undone by 2", "undo 1"}, nil, "history")
	w.want(1, nil, []string{"run 1 has been undone already, by run 2", "opsafe undo 2"}, "undo", "1")

	w.want(0, []string{"Done: 1 added, 2 changed, 1 removed."}, nil, "undo", "2")
	w.wantFiles(after)
	w.want(0, nil, nil, "undo", "1")
	w.wantFiles(before)
	w.want(1, nil, []string{"in this order: 4 (undo 1 by"}, "undo", "3")
}

// TestUndoChangedSince: what somebody has changed by hand is not overwritten
// behind their back, and what later runs have built upon stays.
func TestUndoChangedSince(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage")
	w.do(rootsFile("/etc/two", "by hand\n"))
	for _, args := range [][]string{{"undo", "1"}, {"undo", "1", "--plan"}} {
		w.want(1, nil, []string{"somebody has changed it since:\n  /etc/two\n", "--overwrite"}, args...)
		w.untouched()
	}
	w.want(0, []string{"-by hand", "+before"}, []string{"is overwritten"}, "undo", "1", "--overwrite", "--plan")
	// What is as it was before is no reason to refuse.
	w.do(rootsFile("/etc/two", "before\n"))
	w.want(0, []string{"1 to add, 1 to change, 1 to remove"}, nil, "undo", "1", "--plan")

	w.want(0, nil, nil, "manage")
	w.want(1, nil, []string{"later runs have built upon what run 1 left: undo them first, in this order: 2 (manage by"}, "undo", "1")
	w.untouched()
	w.want(0, nil, nil, "undo", "2")
	w.want(0, nil, nil, "undo", "1")
	w.wantFiles(map[string]string{"/etc/one": "", "/etc/two": "before\n", "/etc/gone": "gone\n"})
}

const peopleSpec = `
-- developers.yaml --
alice: {roles: [dev]}
-- keys/alice --
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDk9BA6sb4ayAcNfcbULNPrMzVcDxqFlmwYSMM+8RiuQ alice
-- backends/north/backend.yaml --
people: [dev]
groups:
  team: {members: exact}
roles:
  dev: {groups: [team], shell: /bin/bash, home_mode: "0750", password: locked, keys: [repository]}
directories:
  /srv/data: {owner: alice, group: team, mode: "0750"}
`

// TestUndoBuiltUpon: an account that a later run has given something stays until
// that run is undone; so does a directory that something has been put into.
func TestUndoBuiltUpon(t *testing.T) {
	w := newWorld(t, peopleSpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage", "--only", "group", "--only", "user", "--only", "key")
	w.want(0, nil, nil, "manage")
	w.want(1, nil, []string{"undo them first, in this order: 2 (manage"}, "undo", "1")
	w.do(rootsFile("/srv/data/theirs", "x"))
	w.want(1, []string{"cannot remove /srv/data: it holds /srv/data/theirs"}, nil, "undo", "2")
	w.do(host.RemovePath{Path: "/srv/data/theirs"})
	w.want(0, nil, nil, "undo", "2")
	w.want(0, []string{"- team", "- alice", "- /home/alice/.ssh/authorized_keys"}, nil, "undo", "1")
	for _, path := range []string{"/home/alice", "/srv/data"} {
		if n, err := w.host.Stat(path); n != nil || err != nil {
			t.Errorf("%s is left: %+v, %v", path, n, err)
		}
	}
	if u, err := w.host.User("alice"); u != nil || err != nil {
		t.Errorf("the account is left: %+v, %v", u, err)
	}
	w.want(0, nil, nil, "undo", "4")
	w.want(0, []string{"Nothing to do."}, nil, "plan", "--only", "user", "--only", "group", "--only", "key")
}

// TestUndoHome: an account whose home has something in it stays with it.
func TestUndoHome(t *testing.T) {
	w := newWorld(t, peopleSpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage", "--only", "group", "--only", "user", "--only", "key")
	w.do(rootsFile("/home/alice/work", "x"))
	w.want(1, []string{"it holds /home/alice/work, which was not made with it", "not tried: directory//home/alice failed"}, nil, "undo", "1", "--plan")
	w.want(1, nil, nil, "undo", "1")
	if u, err := w.host.User("alice"); u == nil || err != nil {
		t.Errorf("the account is gone: %v", err)
	}
	w.do(host.RemovePath{Path: "/home/alice/work"})
	w.want(0, nil, nil, "undo", "1")
	if u, err := w.host.User("alice"); u != nil || err != nil {
		t.Errorf("the account is left: %v", err)
	}
}

// TestUndoInterrupted: a run that was killed at any step can be undone.
func TestUndoInterrupted(t *testing.T) {
	for died := 1; ; died++ {
		w := newWorld(t, historySpec)
		w.env["OPSAFE_BACKEND"] = "north"
		left := died
		w.host.dies = func(host.Step) bool { left--; return left <= 0 }
		code := w.run("manage")
		w.host.dies = nil
		if code == 0 {
			if died < 6 {
				t.Fatalf("it had no more than %d steps", died)
			}
			return
		}
		if w.run("history", "--format", "json"); len(w.document()["runs"].([]any)) > 0 {
			w.want(0, nil, nil, "undo", "1")
		}
		w.wantFiles(map[string]string{"/etc/one": "", "/etc/two": "before\n", "/etc/gone": "gone\n", "/etc/token": "TOKEN=old canary\n"})
	}
}
