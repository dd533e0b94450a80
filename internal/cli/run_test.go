package cli_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/change"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/host/local"
)

const repository = `
-- backends/one/backend.yaml --
files:
  /etc/a: {content: "one\n"}
  /etc/b: {content: "one\n"}
directories:
  /srv/x: {}
-- backends/two/backend.yaml --
files:
  /etc/a: {content: "two\n"}
`

func TestPlan(t *testing.T) {
	w := newWorld(t, repository)
	w.app.Root = false
	w.want(0, []string{"/etc/a", "/srv/x", "Plan:"}, []string{"run as root to see everything"}, "plan", "--backend", "one")
	w.want(2, nil, nil, "plan", "--backend", "one", "--exit-code")
	w.untouched()
	if w.file("/etc/a") != "" {
		t.Error("plan wrote")
	}
	w.want(2, nil, nil, "plan", "--backend", "one", "--exit-code", "--format", "json")
	doc := w.document()
	if doc["format_version"] != 1.0 || doc["command"] != "plan" || doc["backend"] != "one" || doc["host"] != "host" {
		t.Errorf("%v", doc)
	}
	if n := len(doc["changes"].([]any)); n != 3 {
		t.Errorf("%d changes", n)
	}
	if add := doc["summary"].(map[string]any)["add"]; add != 3.0 {
		t.Errorf("add is %v", add)
	}
}

func TestPlanExitCodes(t *testing.T) {
	w := newWorld(t, `
-- backends/same/backend.yaml --
files: {/etc/a: {content: "x\n"}}
-- backends/unseen/backend.yaml --
files: {/etc/unseen: {content: "x\n"}, /etc/b: {content: "x\n"}}
-- backends/failing/backend.yaml --
directories: {/etc/a: {}}
-- host.yaml --
files:
  /etc/a: {content: "x\n"}
  /etc/unseen: {content: "y\n", unread: permission denied}
`)
	w.want(0, []string{"Nothing to do."}, nil, "plan", "--backend", "same", "--exit-code")
	w.want(0, []string{"unknown", "permission denied"}, nil, "plan", "--backend", "unseen")
	w.want(1, nil, nil, "plan", "--backend", "unseen", "--exit-code")
	w.want(1, []string{"failed"}, nil, "plan", "--backend", "failing")
	w.want(1, []string{"failed"}, nil, "manage", "--backend", "failing")
	w.want(1, []string{"unknown"}, nil, "manage", "--backend", "unseen")
	w.want(0, []string{"Nothing to do."}, nil, "manage", "--backend", "same")
	w.untouched()
}

func TestManage(t *testing.T) {
	w := newWorld(t, repository)
	w.want(0, []string{"Done:", "/etc/a"}, nil, "manage", "--backend", "one")
	if w.file("/etc/a") != "one\n" {
		t.Error("not written")
	}
	w.want(0, []string{"Nothing to do."}, nil, "manage", "--backend", "one")
	w.untouched()
	w.want(0, nil, nil, "manage", "--backend", "two", "--format", "json")
	doc := w.document()
	if changed := doc["summary"].(map[string]any)["change"]; changed != 1.0 {
		t.Errorf("%v", doc)
	}
	if w.err.Len() > 0 {
		t.Errorf("said beside: %s", w.err.String())
	}
}

func TestManageRefusals(t *testing.T) {
	w := newWorld(t, repository+`
-- host.yaml --
files: {/etc/opsafe/backend: {content: "one\n"}}
`)
	w.want(1, nil, []string{"opsafe: this host is one (/etc/opsafe/backend), and two is asked for", "opsafe bootstrap --switch two"}, "manage", "--backend", "two")
	w.want(0, nil, []string{"bootstrapped as one; manage would refuse two"}, "plan", "--backend", "two")
	w.want(1, nil, []string{`unknown format "xml": want text, json or markdown`}, "manage", "--format", "xml")
	w.want(1, nil, []string{"want opsafe facts --out: see opsafe facts --help"}, "facts")
	w.want(1, nil, []string{"want opsafe rollback NAME: see opsafe rollback --help"}, "rollback")
	w.want(1, nil, []string{"want opsafe prune ", ": see opsafe prune --help"}, "prune")
	w.want(1, nil, []string{"unknown flag: --bogus: see opsafe manage --help"}, "manage", "--bogus")
	w.want(1, nil, []string{"unknown flag: --bakend: did you mean --backend?"}, "plan", "--bakend", "x")
	w.want(1, nil, []string{"unknown flag: --backend: opsafe validate needs none"}, "validate", "--backend", "x")
	w.want(1, nil, []string{"there is no command opsafe mange: did you mean opsafe man or opsafe manage?"}, "mange")
	w.want(1, nil, []string{"there is no command opsafe backends: did you mean opsafe validate?"}, "backends")
	w.want(1, nil, []string{"there is no command opsafe zzzzzz: opsafe --help lists"}, "zzzzzz")
	w.want(1, nil, []string{`takes only flags, and got "one": did you mean opsafe plan --backend one?`}, "plan", "one")
	w.want(1, nil, []string{`takes only flags, and got "nginx": see opsafe upgrade --help`}, "upgrade", "nginx")
	w.want(1, nil, []string{`invalid argument "5" for "--confirm" flag: want a time with its unit, such as 30s or 5m`}, "manage", "--confirm", "5")
	w.want(1, nil, []string{"did you mean opsafe access --user alice?"}, "access", "alice")
	w.want(1, nil, []string{"did you mean opsafe access --path /srv/data?"}, "access", "/srv/data")
	w.want(1, nil, []string{`opsafe: whereami takes only flags, and got "x": see`}, "whereami", "x")
	w.want(1, nil, nil, "manage", "extra")
	w.want(1, nil, []string{`did you mean opsafe plan --only file//etc/motd?`}, "plan", "file//etc/motd")
	w.want(1, nil, []string{"the kind is missing: did you mean --only file//etc/motd or --only directory//etc/motd?"}, "plan", "--only", "/etc/motd")
	w.want(1, nil, []string{"unknown shorthand flag: 'f' in -f: did you mean --format or --full?"}, "status", "-f", "json")
	w.want(1, nil, []string{`"maybe" for "--full" flag: want true or false`}, "plan", "--full=maybe")
	w.want(1, nil, []string{`"few" for "--limit" flag: want a number`}, "history", "--limit", "few")
	w.want(1, nil, []string{"--facts and --out do not go together: want one of them"}, "plan", "--facts", "none", "--out", "x")
	w.want(1, nil, []string{"unknown shorthand flag: 'z' in -z: see opsafe plan --help"}, "plan", "-z")
	w.want(1, nil, []string{"there is no command opsafe mange: did you mean opsafe man or opsafe manage?"}, "help", "mange")
	w.want(1, nil, []string{"there is no command opsafe keys nosuch"}, "help", "keys", "nosuch")
	w.want(0, []string{"Say exactly what manage would do"}, nil, "help", "plan")
	w.want(0, []string{"Usage:"}, nil, "help")
	w.want(1, nil, []string{`access takes only flags, and got "sudo": that is a group, in which nobody is besides whose own it is`}, "access", "sudo")
	lock, err := local.TakeLock(w.app.LockPath)
	if err != nil {
		t.Fatal(err)
	}
	w.want(1, nil, []string{"another run of opsafe is at work"}, "manage")
	w.want(0, nil, nil, "plan")
	lock.Release()
	w.app.Root = false
	for _, args := range [][]string{{"manage"}, {"bootstrap", "one"}, {"disable-user", "x"}, {"enable-user", "x"}} {
		w.want(1, nil, []string{args[0] + " changes this host and needs root: run it with sudo"}, args...)
	}
	w.untouched()
}

// TestManageTidies clears away what the record of a dead run says is opsafe's own,
// and says so. Without such a record, and in a plan, nothing is.
func TestManageTidies(t *testing.T) {
	w := newWorld(t, repository)
	var tidied []local.Dead
	w.app.Tidy = func(_ context.Context, dead local.Dead) ([]string, error) {
		tidied = append(tidied, dead)
		return []string{"removed /etc/passwd.lock"}, errors.New("cannot remove another")
	}
	ctx := context.Background()
	w.want(0, nil, nil, "manage", "--backend", "one")
	if want := []local.Dead{{}}; !cmp.Equal(tidied, want) {
		t.Errorf("without a dead run, tidied %+v", tidied)
	}
	tidied = nil
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	plan := []change.Result{{Status: change.Changed, Change: change.Change{
		Action: change.Modify, Steps: []host.Step{host.SetMembers{Group: "sudo"}},
	}}}
	if _, err := history.Open(ctx, history.Options{Host: w.host, PID: 1 << 30, Now: func() time.Time { return began }}, plan); err != nil {
		t.Fatal(err)
	}
	w.want(0, nil, nil, "plan", "--backend", "one")
	if len(tidied) != 0 {
		t.Error("a plan has cleared something away")
	}
	w.want(0, nil, []string{"died: removed /etc/passwd.lock", "cannot remove another"}, "manage", "--backend", "one")
	want := []local.Dead{{Started: began, Accounts: true, Groups: []string{"sudo"}}}
	if diff := cmp.Diff(want, tidied); diff != "" {
		t.Errorf("tidied (-want +got):\n%s", diff)
	}
}

func TestManageCancelled(t *testing.T) {
	w := newWorld(t, repository)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if code := w.app.Run(ctx, []string{"manage", "--backend", "one"}); code != 1 {
		t.Errorf("exit code %d", code)
	}
	w.untouched()
	if code := w.app.Run(ctx, []string{"plan", "--backend", "one"}); code != 1 {
		t.Errorf("exit code %d of plan", code)
	}
}

// TestWhichBackend: the flag comes first, then the environment, then what
// bootstrap left.
func TestWhichBackend(t *testing.T) {
	for _, tt := range []struct {
		name, flag, env, boot string
		want                  string
		err                   string
	}{
		{name: "flag", flag: "one", env: "two", boot: "two", want: "one"},
		{name: "environment", env: "one", boot: "two", want: "one"},
		{name: "host", boot: "one", want: "one"},
		{name: "none", err: "which backend? say it with --backend or OPSAFE_BACKEND"},
		{name: "unknown", flag: "oone", err: `"one"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := repository
			if tt.boot != "" {
				text += "-- host.yaml --\nfiles: {/etc/opsafe/backend: {content: \"" + tt.boot + "\\n\"}}\n"
			}
			w := newWorld(t, text)
			w.env["OPSAFE_BACKEND"] = tt.env
			args := []string{"plan", "--format", "json"}
			if tt.flag != "" {
				args = append(args, "--backend", tt.flag)
			}
			if tt.err != "" {
				w.want(1, nil, []string{tt.err}, args...)
				return
			}
			w.want(0, nil, nil, args...)
			if got := w.document()["backend"]; got != tt.want {
				t.Errorf("backend %v", got)
			}
		})
	}
}

func TestWhichDirectory(t *testing.T) {
	w := newWorld(t, repository)
	w.env["OPSAFE_DIR"] = ""
	t.Chdir(t.TempDir())
	w.want(1, nil, []string{"cannot find a directory backends"}, "validate")
	w.want(1, nil, []string{"there is no directory backends in /nowhere"}, "validate", "--dir", "/nowhere")
	w.want(0, nil, nil, "validate", "--dir", w.dir)
	t.Chdir(w.dir + "/backends/one")
	w.want(0, nil, nil, "validate")
}

func TestSelection(t *testing.T) {
	w := newWorld(t, repository)
	for _, tt := range []struct {
		args []string
		want string // the changes
		err  string
	}{
		{args: []string{"--only", "file"}, want: "/etc/a /etc/b"},
		{args: []string{"--only", "files"}, want: "/etc/a /etc/b"},
		{args: []string{"--only", "directories"}, want: "/srv/x"},
		{args: []string{"--only", "file//etc/a"}, want: "/etc/a"},
		{args: []string{"--only", "file//etc/a,directory"}, want: "/srv/x /etc/a"},
		{args: []string{"--skip", "file//etc/a"}, want: "/srv/x /etc/b"},
		{args: []string{"--only", "file", "--skip", "file//etc/b"}, want: "/etc/a"},
		{args: []string{"--only", "fiel"}, err: `--only fiel: there is no kind "fiel": did you mean "file"?`},
		{args: []string{"--skip", "file//etc/c"}, err: `--skip file//etc/c: nothing of that name is declared; the nearest is file//etc/a`},
		{args: []string{"--only", "user/alice"}, err: `--only user/alice: nothing of that name is declared: this backend has no user`},
		{args: []string{"--only", "file/"}, err: `--only file/: want KIND or KIND/NAME`},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			args := append([]string{"plan", "--backend", "one", "--format", "json"}, tt.args...)
			if tt.err != "" {
				w.want(1, nil, []string{tt.err}, args...)
				return
			}
			w.want(0, nil, nil, args...)
			var names []string
			for _, c := range w.document()["changes"].([]any) {
				names = append(names, c.(map[string]any)["name"].(string))
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("changes %s, not %s", got, tt.want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	w := newWorld(t, repository)
	w.app.Root = false
	w.want(0, []string{"one        0 people,   3 resources\ntwo        0 people,    1 resource\nvalid\n"}, nil, "validate")
	w.write("backends/one/backend.yaml", "fiels: {}\nfiles:\n  etc/a: {content: x}\n  /etc/b: {mode: \"9\", content: x}\n")
	w.write("backends/two/backend.yaml", "packages: {BAD: installed}\n")
	w.want(1, nil, []string{
		"problems", `backends/one/backend.yaml:1:1`, `"files"`, "backends/one/backend.yaml:3:3", "backends/one/backend.yaml:4:", "backends/two/backend.yaml:1:",
	}, "validate")
	w.want(1, nil, []string{"problem"}, "plan", "--backend", "two")
	w.want(1, nil, nil, "manage", "--backend", "two")
	empty := newWorld(t, "-- backends/README --\n")
	empty.want(1, nil, []string{"there is no backend"}, "validate")
}

func TestOwnership(t *testing.T) {
	w := newWorld(t, repository)
	chmod(t, w.dir+"/backends/one/backend.yaml", 0o666)
	w.want(1, nil, []string{"backends/one/backend.yaml"}, "manage", "--backend", "one")
	w.untouched()
	w.app.Root = false
	w.want(0, nil, nil, "plan", "--backend", "one")
}

func TestWhereami(t *testing.T) {
	w := newWorld(t, repository)
	w.want(0, []string{"backend  none (opsafe bootstrap has not been run here)", "debian 12 (bookworm)", w.dir}, nil, "whereami")
	w.env["OPSAFE_DIR"] = "/nowhere"
	w.want(0, []string{"spec     none found"}, nil, "whereami")
	w = newWorld(t, repository+"-- host.yaml --\nfiles: {/etc/opsafe/backend: {content: \"one\\n\"}}\n")
	w.want(0, nil, nil, "whereami", "--format", "json")
	doc := w.document()
	if doc["backend"] != "one" || doc["format_version"] != 1.0 || doc["release"] != "bookworm" {
		t.Errorf("%v", doc)
	}
	w.want(0, []string{"opsafe "}, nil, "version")
	w.want(0, []string{`"version": "devel"`}, nil, "version", "--format", "json")
	w.want(0, []string{"__start_opsafe"}, nil, "completion", "bash")
	w.want(0, []string{"one\n", "two\n"}, nil, "__complete", "plan", "--backend", "")
}

func TestBootstrap(t *testing.T) {
	w := newWorld(t, repository)
	w.want(1, nil, nil, "bootstrap")
	w.want(1, nil, []string{`"one"`}, "bootstrap", "onne")
	w.untouched()
	w.want(0, []string{"+ /etc/bash_completion.d/opsafe", "completes opsafe's commands in bash\n", "This host is one. Next: opsafe plan\n"}, nil, "bootstrap", "one")
	if strings.Contains(w.out.String(), "__opsafe") {
		t.Errorf("what completes commands is shown:\n%s", w.out.String())
	}
	for path, want := range map[string]string{
		"/etc/opsafe/backend":              "one\n",
		"/etc/profile.d/opsafe-backend.sh": "# Managed by opsafe bootstrap.\nexport BACKEND=one\n",
		"/usr/local/bin/opsafe":            "the program",
	} {
		if got := w.file(path); got != want {
			t.Errorf("%s: %q, not %q", path, got, want)
		}
	}
	if !strings.Contains(w.file("/etc/bash_completion.d/opsafe"), "__start_opsafe") {
		t.Error("no completion")
	}
	n, err := w.host.Stat("/usr/local/bin/opsafe")
	if err != nil || n.Access.Mode() != host.Mode(0o755) {
		t.Errorf("the program: %+v, %v", n, err)
	}
	w.want(0, nil, nil, "bootstrap", "one")
	w.untouched()
	w.want(1, nil, []string{"this host is one (/etc/opsafe/backend): to make it two for good, add --switch"}, "bootstrap", "two")
	w.untouched()
	w.want(0, []string{"This host is two."}, nil, "bootstrap", "two", "--switch")
	w.want(0, nil, nil, "manage")
	if w.file("/etc/a") != "two\n" {
		t.Error("the host is not two's")
	}
	w.want(0, nil, nil, "bootstrap", "two", "--format", "json")
	if w.document()["command"] != "bootstrap" {
		t.Error("no document")
	}
	w.app.Executable = func() (string, error) { return "/usr/bin/opsafe", nil }
	w.want(0, nil, nil, "bootstrap", "two")
	if n, err := w.host.Stat("/usr/local/bin/opsafe"); err != nil || n.Target != "/usr/bin/opsafe" {
		t.Errorf("the program that units call, with the package: %+v, %v", n, err)
	}
	if n, err := w.host.Stat("/etc/bash_completion.d/opsafe"); err != nil || n != nil {
		t.Errorf("the completion, with the package's there: %+v, %v", n, err)
	}
	w.want(0, nil, nil, "bootstrap", "two")
	w.untouched()
	w.want(0, []string{"Next: opsafe plan --dir " + w.dir + "\n"}, nil, "bootstrap", "two", "--dir", w.dir)
}

// TestSwitchPeople: whom only the former backend lets in is named, with the way that
// ends it, and loses keys and rules if that is agreed to.
func TestSwitchPeople(t *testing.T) {
	w := newWorld(t, `-- developers.yaml --
alice: {roles: [devs]}
-- keys/alice --
`+aliceKey+`
-- backends/one/backend.yaml --
people: [devs]
roles: {devs: {keys: [repository], password: set-at-first-login}}
sudoers: {devs: {content: "alice ALL=(ALL) NOPASSWD: ALL\n"}}
-- backends/two/backend.yaml --
description: nobody's
`)
	was := func() {
		w.want(0, nil, nil, "bootstrap", "one", "--switch")
		w.want(0, nil, nil, "manage")
	}
	was()
	ended := "note: password/alice stays: an empty password lets somebody in as alice, no role of theirs has accounts here: at the console, by su or RDP\n  to end that: opsafe disable-user alice\n"
	w.want(0, nil, []string{"sudo opsafe prune key/alice sudoers/devs\n", ended}, "bootstrap", "two", "--switch")
	was()
	w.want(0, []string{"2 changed, 2 removed"}, []string{ended}, "bootstrap", "two", "--switch", "--prune")
	if keys := w.file("/home/alice/.ssh/authorized_keys"); strings.Contains(keys, "ssh-") {
		t.Error("alice has a key still:", keys)
	}
}

// TestOlderThanWanted: a program that is too old for a spec says so, and where it is
// asked for.
func TestOlderThanWanted(t *testing.T) {
	w := newWorld(t, "-- backends/north/backend.yaml --\nopsafe: \">= 1.2\"\nunheard_of: 1\n")
	w.app.Version = "v1.1.9"
	for _, args := range [][]string{{"validate"}, {"plan", "--backend", "north"}, {"manage", "--backend", "north"}} {
		w.want(1, nil, []string{"backends/north/backend.yaml:1:9: opsafe: this is 1.1.9, and the spec wants 1.2 or later"}, args...)
		if strings.Contains(w.err.String(), "unheard_of") {
			t.Errorf("%v: it says more than that:\n%s", args, w.err.String())
		}
	}
	w.untouched()
	w.app.Version = "v1.2.0"
	w.want(1, nil, []string{`unknown field "unheard_of"`}, "validate")
}
