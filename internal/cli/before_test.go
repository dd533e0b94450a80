package cli_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

// TestStoppedDeclaring: plan and manage name what the spec declared at the last run,
// and does not any more; a selection says nothing about it.
func TestStoppedDeclaring(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage")
	w.want(0, nil, nil, "plan")
	if strings.Contains(w.err.String(), "stopped declaring") {
		t.Errorf("all is declared still:\n%s", w.err.String())
	}
	w.write("backends/north/backend.yaml", "files:\n  /etc/one: {content: \"one\\n\"}\n  /etc/new: {content: \"new\\n\"}\n")
	w.want(0, []string{"+ /etc/new"}, []string{"since run 1 the spec has stopped declaring file /etc/", "file /etc/two", "file /etc/gone", "file /etc/token"}, "plan")
	w.untouched()
	w.want(0, nil, nil, "plan", "--only", "file//etc/one")
	if strings.Contains(w.err.String(), "stopped declaring") {
		t.Errorf("it is about one file alone:\n%s", w.err.String())
	}
	w.want(0, nil, []string{"since run 1 the spec has stopped declaring"}, "manage")
	w.want(0, nil, nil, "plan")
	if strings.Contains(w.err.String(), "stopped declaring") {
		t.Errorf("the last run knew it:\n%s", w.err.String())
	}
}

// TestLeftEntries: entries of ACLs that the spec has stopped declaring are named by each later
// plan, run and status, on the host and by its facts, until they are gone; so is, by status and
// access, what else is there still.
func TestLeftEntries(t *testing.T) {
	w := newWorld(t, `
-- developers.yaml --
-- backends/north/backend.yaml --
users: {app: {}, web: {}}
directories: {/srv/a: {}, /srv/b: {}, /srv/c: {}}
acls:
  /srv/a: {access: ["user:app:rwx"], default: ["user:app:rwx"], recursive: true}
  /srv/b: {access: ["user:app:rx", "user:web:rx"]}
  /srv/c: {access: ["user:app:rx"]}
files: {/etc/old: {content: "old\n"}}
-- host.yaml --
users:
  - {name: app, uid: 1300, gid: 1300, home: /home/app, shell: /bin/sh}
  - {name: web, uid: 1301, gid: 1301, home: /home/web, shell: /bin/sh}
groups: [{name: app, gid: 1300}, {name: web, gid: 1301}]
`)
	w.env["OPSAFE_BACKEND"] = "north"
	spec := func(motd string) {
		w.write("backends/north/backend.yaml", "users: {app: {}, web: {}}\ndirectories: {/srv/b: {}}\nacls: {/srv/b: {access: [\"user:web:rx\"]}}\nfiles: {/etc/motd: {content: "+motd+"}}\n")
	}
	w.want(0, nil, nil, "manage")
	file := filepath.Join(t.TempDir(), "facts.json")
	left := []string{
		"the ACL of /srv/a has user:app:rwx, default:user:app:rwx, which nothing declares: sudo setfacl --recursive --physical -x user:app,default:user:app '/srv/a'",
		"the ACL of /srv/b has user:app:r-x, which nothing declares: sudo setfacl -x user:app '/srv/b'",
		"the ACL of /srv/c has user:app:r-x, which nothing declares",
	}
	for _, motd := range []string{"one", "two", "three"} {
		spec(motd)
		w.want(0, nil, left, "plan")
		w.want(0, nil, nil, "facts", "--out", file)
		w.want(0, nil, left, "plan", "--facts", file)
		w.want(0, nil, left, "manage")
	}
	w.want(3, []string{"acl//srv/a", "acl//srv/b", "acl//srv/c"}, []string{"earlier specs declared directory /srv/a, directory /srv/c, file /etc/old: nothing does any more"}, "status")
	w.want(0, []string{"/srv/a", "app: read, write, enter"}, nil, "access")
	w.want(1, nil, []string{"prune cannot remove acl//srv/a", "setfacl"}, "prune", "acl//srv/a")

	for _, at := range []string{"/srv/a", "/srv/b", "/srv/c", "/etc/old"} {
		if err := w.host.Do(t.Context(), host.RemovePath{Path: at}); err != nil {
			t.Fatal(err)
		}
	}
	w.want(0, nil, nil, "manage")
	w.want(0, []string{"as declared"}, nil, "status")
	if strings.Contains(w.err.String(), "earlier specs") {
		t.Errorf("all of it is gone:\n%s", w.err.String())
	}
}

// TestClosedNotes: what is there for somebody whom disable-user has disabled, declared or not,
// is named by each plan, run and status, and not by disable-user alone.
func TestClosedNotes(t *testing.T) {
	w := newWorld(t, `
-- developers.yaml --
-- backends/north/backend.yaml --
files:
  /etc/cron.d/a: {content: "0 1 * * * eve /bin/true\n0 2 * * * app /bin/true\n"}
units:
  job.service: {content: "[Service]\nUser=eve\nExecStart=/bin/true\n"}
-- host.yaml --
files:
  /etc/cron.d: {type: directory, mode: "0755"}
  /etc/sudoers: {content: "@includedir /etc/sudoers.d\n", mode: "0440"}
  /etc/sudoers.d/old: {content: "eve ALL=(ALL) ALL\nann ALL=(ALL) ALL\n", mode: "0440"}
  /var/lib/opsafe/disabled/eve: {content: "{\"format_version\": 1, \"name\": \"eve\"}\n", mode: "0600"}
users:
  - {name: eve, uid: 1300, gid: 1300, home: /home/eve, shell: /usr/sbin/nologin}
groups: [{name: eve, gid: 1300}]
`)
	w.env["OPSAFE_BACKEND"] = "north"
	said := []string{
		"eve is disabled, and /etc/sudoers.d/old:1 is a rule of sudo that names eve: visudo -f /etc/sudoers.d/old",
		"eve is disabled, and /etc/cron.d/a:1 is a job of eve: take it out of the spec",
		"eve is disabled, and job.service runs as eve (/etc/systemd/system/job.service): change it in the spec",
	}
	w.want(0, nil, said, "plan")
	w.want(0, nil, said, "manage")
	w.want(3, nil, said, "status")
}

// TestUnjudgedDoors: what may let somebody in by programs that are not read for it stands with
// who gains what.
func TestUnjudgedDoors(t *testing.T) {
	w := newWorld(t, `
-- developers.yaml --
-- backends/north/backend.yaml --
files:
  /etc/polkit-1/rules.d/x.rules: {content: "polkit.addRule(x);\n"}
  /etc/polkit-1/rules.d/y.rules: {mode: "0640"}
  /etc/pam.d/open: {content: "auth sufficient pam_permit.so\n"}
  /etc/pam.d/shut: {content: "auth requisite pam_deny.so\nauth required pam_permit.so\n"}
  /usr/local/bin/root: {content: "x", mode: "4755"}
  /usr/local/bin/none: {content: "x", mode: "0755"}
-- host.yaml --
files:
  /etc/pam.d: {type: directory}
  /usr/local/bin: {type: directory}
  /etc/polkit-1/rules.d/y.rules: {content: "y"}
`)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, []string{
		"cannot be told: what whoever runs /usr/local/bin/root can do as root, by its set-id bit",
		"cannot be told: who gets in, or becomes root, by /etc/pam.d/open: PAM takes anybody there for who they say they are",
		"cannot be told: who gets in, or becomes root, by /etc/polkit-1/rules.d/x.rules: polkit asks it",
	}, nil, "plan")
	for _, other := range []string{"by /etc/pam.d/shut", "y.rules:", "runs /usr/local/bin/none"} {
		if strings.Contains(w.out.String(), other) {
			t.Errorf("%s\n%s", other, w.out.String())
		}
	}
}

// TestHostNotes: who keeps rights that no list gives, who is listed but disabled, and
// what the spec has stopped declaring is in documents too, and in a plan by facts.
func TestHostNotes(t *testing.T) {
	w := newWorld(t, historySpec+`
users:
  - {name: eve, uid: 1300, gid: 1300, home: /home/eve, shell: /bin/sh, password: set}
  - {name: app, uid: 301, gid: 301, home: /srv/no, shell: /usr/sbin/nologin}
groups: [{name: eve, gid: 1300}, {name: app, gid: 301}, {name: docker, gid: 110, members: [eve, app]}]
`)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage")
	w.write("backends/north/backend.yaml", "files:\n  /etc/one: {content: \"one\\n\"}\nusers:\n  app: {system: true, home: /srv/no}\n")
	file := filepath.Join(t.TempDir(), "facts.json")
	w.want(0, nil, nil, "facts", "--out", file)
	said := []string{
		"since run 1 the spec has stopped declaring file /etc/token, file /etc/two, file /etc/gone: what is left of it stays as it is",
		"app is in docker, which nothing declares for them: sudo opsafe prune member/docker/app",
		"eve is on no list and keeps docker and a password: sudo opsafe disable-user eve",
	}
	for _, args := range [][]string{{"plan"}, {"plan", "--facts", file}, {"manage"}} {
		w.want(0, nil, said, args...)
		w.want(0, nil, said, append(args, "--format", "json")...)
		if d := cmp.Diff([]any{said[0], said[1], said[2]}, w.document()["host_notes"]); d != "" {
			t.Errorf("%v: %s", args, d)
		}
		w.want(0, []string{"<b>of the host</b>: 3</summary>", "stopped declaring", "keeps docker and a password"}, nil, append(args, "--format", "markdown")...)
	}
}

// TestManyLeaversNoted: what is to be said of many people alike is said once.
func TestManyLeaversNoted(t *testing.T) {
	w := newWorld(t, "-- backends/north/backend.yaml --\ngroups: {docker: {}}\n")
	state := snapshot.Bare("bookworm")
	state.Groups = append(state.Groups, host.Group{Name: "docker", GID: 110})
	for i := range 60 {
		name := fmt.Sprintf("p%02d", i)
		state.Users = append(state.Users, host.User{Name: name, UID: 1300 + i, GID: 110, Home: "/home/" + name, Shell: "/bin/sh"})
	}
	w.settle(state)
	w.run("plan", "--backend", "north")
	said := w.err.String()
	if want := "note: p00, p01, p02 and 57 others are on no list and keep docker: opsafe status names them all\n"; !strings.Contains(said, want) {
		t.Errorf("the plan does not say %q, but:\n%s", want, said)
	}
	if strings.Contains(said, "p03") {
		t.Errorf("each is named:\n%s", said)
	}
}

// TestRawNotes: what is noted of a name that is not UTF-8, or has control characters in
// it, does nothing to a terminal.
func TestRawNotes(t *testing.T) {
	w := newWorld(t, "-- backends/north/backend.yaml --\ngroups: {docker: {}}\n")
	state := snapshot.Bare("bookworm")
	state.Users = append(state.Users, host.User{Name: "e\x1b[2Jv\xfc", UID: 1300, GID: 110, Home: "/home/eve", Shell: "/bin/sh"})
	state.Groups = append(state.Groups, host.Group{Name: "docker", GID: 110})
	w.settle(state)
	for _, args := range [][]string{{"plan"}, {"plan", "--format", "json"}, {"plan", "--format", "markdown"}, {"status"}, {"status", "--format", "json"}, {"manage"}} {
		w.run(append(args, "--backend", "north")...)
		if said := w.out.String() + w.err.String(); !strings.Contains(said, `v\xfc`) && !strings.Contains(said, `v\\xfc`) || strings.Contains(said, "\x1b") || !utf8.ValidString(said) || strings.Contains(said, "\ufffd\ufffd") {
			t.Errorf("%v: %q", args, said)
		}
	}
}

// TestDoneAgain: what was undone, and is still declared, is named before it is done
// again.
func TestDoneAgain(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage")
	w.want(0, nil, []string{"still declares what run 1 did: the next manage does it again"}, "undo", "1")
	const said = "run 1 was undone by run 2, and the spec still declares what it did: file /etc/"
	w.want(0, nil, []string{said, "would be done again"}, "plan")
	w.want(2, nil, []string{said, "would be done again by manage"}, "status")
	w.want(0, nil, []string{said, "is done again"}, "manage")
	w.want(0, nil, nil, "plan")
	if strings.Contains(w.err.String(), "undone") {
		t.Errorf("there is nothing to be done again:\n%s", w.err.String())
	}
	w.want(0, nil, nil, "undo", "3")
	w.write("backends/north/backend.yaml", "files:\n  /etc/new: {content: \"new\\n\"}\n")
	w.want(0, nil, nil, "plan")
	if strings.Contains(w.err.String(), "undone") {
		t.Errorf("nothing is declared any more of what was undone:\n%s", w.err.String())
	}
	for _, content := range []string{"three", "four"} { // something else since
		w.write("backends/north/backend.yaml", "files:\n  /etc/one: {content: \""+content+"\\n\"}\n")
		if content == "three" {
			w.want(0, nil, nil, "manage")
		}
	}
	w.want(0, []string{"+four"}, nil, "plan")
	if strings.Contains(w.err.String(), "undone") {
		t.Errorf("what was undone is long gone:\n%s", w.err.String())
	}
}

// TestPartly: what a resource wrote before it failed is in its record.
func TestPartly(t *testing.T) {
	w := newWorld(t, `
-- developers.yaml --
-- backends/north/backend.yaml --
files:
  /etc/one: {content: "one\n", mode: "0640", group: adm}
-- host.yaml --
files:
  /etc/one: {content: "before\n"}
groups:
  - {name: adm, gid: 4}
`)
	w.env["OPSAFE_BACKEND"] = "north"
	if w.run("plan"); !strings.Contains(w.out.String(), "~ /etc/one") {
		t.Fatal(w.out.String(), w.err.String())
	}
	wrote := false
	w.host.lies = func(s host.Step) bool {
		f, ok := s.(host.WriteFile)
		if ok && f.Path == "/etc/one" && !wrote {
			wrote = true
			w.do(rootsFile("/etc/one", "half\n"))
			return true
		}
		return false
	}
	w.want(1, nil, nil, "manage")
	w.want(0, []string{"~1", "1 failed"}, nil, "history")
	w.want(0, []string{"Changed before it failed, and not put back:\n  /etc/one\n"}, nil, "show", "1")
	w.want(0, nil, nil, "show", "1", "--format", "json")
	if partly := w.document()["run"].(map[string]any)["partly"]; len(partly.([]any)) != 1 {
		t.Errorf("%v", partly)
	}
}

// TestNotKept: what undo will not be able to bring back is said beforehand, as it is
// afterwards.
func TestNotKept(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.do(rootsFile("/etc/two", strings.Repeat("x", 1<<20+1)))
	const said = "/etc/two: its content was not kept: it was larger than 1 MiB"
	w.want(0, nil, []string{"undo will not bring this back: " + said}, "plan")
	w.untouched()
	w.want(0, nil, []string{"undo will not bring this back: " + said}, "manage")
	w.want(0, []string{said}, nil, "show", "1")
	w.want(0, nil, nil, "plan")
	if strings.Contains(w.err.String(), "bring") {
		t.Errorf("there is nothing to do:\n%s", w.err.String())
	}
}

// TestStaged: what is staged and not committed is no part of the commit, for plan, the
// history and its JSON.
func TestStaged(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.write(".git/HEAD", strings.Repeat("ab", 20)+"\n")
	w.write(".git/index", "DIRC\x00\x00\x00\x02\x00\x00\x00\x00") // nothing says of which tree it is a copy
	var asked []string
	w.app.Staged = func(_ context.Context, dir string, of ...string) ([]string, error) {
		asked = append([]string{dir}, of...)
		return []string{"backends/north/backend.yaml", "keys/bob"}, nil
	}
	w.want(0, nil, []string{"abababa+dirty (3 files changed since)"}, "plan") // and developers.yaml, which is new
	if got := strings.Join(asked, " "); got != w.dir+" backends developers.yaml keys" {
		t.Errorf("git was asked about %s", got)
	}
	w.want(0, nil, nil, "manage")
	w.want(0, []string{"abababa+dirty"}, nil, "history")
	w.app.Staged = func(context.Context, string, ...string) ([]string, error) { return nil, errors.New("no git") }
	w.want(0, nil, []string{"abababa+dirty (2 files changed since)"}, "plan")
}

// TestLargeTree: that a tree has more paths than are kept is said before the run.
func TestLargeTree(t *testing.T) {
	w := newWorld(t, `
-- developers.yaml --
-- backends/north/backend.yaml --
directories: {/srv/data: {recurse: {files: "0600"}}}
-- host.yaml --
files:
  /srv/data: {type: directory}
`)
	w.env["OPSAFE_BACKEND"] = "north"
	for i := range 10_001 {
		w.do(rootsFile(fmt.Sprintf("/srv/data/%05d", i), ""))
	}
	const said = "owners and rights below /srv/data: 10001 paths are changed there, and no more than 10000 are kept"
	w.want(0, []string{"~ /srv/data/**"}, []string{"undo will not bring this back: " + said}, "plan")
	w.untouched()
	w.want(0, nil, []string{"undo will not bring this back: " + said}, "manage")
	w.want(0, []string{said}, nil, "show", "1")
	w.want(1, []string{"cannot bring owners and rights below /srv/data back: 10001 paths"}, []string{"not kept"}, "undo", "1", "--plan")
}

// TestOlderCommit: plan and manage say what they go by, in text and JSON, and what the
// commit lacks.
func TestOlderCommit(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	old, newer := strings.Repeat("ab", 20), strings.Repeat("cd", 20)
	var asked []string
	w.app.Behind = func(_ context.Context, _, have, want string) (int, error) {
		asked = append(asked, have[:2]+".."+want[:2])
		return map[bool]int{true: 3}[have == old && want == newer], nil
	}
	w.write(".git/HEAD", "ref: refs/heads/main\n")
	w.write(".git/refs/heads/main", newer+"\n")
	w.write(".git/refs/remotes/origin/main", newer+"\n")
	w.want(0, nil, []string{"spec " + w.dir + " at cdcdcdc (main)"}, "manage", "--only", "file//etc/one")
	w.want(0, nil, nil, "plan")
	if len(asked) > 0 {
		t.Errorf("git was asked about what is the same: %v", asked)
	}
	w.write(".git/refs/heads/main", old+"\n")
	const older = "run 1 applied 3 commits that this commit does not have"
	w.want(0, nil, []string{"at abababa (main; 3 behind origin/main)", older}, "plan")
	w.want(0, nil, nil, "plan", "--format", "json")
	source, ok := w.document()["spec"].(map[string]any)
	if !ok || source["commit"] != old || source["dir"] != w.dir || source["behind"] != 3.0 || source["last_run"] != 1.0 || source["lacks"] != 3.0 {
		t.Errorf("%v", source)
	}
	w.want(0, nil, []string{older}, "manage")
	w.want(0, nil, nil, "plan")
	if strings.Contains(w.err.String(), "applied") {
		t.Errorf("the last run went by the same commit:\n%s", w.err.String())
	}
}
