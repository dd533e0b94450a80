package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsafe/internal/host"
)

const savedWorld = `
-- backends/one/backend.yaml --
groups: {staff2: {gid: 4000, members: exact}}
users: {app: {uid: 4100, home: /home/app, shell: /bin/bash, groups: [staff2]}}
files:
  /etc/a: {content: "declared\n"}
  /etc/b: {template: b.tmpl}
  /etc/secret: {content: "canary-declared\n", secret: true}
  /etc/01.env: {content: "PORT=1\n"}
  /etc/02.env: {content: "TOKEN=\n", secret: true, once: true}
  /etc/apt/sources.list.d/ours.list: {content: "deb http://x new main\n"}
sudoers: {more: {content: "%staff2 ALL=(root) /bin/true\n"}}
units: {on.service: {running: true, content: "[Service]\nExecStart=/bin/true\n"}}
packages: {tree: installed}
-- backends/one/b.tmpl --
b on {{ .Host.Hostname }}
-- backends/two/backend.yaml --
files: {/etc/a: {content: "two\n"}}
-- host.yaml --
groups: [{name: staff2, gid: 4000, members: [app]}]
users: [{name: app, uid: 4100, home: /home/app, shell: /bin/sh}, {name: mallory, uid: 4200}]
files:
  /home/app: {type: directory, owner: app, group: app}
  /etc/a: {content: "old\n"}
  /etc/secret: {content: "canary-old\n", mode: "0600"}
  /etc/01.env: {content: "PORT=0\nTOKEN=canary-by-hand\n"}
  /etc/02.env: {content: "TOKEN=canary-env\n", mode: "0600"}
  /etc/sudoers: {content: "@includedir /etc/sudoers.d\n@include /srv/rules\n", mode: "0440"}
  /etc/sudoers.d/theirs: {content: "root ALL=(ALL) SUB\n", mode: "0440"}
  /srv/rules: {content: "# rule\n", mode: "0440"}
  /etc/ssh/sshd_config: {content: "Include /etc/ssh/sshd_config.d/*.conf\n"}
  /etc/ssh/sshd_config.d/theirs.conf: {content: "PermitRootLogin no\n"}
  /etc/apt/sources.list.d/theirs.list: {content: "deb http://x stable main\n"}
  /etc/apt/sources.list.d/ours.list: {content: "deb http://x old main\n"}
  /etc/machine-id: {content: "0123456789abcdef\n"}
  /proc/uptime: {content: "100.0 1\n"}
  /proc/sys/kernel/random/boot_id: {content: "boot\n"}
  /etc/systemd/system/on.service: {content: "[Service]\nExecStart=/bin/true\n"}
units: {on.service: {fragment: /etc/systemd/system/on.service, file: static}}
packages: {tree: installed 1.0}
candidates: {tree: true}
programs: {visudo: BAD}
`

// keep keeps the plan of backend one and returns its file.
func (w *world) keep() string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "plan.json")
	w.want(0, []string{"Plan:"}, []string{"sudo opsafe manage --plan " + file}, "plan", "--backend", "one", "--out", file)
	w.untouched()
	return file
}

// manageKept are the arguments that carry a plan out.
func manageKept(file string) []string {
	return []string{"manage", "--plan", file, "--allow-locking-out-every-admin"}
}

func TestSavedPlan(t *testing.T) {
	w := newWorld(t, savedWorld)
	file := w.keep()
	st, err := os.Stat(file)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the plan is %v, %v", st.Mode(), err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "canary") {
		t.Errorf("a secret is in the plan:\n%s", data)
	}
	var plan struct {
		Run struct {
			Changes []struct{ Kind, Name string }
		}
	}
	if err := json.Unmarshal(data, &plan); err != nil || len(plan.Run.Changes) != 8 {
		t.Errorf("%d changes, %v", len(plan.Run.Changes), err)
	}
	w.want(0, []string{"~ app", "+ more", "Done: 2 added, 6 changed"}, nil, manageKept(file)...)
	w.want(0, []string{"Nothing to do."}, nil, "manage", "--backend", "one")
	// What has been done is not what was planned upon any more.
	w.want(1, nil, []string{"something has moved on", "user app: uid 4100, gid 4100, home /home/app, shell /bin/bash, and was"}, manageKept(file)...)
	w.untouched()
}

// TestSavedPlanStale moves one thing after the other that the plan rests on: it is
// named, and nothing is changed.
func TestSavedPlanStale(t *testing.T) {
	write := func(path, content string, mode host.Mode) func(*world) {
		return func(w *world) {
			w.do(host.WriteFile{Path: path, Content: host.NewContent([]byte(content)), Owner: "root", Group: "root", Access: host.AccessOf(mode)})
		}
	}
	for name, tt := range map[string]struct {
		move func(*world)
		says []string
	}{
		"a member":                    {func(w *world) { w.do(host.SetMembers{Group: "staff2", Members: []string{"app", "mallory"}}) }, []string{"group staff2: +mallory"}},
		"a shell":                     {func(w *world) { s := "/bin/dash"; w.do(host.SetUser{Name: "app", Shell: &s}) }, []string{"user app: ", "shell /bin/dash, and was"}},
		"an account":                  {func(w *world) { w.do(host.AddUser{Name: "new", UID: 4300, Home: "/home/new", Shell: "/bin/sh"}) }, []string{"the list of users: +new"}},
		"a file":                      {write("/etc/a", "other\n", 0o644), []string{"content of /etc/a: 6 bytes, and was 4 bytes"}},
		"content, same size":          {write("/etc/a", "odl\n", 0o644), []string{"content of /etc/a: it has changed"}},
		"a secret":                    {write("/etc/secret", "canary-new\n", 0o600), []string{"content of /etc/secret: it has changed"}},
		"a mode":                      {func(w *world) { w.do(host.SetAccess{Path: "/etc/a", Access: host.AccessOf(0o600)}) }, []string{"state of /etc/a: file root:root 0600, and was file root:root 0644"}},
		"a new file":                  {write("/etc/b", "b\n", 0o644), []string{"state of /etc/b: file root:root 0644, and was not there"}},
		"a unit":                      {func(w *world) { w.do(host.StartUnit{Name: "on.service"}) }, []string{"unit on.service: active, static, and was inactive, static"}},
		"a package":                   {func(w *world) { w.do(host.HoldPackages{Names: []string{"tree"}, Hold: true}) }, []string{"package tree: installed 1.0 held, and was installed 1.0"}},
		"a rule of sudo's, by others": {write("/etc/sudoers.d/theirs", "root ALL=(ALL) ALL\n", 0o440), []string{"content of /etc/sudoers.d/theirs: it has changed"}},
		"one more rule":               {write("/etc/sudoers.d/new", "root ALL=(ALL) ALL\n", 0o440), []string{"names in /etc/sudoers.d: +new"}},
		"sudo's own rules":            {write("/etc/sudoers", "# none\n", 0o440), []string{"content of /etc/sudoers: "}},
		"a rule elsewhere":            {write("/srv/rules", "# other\n", 0o440), []string{"content of /srv/rules: "}},
		"sshd's":                      {write("/etc/ssh/sshd_config.d/theirs.conf", "PermitRootLogin yes\n", 0o644), []string{"content of /etc/ssh/sshd_config.d/theirs.conf: 20 bytes, and was 19 bytes"}},
		"one more of sshd's":          {write("/etc/ssh/sshd_config.d/new.conf", "# new\n", 0o644), []string{"names in /etc/ssh/sshd_config.d: +new.conf"}},
		"apt's sources":               {write("/etc/apt/sources.list.d/theirs.list", "deb http://y stable main\n", 0o644), []string{"content of /etc/apt/sources.list.d/theirs.list: it has changed"}},
		"one more source":             {write("/etc/apt/sources.list.d/new.list", "# new\n", 0o644), []string{"names in /etc/apt/sources.list.d: +new.list"}},
		"somebody disabled":           {write("/var/lib/opsafe/disabled/app", "{}", 0o644), []string{"names in /var/lib/opsafe/disabled"}},
		"what is owed":                {func(w *world) { w.do(host.Owe{Pending: host.Pending{Unit: "x.service", Verb: host.Restart}}) }, []string{"what is owed to units: +restart x.service"}},
		"the host":                    {write("/etc/machine-id", "fedcba9876543210\n", 0o444), []string{"made on host, and this is another host"}},
		"the spec": {func(w *world) {
			w.write("backends/one/backend.yaml", strings.Replace(section(savedWorld, "backends/one/backend.yaml"), "declared", "redeclared", 1))
		}, []string{"backends/one/backend.yaml has changed"}},
		"a template": {func(w *world) { w.write("backends/one/b.tmpl", "c\n") }, []string{"backends/one/b.tmpl has changed"}},
		"the people": {func(w *world) { w.write("developers.yaml", "alice: {roles: []}\n") }, []string{"developers.yaml is new"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, savedWorld)
			if strings.Contains(name, "disabled") {
				w.do(host.MakeDir{Path: "/var/lib/opsafe", Owner: "root", Group: "root", Access: host.AccessOf(0o755)},
					host.MakeDir{Path: "/var/lib/opsafe/disabled", Owner: "root", Group: "root", Access: host.AccessOf(0o755)})
			}
			file := w.keep()
			tt.move(w)
			w.want(1, nil, append(tt.says, "nothing has been changed"), manageKept(file)...)
			w.untouched()
			if w.out.Len() > 0 {
				t.Errorf("it says %s", w.out.String())
			}
			if strings.Contains(w.err.String(), "canary") {
				t.Errorf("a secret is said: %s", w.err.String())
			}
		})
	}
}

// section is a file of a txtar archive.
func section(archive, name string) string {
	_, rest, _ := strings.Cut(archive, "-- "+name+" --\n")
	text, _, _ := strings.Cut(rest, "\n-- ")
	return text + "\n"
}

// do changes the host by hand.
func (w *world) do(steps ...host.Step) {
	w.t.Helper()
	for _, s := range steps {
		if err := w.host.memoryHost.Do(w.t.Context(), s); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestSavedPlanFile refuses a plan that others could have had a hand in.
func TestSavedPlanFile(t *testing.T) {
	w := newWorld(t, savedWorld)
	file := w.keep()
	chmod := func(mode os.FileMode) {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []os.FileMode{0o620, 0o604, 0o640, 0o602} {
		chmod(mode)
		w.want(1, nil, []string{"others can read or write it", "sudo opsafe plan --out"}, manageKept(file)...)
	}
	chmod(0o600)
	if os.Geteuid() == 0 {
		if err := os.Chown(file, 65534, 0); err != nil {
			t.Fatal(err)
		}
		w.want(1, nil, []string{"belongs to somebody else (uid 65534)"}, manageKept(file)...)
		if err := os.Chown(file, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	link := file + ".link"
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	w.want(1, nil, []string{"cannot read the plan"}, manageKept(link)...)
	w.want(1, nil, []string{"cannot read the plan", "no such file"}, manageKept(file+".none")...)
	w.want(1, nil, []string{"leave out --only and --skip"}, append(manageKept(file), "--only", "user")...)
	w.want(1, nil, []string{"is for one, and two is asked for"}, append(manageKept(file), "--backend", "two")...)
	w.want(1, nil, []string{"--facts and --out do not go together"}, "plan", "--backend", "one", "--out", file, "--facts", "none")
	for text, word := range map[string]string{"": "not the JSON", "{}": "version 0", `{"format_version": 1, "x": 1}`: "unknown field"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w.want(1, nil, []string{word}, manageKept(file)...)
	}
	w.untouched()
	w.app.Root = false
	w.want(1, nil, []string{"needs root"}, "plan", "--backend", "one", "--out", file)
}

// TestSavedPlanSelection keeps a plan of a part, and carries out that part.
func TestSavedPlanSelection(t *testing.T) {
	w := newWorld(t, savedWorld)
	file := filepath.Join(t.TempDir(), "plan.json")
	w.want(0, []string{"Plan: 1 to change."}, nil, "plan", "--backend", "one", "--only", "user", "--out", file)
	w.want(0, []string{"~ app", "Done: 1 changed."}, nil, manageKept(file)...)
	if got := w.file("/etc/a"); got != "old\n" {
		t.Errorf("/etc/a holds %q", got)
	}
}

// lockedWorld has somebody who is without a shell.
const lockedWorld = `
-- backends/one/backend.yaml --
authorized_keys: {root: {keys: ["` + aliceKey + ` alice"]}}
-- host.yaml --
files: {/etc/machine-id: {content: "0123456789abcdef\n"}}
users: [{name: root, uid: 0, home: /root, shell: /usr/sbin/nologin}]
`

// TestSavedPlanGuarded: neither the guard nor the time to confirm is less for a kept
// plan.
func TestSavedPlanGuarded(t *testing.T) {
	w := newWorld(t, savedWorld)
	file := w.keep()
	w.want(1, nil, []string{"it is too short: at least 5s"}, append(manageKept(file), "--confirm", "1s")...)
	w.untouched()
	w.want(0, []string{"Done: 2 added, 6 changed"}, []string{"open a new session and run there, within 2m: sudo opsafe confirm"}, append(manageKept(file), "--confirm", "2m")...)
	w.want(0, []string{"/etc/sudoers.d/more"}, nil, "revert")
	if got := w.file("/etc/sudoers.d/more"); got != "" {
		t.Errorf("the drop-in is still there: %q", got)
	}

	w = newWorld(t, lockedWorld)
	file = filepath.Join(t.TempDir(), "plan.json")
	w.want(1, []string{"manage would refuse this"}, nil, "plan", "--backend", "one", "--out", file)
	w.want(1, nil, []string{"nothing has been changed", "--allow-locking-out-every-admin"}, "manage", "--plan", file)
	w.untouched()
}

// meddlingHost has somebody else at work while it is changed.
type meddlingHost struct {
	memoryHost
	meddle []host.Step
}

func (h *meddlingHost) Do(ctx context.Context, s host.Step) error {
	now := h.meddle
	h.meddle = nil
	for _, m := range now {
		if err := h.memoryHost.Do(ctx, m); err != nil {
			return err
		}
	}
	return h.memoryHost.Do(ctx, s)
}

// TestSavedPlanMeanwhile: what changes after the comparison is not dragged along.
func TestSavedPlanMeanwhile(t *testing.T) {
	w := newWorld(t, savedWorld)
	file := w.keep()
	w.app.Host = &meddlingHost{memoryHost: w.host, meddle: []host.Step{
		host.WriteFile{Path: "/etc/a", Content: host.NewContent([]byte("meanwhile\n")), Owner: "root", Group: "root", Access: host.AccessOf(0o644)},
		host.SetMembers{Group: "staff2", Members: nil},
	}}
	w.want(1, []string{"file /etc/a", "not be the change that was planned", "2 failed"}, nil, manageKept(file)...)
	if got := w.file("/etc/a"); got != "meanwhile\n" {
		t.Errorf("/etc/a holds %q", got)
	}
}
