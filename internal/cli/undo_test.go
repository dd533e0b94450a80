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
	w.want(0, []string{"undone by 2", "undo 1"}, nil, "history")
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

// TestUndoKeys: the plan of an undo names keys by their fingerprints, as the plan of the
// run did; of lines that are no keys it shows the beginning, and no line else.
func TestUndoKeys(t *testing.T) {
	w := newWorld(t, peopleSpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage", "--only", "group", "--only", "user")
	theirs := host.WriteFile{
		Path: "/home/alice/.ssh/authorized_keys", Owner: "alice", Group: "alice", Access: host.AccessOf(0o600),
		Content: host.NewContent([]byte("# from home\n" + aliceKey + " laptop\n")),
	}
	w.do(host.MakeDir{Path: "/home/alice/.ssh", Owner: "alice", Group: "alice", Access: host.AccessOf(0o700)}, theirs)
	w.want(0, []string{"SHA256:"}, nil, "manage", "--only", "key")
	const declared = "AAAAC3NzaC1lZDI1NTE5AAAAIDk9BA6sb4ayAcNfcbULNPrMzVcDxqFlmwYSMM+8RiuQ"
	for _, args := range [][]string{{"undo", "2", "--plan"}, {"undo", "2", "--plan", "--format", "json"}, {"undo", "2"}} {
		w.want(0, []string{"SHA256:gCuZ9DIPLj5oO/lTDK5/4OAu8z+7sFkm7zVTLl0F9KI laptop", "SHA256:", "# from home"}, nil, args...)
		if out := w.out.String(); strings.Contains(out, declared) || strings.Contains(out, aliceKey) || strings.Count(out, "SHA256:") < 2 {
			t.Errorf("%q shows lines, or not both keys:\n%s", args, out)
		}
	}
	if got := w.file(theirs.Path); got != string(theirs.Content.Bytes()) {
		t.Errorf("%s holds %q", theirs.Path, got)
	}
}

// TestUndoHome: an account whose home has something in it stays with it.
func TestUndoHome(t *testing.T) {
	w := newWorld(t, peopleSpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage", "--only", "group", "--only", "user", "--only", "key")
	w.do(rootsFile("/home/alice/work", "x"))
	w.want(1, []string{"it holds /home/alice/work, which was not made with it", "not tried: directory /home/alice failed"}, nil, "undo", "1", "--plan")
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

// TestUndoKilled: an undo that was killed at any step is repeated; what it did is not
// somebody else's work. What somebody has changed by hand still is.
func TestUndoKilled(t *testing.T) {
	for name, spec := range map[string]string{"files": historySpec, "people": peopleSpec} {
		for died := 1; ; died++ {
			w := newWorld(t, spec)
			w.env["OPSAFE_BACKEND"] = "north"
			w.want(0, nil, nil, "manage")
			left := died
			w.host.dies = func(host.Step) bool { left--; return left <= 0 }
			code := w.run("undo", "1")
			w.host.dies = nil
			if code == 0 {
				if died < 6 {
					t.Fatalf("%s: it had no more than %d steps", name, died)
				}
				break
			}
			w.want(0, nil, nil, "undo", "1", "--plan")
			w.want(0, nil, nil, "undo", "1")
			w.wantFiles(map[string]string{"/etc/one": ""})
			for _, account := range []string{"alice"} {
				if u, err := w.host.User(account); u != nil || err != nil {
					t.Errorf("%s, killed before step %d: the account is left: %v", name, died, err)
				}
			}
			if g, err := w.host.Group("team"); g != nil || err != nil {
				t.Errorf("%s, killed before step %d: the group is left: %v", name, died, err)
			}
		}
	}
}

// TestUndoFailed: an undo that failed halfway left things in a known state.
func TestUndoFailed(t *testing.T) {
	w := newWorld(t, peopleSpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage")
	w.do(rootsFile("/srv/data/theirs", "x"))
	w.want(1, []string{"it holds /srv/data/theirs"}, nil, "undo", "1")
	w.do(host.RemovePath{Path: "/srv/data/theirs"})
	w.do(host.SetAccess{Path: "/srv/data", Access: host.AccessOf(0o777)})
	w.want(1, nil, []string{"somebody has changed it since:\n  /srv/data\n"}, "undo", "1")
	w.do(host.SetAccess{Path: "/srv/data", Access: host.AccessOf(0o750)})
	w.want(0, nil, []string{"run 2 has begun to undo it"}, "undo", "1")
}
