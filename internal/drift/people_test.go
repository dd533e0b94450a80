package drift_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/drift"
	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// TestPasswordsOffList: for an account with a password that is on no list the command
// is named that works for it: disable-user refuses accounts of the system.
func TestPasswordsOffList(t *testing.T) {
	state, err := snapshot.Parse([]byte(`
users:
  - {name: root, uid: 0, home: /root, shell: /bin/bash, password: set}
  - {name: p9, uid: 0, home: /root, shell: /bin/bash, password: set}
  - {name: backup, uid: 34, home: /var/backups, shell: /bin/sh, password: set}
  - {name: eve, uid: 1300, home: /home/eve, shell: /bin/sh, password: set}
  - {name: adam, uid: 1301, home: /home/adam, shell: /bin/sh, password: locked}
`))
	if err != nil {
		t.Fatal(err)
	}
	in := &kind.Input{Backend: &spec.Backend{}, Repo: &spec.Repository{}}
	found, _, err := drift.Find(t.Context(), snapshot.New(state), in, at(12))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range found {
		if o.Category == drift.Password {
			got = append(got, o.Name+": "+o.Way)
		}
	}
	if want := []string{"backup: usermod --lock --expiredate 1970-01-02 backup", "eve: opsafe disable-user eve", "p9: usermod --lock --expiredate 1970-01-02 p9"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestKeysUntold: keys that somebody hides behind a link are something on no list, once
// for each account, and not what nobody could look for.
func TestKeysUntold(t *testing.T) {
	state, err := snapshot.Parse([]byte(`
users:
  - {name: eve, uid: 1300, home: /home/eve, shell: /bin/sh, password: locked}
files:
  /home/eve/.ssh/authorized_keys: {target: /srv/keys}
  /home/eve/.ssh/authorized_keys2: {target: /srv/keys}
`))
	if err != nil {
		t.Fatal(err)
	}
	in := &kind.Input{Backend: &spec.Backend{}, Repo: &spec.Repository{}}
	found, unknown, err := drift.Find(t.Context(), snapshot.New(state), in, at(12))
	if err != nil || len(unknown) > 0 || len(found) != 1 || found[0].String() != "key/eve" || found[0].Way == "" {
		t.Errorf("got %+v, unknown %q, %v", found, unknown, err)
	}
}

// TestLeavers: whoever is on no list and has rights is named, however they come by them,
// and an account of the system with a way in.
func TestLeavers(t *testing.T) {
	state, err := snapshot.Parse([]byte(`
users:
  - {name: root, uid: 0, home: /root, shell: /bin/bash, password: set}
  - {name: p9, uid: 0, home: /root, shell: /bin/bash, password: set}
  - {name: syslog, uid: 104, home: /nonexistent, shell: /usr/sbin/nologin, password: set}
  - {name: postgres, uid: 105, home: /var/lib/postgresql, shell: /bin/bash}
  - {name: eve, uid: 1300, gid: 110, home: /home/eve, shell: /bin/sh}
  - {name: tim, uid: 1301, home: /home/tim, shell: /bin/sh}
  - {name: adam, uid: 1302, home: /home/adam, shell: /bin/sh}
groups:
  - {name: docker, gid: 110}
  - {name: adm, gid: 4, members: [syslog, postgres]}
  - {name: tim, gid: 1301}
  - {name: adam, gid: 1302}
files:
  /etc/sudoers: {content: "@includedir /etc/sudoers.d\n"}
  /etc/sudoers.d/tim: {content: "%tim ALL=(ALL) ALL\n"}
`))
	if err != nil {
		t.Fatal(err)
	}
	in := &kind.Input{Backend: &spec.Backend{}, Repo: &spec.Repository{}}
	var got []string
	for _, l := range drift.Leavers(snapshot.New(state), in, at(12)) {
		got = append(got, l.Name+" keeps "+words.And(l.Has)+": "+l.Way)
	}
	want := []string{
		"p9 keeps a password: usermod --lock --expiredate 1970-01-02 p9",
		"eve keeps docker: opsafe disable-user eve",
		"tim keeps rules of sudo: opsafe disable-user tim",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRootUnlisted: who has an account by a list, and is root by a group that no list gives
// them any more, is named by each run and by status; who is given the group is not.
func TestRootUnlisted(t *testing.T) {
	state, err := snapshot.Parse([]byte(`
users:
  - {name: alice, uid: 1300, gid: 1300, home: /home/alice, shell: /bin/sh}
  - {name: app, uid: 1301, gid: 110, home: /home/app, shell: /bin/sh}
  - {name: ops, uid: 1302, gid: 1302, home: /home/ops, shell: /bin/sh}
  - {name: bob, uid: 1303, gid: 1303, home: /home/bob, shell: /bin/sh}
groups:
  - {name: sudo, gid: 27, members: [alice, bob]}
  - {name: adm, gid: 4, members: [alice]}
  - {name: docker, gid: 110}
  - {name: disk, gid: 6, members: [ops]}
  - {name: web, gid: 900, members: [alice, app]}
`))
	if err != nil {
		t.Fatal(err)
	}
	account := func(groups ...string) *spec.User { return &spec.User{Groups: groups} }
	in := &kind.Input{Repo: &spec.Repository{}, Backend: &spec.Backend{
		Users:     map[string]*spec.User{"alice": account("web"), "app": account(), "ops": account("disk"), "bob": account()},
		LeftAlone: []string{"users/bob"},
	}}
	var left []string
	for _, l := range drift.Leavers(snapshot.New(state), in, at(12)) {
		left = append(left, l.Name+" "+words.And(l.Has)+": "+l.Way)
	}
	if want := []string{"alice sudo: opsafe prune member/sudo/alice", "app docker: usermod --gid GROUP app"}; !slices.Equal(left, want) {
		t.Errorf("got %q, want %q", left, want)
	}
	found, _, err := drift.Find(t.Context(), snapshot.New(state), in, at(12))
	var names []string
	for _, o := range found {
		names = append(names, o.String())
	}
	if want := []string{"member/docker/app", "member/sudo/alice", "member/web/app"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got %q, %v, want %q", names, err, want)
	}
}

// TestManyLeavers: groups, with their members, are not gone through anew for each of them. On a
// host with 200 of them and 1,200 accounts a run took 20 s.
func TestManyLeavers(t *testing.T) {
	asked := func(leavers int) int {
		state := snapshot.State{Groups: []host.Group{{Name: "docker", GID: 110}}}
		for i := range leavers {
			name := fmt.Sprintf("p%d", i)
			state.Users = append(state.Users, host.User{Name: name, UID: 2000 + i, GID: 110, Home: "/home/" + name, Shell: "/bin/sh"})
		}
		r := &countingReader{Reader: snapshot.New(state)}
		in := &kind.Input{Backend: &spec.Backend{}, Repo: &spec.Repository{}}
		if got := drift.Leavers(r, in, at(12)); len(got) != leavers {
			t.Errorf("%d of %d leavers", len(got), leavers)
		}
		return r.lists
	}
	if one, many := asked(1), asked(50); many > one {
		t.Errorf("all groups are listed %d times for one leaver, and %d times for 50", one, many)
	}
}

// countingReader counts how often all groups are asked for.
type countingReader struct {
	host.Reader
	lists int
}

func (r *countingReader) Groups() ([]host.Group, error) { r.lists++; return r.Reader.Groups() }

// TestOpenToOthers: paths of root's that others can write, and hashes that others can read, are
// named with who can, unless the spec says who may; so are who has root's number, and
// whom a rule of sudo names.
func TestOpenToOthers(t *testing.T) {
	state, err := snapshot.Parse([]byte(`
users:
  - {name: toor, uid: 0, gid: 0, home: /root, shell: /bin/sh}
  - {name: eve, uid: 1300, gid: 1300, home: /home/eve, shell: /bin/sh}
groups: [{name: eve, gid: 1300}, {name: staff, gid: 50}, {name: docker, gid: 110}]
files:
  /etc/passwd: {mode: "0666"}
  /etc/shadow: {mode: "0644", group: shadow}
  /etc/gshadow: {mode: "0640", group: shadow}
  /etc/crontab: {owner: eve}
  /etc/cron.d: {type: directory, mode: "0775", group: eve}
  /etc/profile.d: {type: directory, mode: "0777"}
  /etc/apt: {type: directory, mode: "0777"}
  /usr/local/bin: {type: directory, mode: "2775", group: staff}
  /etc/sudoers: {mode: "0440", content: "eve ALL=(ALL) ALL\n"}
  /run/docker.sock: {type: other, mode: "0666", group: docker}
`))
	if err != nil {
		t.Fatal(err)
	}
	b := &spec.Backend{Directories: map[string]*spec.Directory{"/etc/apt": {}}}
	found, _, err := drift.Find(t.Context(), snapshot.New(state), &kind.Input{Backend: b, Repo: &spec.Repository{}}, at(12))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range found {
		if slices.Contains([]drift.Category{drift.Open, drift.Root, drift.Sudo}, o.Category) {
			got = append(got, o.String()+": "+o.What+": "+o.Way)
		}
	}
	want := []string{
		"root/toor: toor has the number 0: whoever gets in so is root: usermod --uid NUMBER toor, or userdel --force toor",
		"sudo/eve: a rule of sudo names eve, who is on no list: opsafe disable-user eve",
		"open//etc/cron.d: the group eve can write it, and become root by it: chmod go-w /etc/cron.d",
		"open//etc/crontab: eve can write it, and become root by it: chown root /etc/crontab; chmod go-w /etc/crontab",
		"open//etc/passwd: everybody can write it, and become root by it: chmod go-w /etc/passwd",
		"open//etc/profile.d: everybody can write it, and become root by it: chmod go-w /etc/profile.d",
		"open//etc/shadow: everybody can read the hashes of passwords in it: chown root:shadow /etc/shadow; chmod 0640 /etc/shadow",
		"open//run/docker.sock: everybody can write it, and become root by it: see which unit opens it so, and restart that",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
