package cli_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"opsafe/internal/host"
)

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

const aliceKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIInnxGNwLm+7yAqUmsczOoeFNe3vv2uMJKZF74jozzar"

const people = `
-- developers.yaml --
alice: {roles: [developers]}
bob: {roles: [developers]}
-- keys/alice --
` + aliceKey + ` alice@x
-- backends/one/backend.yaml --
people: [developers]
roles:
  developers: {groups: [sudo], shell: /bin/bash, home_mode: "0750", password: set-at-first-login, keys: [repository]}
users:
  svc: {shell: /bin/bash}
-- host.yaml --
users:
  - {name: carol, uid: 1500, home: /home/carol, shell: /bin/zsh, password: set}
groups: [{name: docker, gid: 110, members: [carol]}]
files:
  /etc/opsafe/backend: {content: "one\n"}
  /home/carol: {type: directory, owner: carol, group: carol}
  /home/carol/.ssh: {type: directory, owner: carol, group: carol, mode: "0700"}
  /home/carol/.ssh/authorized_keys2: {owner: carol, group: carol, content: "` + aliceKey + ` carol@x\n"}
`

func TestDisableUser(t *testing.T) {
	w := newWorld(t, people)
	w.env["SUDO_USER"] = "admin"
	w.want(0, nil, nil, "manage")
	if w.file("/home/alice/.ssh/authorized_keys") != aliceKey+" alice@x\n" {
		t.Errorf("alice has %q", w.file("/home/alice/.ssh/authorized_keys"))
	}
	w.want(1, nil, []string{"alice is still listed", "developers.yaml:1:1", "keys/alice"}, "disable-user", "alice")
	w.want(1, nil, []string{"there is no account nobdy"}, "disable-user", "nobdy")
	w.want(1, nil, []string{"system account"}, "disable-user", "daemon")
	w.untouched()

	w.write("developers.yaml", "bob: {roles: [developers]}\n")
	w.write("keys/bob", aliceKey+" second-hand@x\n")
	remove(t, w.dir+"/keys/alice")
	// As of somebody who has been renamed.
	w.want(0, nil, []string{"is listed under another name, too (keys/bob:1): who is called so keeps it"}, "disable-user", "alice", "--plan")
	w.untouched()
	remove(t, w.dir+"/keys/bob")

	w.want(0, []string{"SHA256:", "sudo"}, nil, "disable-user", "alice", "--plan")
	w.untouched()
	w.want(0, []string{"alice has no access to this host any more"}, nil, "disable-user", "alice")
	u, err := w.host.User("alice")
	if err != nil || u.Shell != "/usr/sbin/nologin" {
		t.Errorf("%+v, %v", u, err)
	}
	if p, err := w.host.Password("alice"); err != nil || p.State != host.PasswordLocked || p.HasHash || p.Expires != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if g, err := w.host.Group("sudo"); err != nil || contains(g.Members, "alice") {
		t.Errorf("%+v, %v", g, err)
	}
	if w.file("/home/alice/.ssh/authorized_keys") != "" {
		t.Error("the keys are there")
	}
	w.want(0, []string{"alice has no access to this host, as before."}, nil, "disable-user", "alice")
	w.untouched()

	// The keys are known also after they have gone from the host.
	w.write("keys/bob", aliceKey+" second-hand@x\n")
	w.want(0, []string{"as before"}, []string{"listed under another name, too (keys/bob:1)"}, "disable-user", "alice")
	remove(t, w.dir+"/keys/bob")

	// A later run does not bring them back, though somebody lists them again.
	w.write("developers.yaml", "alice: {roles: [developers]}\nbob: {roles: [developers]}\n")
	w.write("keys/alice", aliceKey+" alice@x\n")
	w.want(0, []string{"Nothing to do."}, []string{"alice is listed (developers.yaml:1:1) but disabled on this host since", "by admin", "sudo opsafe enable-user alice"}, "manage")
	w.untouched()

	w.want(0, []string{"alice can have access again"}, nil, "enable-user", "alice")
	w.want(1, nil, []string{"alice has not been disabled on this host"}, "enable-user", "alice")
	w.want(0, []string{"alice"}, nil, "manage")
	if g, err := w.host.Group("sudo"); err != nil || !contains(g.Members, "alice") {
		t.Errorf("%+v, %v", g, err)
	}
	if u, err := w.host.User("alice"); err != nil || u.Shell != "/bin/bash" {
		t.Errorf("%+v, %v", u, err)
	}
	if p, err := w.host.Password("alice"); err != nil || p.Expires != -1 || !p.MustChange {
		t.Errorf("%+v, %v", p, err)
	}
	if w.file("/home/alice/.ssh/authorized_keys") == "" {
		t.Error("the keys are not there")
	}
}

// TestDisableStranger: an account that opsafe did not make, with what it did not
// grant.
func TestDisableStranger(t *testing.T) {
	w := newWorld(t, people)
	w.want(0, nil, []string{"of carol is listed under another name, too (keys/alice:1)"}, "disable-user", "carol", "--plan")
	w.untouched()
	w.want(0, nil, nil, "disable-user", "carol", "--format", "json")
	doc := w.document()
	if n := len(doc["changes"].([]any)); n < 4 || doc["command"] != "disable-user" {
		t.Errorf("%v", doc)
	}
	if g, err := w.host.Group("docker"); err != nil || len(g.Members) > 0 {
		t.Errorf("%+v, %v", g, err)
	}
	if w.file("/home/carol/.ssh/authorized_keys2") != "" {
		t.Error("authorized_keys2 is there")
	}
	w.want(0, nil, nil, "enable-user", "carol", "--plan")
	w.untouched()
	w.want(0, nil, nil, "enable-user", "carol")
	if u, err := w.host.User("carol"); err != nil || u.Shell != "/bin/zsh" {
		t.Errorf("the shell is %+v, %v", u, err)
	}
}

// TestDisableIncomplete: a run after which somebody keeps access is not recorded as one
// that succeeded, and show names what stayed.
func TestDisableIncomplete(t *testing.T) {
	w := newWorld(t, people+"  /etc/sudoers: {content: \"@includedir /etc/sudoers.d\\n\", mode: \"0440\"}\n  /etc/sudoers.d/both: {content: \"carol, daemon ALL=(ALL) ALL\\n\", mode: \"0440\"}\n")
	w.want(1, []string{"may still have access to this host"}, nil, "disable-user", "carol")
	w.want(0, []string{"incomplete"}, nil, "history")
	const stayed = "/etc/sudoers.d/both:1 is a rule of sudo that names carol: "
	w.want(0, []string{"result   incomplete", "What stayed of their access, or may have:\n  " + stayed}, nil, "show", "1")
	w.want(0, []string{`"result": "incomplete"`, stayed}, nil, "show", "1", "--format", "json")
	w.document()
	w.want(0, []string{"- /var/lib/opsafe/disabled/carol"}, nil, "undo", "1", "--plan")
	if got := w.out.String(); strings.Contains(got, "format_version") {
		t.Errorf("what opsafe has noted is shown as people's text:\n%s", got)
	}
	w.want(0, nil, nil, "undo", "1")
	w.want(0, []string{"incomplete, undone by 2"}, nil, "show", "1")
}

// TestDisableLinked: nobody keeps their access by hiding their keys behind a link.
func TestDisableLinked(t *testing.T) {
	w := newWorld(t, `
-- backends/one/backend.yaml --
files: {}
-- host.yaml --
users:
  - {name: dave, uid: 1501, home: /home/dave, shell: /bin/bash, password: set}
files:
  /home/dave: {type: directory, owner: dave, group: dave}
  /home/dave/.ssh: {target: /srv/keys, owner: dave, group: dave}
  /srv/keys/authorized_keys: {owner: dave, content: "`+aliceKey+` dave@x\n"}
`)
	// A host that has been written to resolves links as the real one does.
	step := host.WriteFile{Path: "/etc/x", Owner: "root", Group: "root", Access: host.AccessOf(0o644)}
	if err := w.host.Do(context.Background(), step); err != nil {
		t.Fatal(err)
	}
	w.want(0, []string{"dave has no access"}, []string{"not all keys of dave could be read"}, "disable-user", "dave")
	if n, err := w.host.Stat("/home/dave/.ssh"); err != nil || n != nil {
		t.Errorf("the link is there: %+v, %v", n, err)
	}
	w.want(0, []string{"as before"}, nil, "disable-user", "dave")
}

// TestDisableBrokenSpec: a mistake elsewhere in the spec does not leave somebody
// their access.
func TestDisableBrokenSpec(t *testing.T) {
	w := newWorld(t, people)
	w.want(0, nil, nil, "manage")
	w.write("backends/one/backend.yaml", "people: [developers]\nnonsense: 1\nusers:\n  svc: {groups: [alice-friends]}\n")
	refused := func(at ...string) {
		t.Helper()
		w.want(1, nil, append(at, "may still list alice", "nonsense"), "disable-user", "alice")
		w.untouched()
	}
	refused("developers.yaml:1:1", "keys/alice")
	remove(t, w.dir+"/keys/alice")
	refused("developers.yaml:1:1")
	w.write("developers.yaml", "{bob: {roles: [developers]}, \"alice\": {roles: [developers]}}\n")
	refused("developers.yaml:1:30")
	w.write("developers.yaml", "bob: {roles: [developers\nalice: {}\n")
	refused("developers.yaml:2:1")
	w.write("keys/github.lock", "# keys\nalice: []\n")
	w.write("developers.yaml", "bob: {roles: [developers]}\n")
	refused("keys/github.lock:2:1")
	remove(t, w.dir+"/keys/github.lock")
	w.write("developers.yaml", "# alice has left\nbob: {roles: [developers]}\n")
	w.write("backends/more/part.yaml", "acls:\n  /srv: {entries: [user:alice:rwx]}\n")
	refused("backends/more/part.yaml:2:20")
	w.write("backends/more/part.yaml", "authorized_keys:\n  svc: {people: [bob, alice]}\n")
	refused("backends/more/part.yaml:2:23")
	// A word is no place that lists anybody.
	w.write("backends/more/part.yaml", "description: alice's own\nacls:\n  /srv/alice: {entries: [user:alice2:rwx]}\n")
	chmod(t, w.dir+"/keys", 0o777)
	w.want(1, nil, []string{"others than root can write it"}, "disable-user", "alice")
	chmod(t, w.dir+"/keys", 0o755)
	w.want(0, []string{"alice has no access to this host any more"}, []string{"note: the spec cannot be loaded", "nonsense"}, "disable-user", "alice")
	if u, err := w.host.User("alice"); err != nil || u.Shell != "/usr/sbin/nologin" {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestCompleteAccounts(t *testing.T) {
	w := newWorld(t, people)
	w.want(0, []string{"carol\n"}, nil, "__complete", "disable-user", "")
	if contains([]string{w.out.String()}, "root\n") {
		t.Error("root can be disabled")
	}
}

func contains(list []string, s string) bool {
	for _, m := range list {
		if m == s {
			return true
		}
	}
	return false
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
