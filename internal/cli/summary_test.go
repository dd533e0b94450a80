package cli_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDeferredRightsAreUnknown: of a path that a package may bring, the summary of who
// gains and loses what says that it cannot be told yet, and no more.
func TestDeferredRightsAreUnknown(t *testing.T) {
	w := newWorld(t, `
-- backends/north/backend.yaml --
packages: {tool: installed}
users: {app: {}}
acls:
  /opt/tool: {access: ["user:app:rwx"]}
-- host.yaml --
candidates: {tool: true}
`)
	doc := w.runDocument("plan", "--backend", "north")
	if doc.Access == nil || !slices.Contains(doc.Access.Unknown, "who may do what at /opt/tool is known after apply") {
		t.Fatalf("it is not said to be unknown: %+v\n%s", doc.Access, w.err.String())
	}
	for _, turn := range doc.Access.Turns {
		if said := strings.Join(append(turn.Gains, turn.Loses...), "\n"); strings.Contains(said, "/opt/tool") {
			t.Errorf("%v: %s", turn.Names, said)
		}
	}
}

// TestTreeRightsAreCounted: what a rule for a tree gives is said of the first path of
// each sort, with how many there are, on the host and by facts.
func TestTreeRightsAreCounted(t *testing.T) {
	w := newWorld(t, `
-- backends/north/backend.yaml --
users: {app: {}, resa: {groups: [readers]}}
groups: {readers: {}}
directories:
  /srv/t: {owner: app, group: readers, mode: "0750", recurse: {group: readers, files: "0660", from: [root, app]}}
-- host.yaml --
users: [{name: resa, uid: 1300, gid: 1300, home: /home/resa, shell: /bin/sh}, {name: app, uid: 1301, gid: 1301, home: /home/app, shell: /usr/sbin/nologin}]
groups: [{name: resa, gid: 1300}, {name: app, gid: 1301}, {name: readers, gid: 1400, members: [resa]}]
files:
  /srv/t: {type: directory, owner: app, group: readers, mode: "0750"}
  /srv/t/a: {owner: app, group: app, mode: "0600", content: "a"}
  /srv/t/b: {owner: app, group: app, mode: "0600", content: "b"}
  /srv/t/c: {owner: app, group: app, mode: "0600", content: "c"}
  /srv/t/d: {owner: app, group: app, mode: "0640", content: "d"}
`)
	file := filepath.Join(t.TempDir(), "facts.json")
	w.want(0, nil, nil, "facts", "--backend", "north", "--out", file)
	w.want(0, []string{"/srv/t\n"}, nil, "access", "--backend", "north", "--path", "/srv/t/")
	for _, args := range [][]string{{"plan"}, {"plan", "--facts", file}, {"access"}} {
		w.want(0, []string{"read and write on /srv/t/a and 2 more in its tree", "read and write on /srv/t/d"}, nil, append(args, "--backend", "north")...)
	}
}
