package adopt_test

import (
	"slices"
	"strings"
	"testing"

	"opsafe/internal/adopt"
	"opsafe/internal/change"
	"opsafe/internal/host/snapshot"
)

// server is a host that somebody has set up by hand.
const server = `
users:
  - {name: app, uid: 1500, gid: 1500, home: /srv/app, shell: /usr/sbin/nologin}
groups:
  - {name: app, gid: 1500}
  - {name: ops, gid: 1600}
files:
  /srv/app: {type: directory, mode: "0750", owner: app, group: app}
  /etc/motd: {content: "welcome\n", group: ops}
  /etc/app.key: {content: "canary\n", mode: "0600"}
  /srv/closed: {type: directory, mode: "0700"}
  /srv/closed/open: {content: "canary\n"}
  /srv/closed/link: {type: symlink, target: /srv/canary}
`

func take(t *testing.T, o adopt.Options, wanted ...string) (*adopt.Fragment, string, error) {
	t.Helper()
	state, err := snapshot.Parse([]byte(server))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wanted {
		kind, name, _ := strings.Cut(w, "/")
		o.Wanted = append(o.Wanted, change.ID{Kind: kind, Name: name})
	}
	f, missing := adopt.Take(t.Context(), snapshot.New(state), o)
	if f == nil {
		return nil, "", missing
	}
	text, err := f.YAML()
	if err != nil {
		t.Fatal(err)
	}
	return f, text, missing
}

// TestTake: what is named is written as a spec has it, and refers to users and groups
// that have to be declared, too: a user's own group comes with the user.
func TestTake(t *testing.T) {
	f, text, err := take(t, adopt.Options{}, "directory//srv/app", "file//etc/motd")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"directories:", "/srv/app:", `mode: "0750"`, "owner: app", "/etc/motd:", "welcome"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	if users, groups := f.Needs(); !slices.Equal(users, []string{"app"}) || !slices.Equal(groups, []string{"ops"}) {
		t.Errorf("it needs the users %q and the groups %q", users, groups)
	}
	for i, line := range strings.Split(text, "\n") {
		if strings.Contains(line, "welcome") {
			if item := f.At(text, i+1); item == nil || !slices.Equal(item.Path, []string{"files", "/etc/motd"}) {
				t.Errorf("line %d belongs to %+v", i+1, item)
			}
		}
	}
	if dropped := f.Drop([]string{"files", "/etc/motd"}); len(dropped) != 1 {
		t.Errorf("%d items are dropped", len(dropped))
	}
	if rest, err := f.YAML(); err != nil || strings.Contains(rest, "motd") || !strings.Contains(rest, "/srv/app") {
		t.Errorf("after that it is, %v:\n%s", err, rest)
	}
}

// TestPrivate: the content of a file that not everybody may read stays on the host
// unless it is asked for by name.
func TestPrivate(t *testing.T) {
	for _, at := range []string{"/etc/app.key", "/srv/closed/open", "/srv/closed/link"} {
		if _, text, _ := take(t, adopt.Options{}, "file/"+at); strings.Contains(text, "canary") {
			t.Errorf("of %s, it has what is secret:\n%s", at, text)
		}
		if _, text, err := take(t, adopt.Options{Open: []string{at}}, "file/"+at); err != nil || !strings.Contains(text, "canary") {
			t.Errorf("%s is asked for by name, %v:\n%s", at, err, text)
		}
	}
	_, text, err := take(t, adopt.Options{Open: []string{"/etc/app.key"}}, "file//etc/app.key")
	if err != nil || !strings.Contains(text, "canary") || !strings.Contains(text, "secret: true") {
		t.Errorf("asked for by name, it is, %v:\n%s", err, text)
	}
	f, text, err := take(t, adopt.Options{Open: []string{"/etc/app.key"}, Beside: "files"}, "file//etc/app.key")
	if err != nil || strings.Contains(text, "canary") {
		t.Errorf("the content is to lie beside the spec, %v:\n%s", err, text)
	}
	for name, c := range f.Files {
		if !c.Secret || string(c.Data) != "canary\n" {
			t.Errorf("beside the spec, %s is %+v", name, c)
		}
	}
	if len(f.Files) != 1 {
		t.Errorf("%d files lie beside the spec", len(f.Files))
	}
}

// TestMissing: what is asked for by name and is not there is an error, and the rest is
// taken all the same.
func TestMissing(t *testing.T) {
	_, text, err := take(t, adopt.Options{}, "file//etc/none", "file//etc/motd")
	if err == nil || !strings.Contains(err.Error(), "/etc/none") {
		t.Errorf("/etc/none: %v", err)
	}
	if !strings.Contains(text, "/etc/motd") {
		t.Errorf("the rest is not there:\n%s", text)
	}
	if _, _, err := take(t, adopt.Options{}, "file"); err == nil {
		t.Error("all files of the host are taken")
	}
	if f, _, err := take(t, adopt.Options{}, "nonsense"); f != nil || err == nil {
		t.Error("there is a kind nonsense")
	}
}

// TestBrought: what packages bring that are taken need not be declared.
func TestBrought(t *testing.T) {
	state, err := snapshot.Parse([]byte(`
groups: [{name: docker, gid: 110}, {name: _chrony, gid: 111}]
users: [{name: _chrony, uid: 111, gid: 111, home: /var/lib/chrony, shell: /usr/sbin/nologin}]
packages: {docker.io: installed, chrony: installed}
files:
  /srv/docker: {type: directory, group: docker}
  /srv/clock: {type: directory, owner: _chrony}
`))
	if err != nil {
		t.Fatal(err)
	}
	dirs := []change.ID{{Kind: "directory", Name: "/srv/docker"}, {Kind: "directory", Name: "/srv/clock"}}
	for _, tt := range []struct {
		with          []change.ID
		users, groups []string
	}{
		{nil, []string{"_chrony"}, []string{"docker"}},
		{[]change.ID{{Kind: "package", Name: "docker.io"}}, []string{"_chrony"}, nil},
		{[]change.ID{{Kind: "docker"}, {Kind: "chrony"}}, nil, nil},
	} {
		f, err := adopt.Take(t.Context(), snapshot.New(state), adopt.Options{Wanted: slices.Concat(dirs, tt.with)})
		if err != nil {
			t.Fatal(err)
		}
		if users, groups := f.Needs(); !slices.Equal(users, tt.users) || !slices.Equal(groups, tt.groups) {
			t.Errorf("with %v, it needs the users %q and the groups %q", tt.with, users, groups)
		}
	}
}
