package snapshot_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
)

const text = `
release: trixie
users: [{name: alice, uid: 1000, home: /home/alice, shell: /bin/bash, password: set must-change}]
groups: [{name: developers, gid: 2000, members: [alice]}]
files:
  /srv/data: {type: directory, mode: "2750", group: developers, acl: ["user:bob:rwx", "default:group:developers:r-x"]}
  /srv/data/raw: {content: "x", mode: "0600", links: 2}
  /bin/tool: {content: "#!", mode: "0755"}
  /etc/hosts: {type: absent}
  /etc/l: {target: hosts}
packages: {docker.io: installed 20.10 hold, tree: config-files}
units: {docker.service: {active: active, file: enabled}}
docker: {version: "20.10", api: "1.41"}
networks: [{name: n, driver: bridge, subnet: 10.0.0.0/24}]
pending: [{unit: ssh.service, verb: reload, why: test}]
programs: {visudo: BAD}
`

func parse(t *testing.T) (snapshot.State, *snapshot.Reader) {
	t.Helper()
	s, err := snapshot.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s, snapshot.New(s)
}

func TestParse(t *testing.T) {
	t.Parallel()
	_, r := parse(t)
	mask := host.Perm(7)
	n, err := r.Stat("/srv/data")
	if err != nil || n == nil {
		t.Fatal(n, err)
	}
	if n.Access.Mode() != 0o2770 || n.Access.BaseMode() != 0o2750 || *n.Access.Mask != mask || n.Access.Default == nil {
		t.Errorf("access of /srv/data: %s %v", n.Access.Mode(), n.Access.Lines())
	}
	if u, _ := r.User("alice"); u == nil || u.GID != 1000 {
		t.Errorf("user %+v", u)
	}
	if g, _ := r.Group("alice"); g == nil || g.GID != 1000 {
		t.Errorf("own group %+v", g)
	}
	if p, _ := r.Password("alice"); p == nil || *p != (host.Password{State: host.PasswordSet, HasHash: true, MustChange: true, Expires: -1}) {
		t.Errorf("password %+v", p)
	}
	if p, _ := r.Package("docker.io"); p == nil || !p.Hold || p.Version != "20.10" || p.State != host.Installed {
		t.Errorf("package %+v", p)
	}
	if b, err := r.ReadFile("/usr/bin/tool"); string(b) != "#!" || err != nil {
		t.Errorf("file given through a link: %q %v", b, err)
	}
	if b, err := r.ReadFile("/etc/hosts"); b != nil || err != nil {
		t.Errorf("absent file: %q %v", b, err)
	}
	if f, _ := r.Facts(); f.Release != "trixie" || f.Version != "13" {
		t.Errorf("facts %+v", f)
	}
	if _, err := r.Candidate("tree"); !host.IsUnknown(err) {
		t.Errorf("candidate without an index: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"colour: red", "version: 2", "files: {/x: {mode: '9'}}", "files: {/x: {acl: ['bob:rwx']}}",
		"users: [{name: a, uid: 1, password: secret}]",
	} {
		if _, err := snapshot.Parse([]byte(in)); err == nil {
			t.Errorf("Parse(%q) succeeded", in)
		}
	}
}

func TestJSONKeepsAll(t *testing.T) {
	t.Parallel()
	s, _ := parse(t)
	f := s.Files["/srv/data/raw"]
	f.Content = []byte{0xff, 0x00}
	f.Node.Size = 2
	s.Files["/srv/data/raw"] = f
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back snapshot.State
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(data), string(again)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(s.Files["/srv/data"].Node, back.Files["/srv/data"].Node); d != "" {
		t.Error(d)
	}
	if err := json.Unmarshal([]byte(`{"version":2}`), &back); err == nil {
		t.Error("another version was read")
	}
}

// TestPartial shows that what was not recorded is unknown, and what was
// recorded as absent is absent.
func TestPartial(t *testing.T) {
	t.Parallel()
	r := snapshot.New(snapshot.State{Partial: true, Files: map[string]snapshot.File{
		"/etc":   {Node: host.Node{Type: host.TypeDir}, Unread: "not listed"},
		"/etc/a": {},
		"/etc/b": {Node: host.Node{Type: host.TypeFile}, Unread: "too large"},
		"/srv":   {Node: host.Node{Type: host.TypeDir}},
	}})
	for p, unknown := range map[string]bool{"/etc/a": false, "/etc/c": true, "/srv/x": false, "/home": true} {
		if n, err := r.Stat(p); n != nil || host.IsUnknown(err) != unknown {
			t.Errorf("Stat(%s) = %v, %v: want unknown %v", p, n, err, unknown)
		}
	}
	if _, err := r.ReadFile("/etc/b"); !host.IsUnknown(err) {
		t.Errorf("unread content: %v", err)
	}
	if _, err := r.ReadDir("/etc"); !host.IsUnknown(err) {
		t.Errorf("unlisted directory: %v", err)
	}
	for what, err := range map[string]error{
		"user": second(r.User("x")), "password": second(r.Password("x")), "package": second(r.Package("x")),
		"unit": second(r.Unit(t.Context(), "x")), "docker": second(r.Engine(t.Context())), "ranges": second(r.IDRanges()),
	} {
		if !host.IsUnknown(err) {
			t.Errorf("%s: %v, want unknown", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
