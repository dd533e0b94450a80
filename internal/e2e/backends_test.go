package e2e

import (
	"fmt"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestLackingPackages converges a host that only verifies packages, and lacks them:
// people and directories come all the same.
func TestLackingPackages(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	r := e.opsafe("manage", "--backend", "emis", "--format", "json")
	doc := document(t, r)
	for _, f := range doc.Failed {
		switch f.Kind {
		case "user", "key", "directory", "acl", "password", "sudoers", "sshd":
			t.Errorf("%s/%s: %s%s", f.Kind, f.Name, f.Error, f.Reason)
		}
	}
	if r.code != 1 {
		t.Errorf("exit code %d, though packages are missing", r.code)
	}
	if groups := e.mustRun("id", "-nG", "madwort"); !strings.Contains(groups, "sudo") || strings.Contains(groups, "docker") {
		t.Errorf("madwort is in %s", groups)
	}
	e.mustRun("test", "-d", "/srv/high_privacy/workspaces")
	e.mustRun("groupadd", "--system", "docker")
	if again := e.opsafe("manage", "--backend", "emis", "--only", "group"); again.code != 0 {
		t.Error(again)
	}
	if groups := e.mustRun("id", "-nG", "madwort"); !strings.Contains(groups, "docker") {
		t.Errorf("with the group there, madwort is in %s", groups)
	}
}

// TestUnreachedKeyServer brings up a host that cannot ask the server that its spec
// names: who has a key in keys/ gets it, and who has none, no empty password.
func TestUnreachedKeyServer(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.labSpec("people: [labs]\nroles:\n  labs: {groups: [sudo], shell: /bin/bash, password: set-at-first-login, keys: [repository, github]}\n" +
		"keys: {github: {url: \"http://127.0.0.1:9\", mode: live, trust: live}}\n")
	e.write(guestPeople, "madwort: {roles: [labs]}\nnobodyskey: {roles: [labs]}\n", 0o644)
	e.mustRun("sh", "-c", "cd "+guestRepository+"/keys && ls | grep -vx madwort | xargs rm -f")
	r := e.opsafe("manage", "--backend", "lab")
	if r.code != 1 || !strings.Contains(r.stdout+r.stderr, "127.0.0.1:9") {
		t.Errorf("it does not say that the server was not reached: %s", r)
	}
	if keys := e.read("/home/madwort/.ssh/authorized_keys"); !strings.HasPrefix(keys, "ssh-") {
		t.Errorf("madwort has %q", keys)
	}
	if state := e.mustRun("passwd", "-S", "nobodyskey"); !strings.Contains(state, " L ") {
		t.Errorf("who has no key has a password: %s", state)
	}
	e.write(guestRepository+"/keys/madwort", "", 0o644)
	e.mustRun("rm", "-rf", "/home/madwort/.ssh")
	r = e.opsafe("plan", "--backend", "lab")
	if !strings.Contains(r.stdout, "the key server could not be asked") || !strings.Contains(r.stdout, "keys/NAME") {
		t.Errorf("the guard does not name the cause: %s", r)
	}
}

// TestSwitch makes a host another backend's: what only the former one declares is
// named, goes if that is agreed to, and comes back by undo.
func TestSwitch(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.opsafe("bootstrap", "test")
	e.manageJSON("test")
	named := []string{"unit/airlock_runjobs.timer", "unit/collector.service", "sudoers/opensafely-airlock", "directory//home/opensafely/airlock"}
	r := e.opsafe("bootstrap", "emis", "--switch")
	for _, what := range named {
		if !strings.Contains(r.stderr, what) {
			t.Errorf("%s is not named: %s", what, r)
		}
	}
	e.mustRun("systemctl", "is-active", "airlock_runjobs.timer")
	e.opsafe("bootstrap", "test", "--switch")
	if r = e.opsafe("bootstrap", "emis", "--switch", "--prune"); r.code != 0 || !strings.Contains(r.stdout, "airlock_runjobs.timer") {
		t.Error(r)
	}
	if r := e.run("systemctl", "is-active", "airlock_runjobs.timer"); r.code == 0 {
		t.Error("airlock_runjobs.timer fires still")
	}
	if r := e.run("test", "-e", "/etc/systemd/system/collector.service"); r.code == 0 {
		t.Error("collector.service is there still")
	}
	if r := e.opsafe("undo", "5"); r.code != 0 {
		t.Error(r)
	}
	e.mustRun("systemctl", "is-active", "airlock_runjobs.timer")
}

// TestEnv gives a command hostile and odd values, as systemd would; nothing of them is
// run. As root it takes none from another account.
func TestEnv(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("useradd", "--create-home", "app")
	e.mustRun("mkdir", "-p", "/root/config", "/home/app/config")
	// No comment ends with a backslash: what that means has changed in systemd 254.
	layers := map[string]string{
		"01_defaults": "# c\n; d\nA=1\nADDRESSES=10.0.0.1 10.0.0.2\nQ=\"a b $HOME \\$x `id`\"\nS='it\\ \"x\" $(id)'\n",
		"02_secrets":  "URL=mssql://u:pa$HOME;touch /root/executed;x@db/X\nT=  lead and trail  \nE=\nBS=a\\b\\\\c\nH=a#b # c\nM=x\"y\"z\nbad line\n1X=no\nexport X=no\nL=\"two\nlines\" 'and'\n",
		"03_backend":  "A=2\nC=a\\\n  b\n", "04_local": "A=3",
	}
	argv := []string{"systemd-run", "--quiet", "--pipe", "--wait"}
	var roots, apps []string
	for _, name := range []string{"01_defaults", "02_secrets", "03_backend", "04_local"} {
		root, app := "/root/config/"+name+".env", "/home/app/config/"+name+".env"
		roots, apps = append(roots, root), append(apps, app)
		e.write(root, layers[name], 0o600)
		e.write(app, layers[name], 0o600)
		argv = append(argv, "--property=EnvironmentFile="+root)
	}
	e.mustRun("chown", "-R", "app:", "/home/app/config")
	e.lab(0, fmt.Sprintf("environments:\n  lab: {files: [%s], required: [URL]}\n  app: {files: [%s]}\n", strings.Join(roots, ", "), strings.Join(apps, ", ")))
	const show = `for v in A ADDRESSES Q S URL T E BS H M L C X; do printf '%s=[%s]\n' "$v" "${!v}"; done`
	e.write("/tmp/show.sh", show+"\n", 0o644)
	want := e.mustRun(append(argv, "bash", "/tmp/show.sh")...)
	if got := e.mustRun(guestBinary, "env", "lab", "--", "bash", "/tmp/show.sh"); got != want || !strings.Contains(got, "A=[3]") {
		t.Errorf("systemd has\n%s\nopsafe env\n%s", want, got)
	}
	if got := e.runAs("app", guestBinary, "env", "app", "--", "bash", "/tmp/show.sh"); strings.TrimSpace(got.stdout) != strings.TrimSpace(want) {
		t.Errorf("systemd has\n%s\nopsafe env as app\n%s", want, got)
	}
	e.says(1, e.run(guestBinary, "env", "app", "--", "bash", "/tmp/show.sh"), "/home/app/config/01_defaults.env is app's", "run this as app")
	e.says(1, e.runAs("app", guestBinary, "env", "lab", "--", "bash", "/tmp/show.sh"), "content of /root/config/02_secrets.env", "permission denied")
	if e.exists("/root/executed") {
		t.Error("a value was run")
	}
}
