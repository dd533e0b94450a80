package cli_test

import (
	"strings"
	"testing"
)

// TestAccessAwaits: who is to be given a password is known by that, until they have one.
func TestAccessAwaits(t *testing.T) {
	w := newWorld(t, `
-- developers.yaml --
rhea: {roles: [reviewers]}
ruth: {roles: [reviewers]}
-- backends/one/backend.yaml --
people: [reviewers]
roles: {reviewers: {shell: /bin/bash, password: set-by-admin, keys: []}}
-- host.yaml --
groups: [{name: rhea, gid: 1001}, {name: ruth, gid: 1002}]
users:
  - {name: rhea, uid: 1001, home: /home/rhea, password: locked}
  - {name: ruth, uid: 1002, home: /home/ruth, password: set must-change}
`)
	w.want(0, []string{"  password    to be set by an administrator: passwd rhea\n"}, nil, "access", "--backend", "one", "--user", "rhea")
	w.want(0, []string{"\n      password to be set by an administrator\n"}, nil, "access", "--backend", "one")
	w.run("access", "--backend", "one", "--format", "json")
	for _, p := range w.document()["people"].([]any) {
		p := p.(map[string]any)
		if is, _ := p["password_to_be_set_by_administrator"].(bool); is != (p["name"] == "rhea") {
			t.Errorf("%v: %v", p["name"], is)
		}
	}
}

// TestAccessPaths: without being asked for any, access says who may do what at the paths
// that the spec rules; asked for some, it is about all accounts, and the document says so.
func TestAccessPaths(t *testing.T) {
	w := newWorld(t, `
-- developers.yaml --
{}
-- backends/one/backend.yaml --
users: {app: {uid: 1001, home: /home/app, shell: /bin/sh}}
directories:
  /srv/data: {owner: app, group: app, mode: "0750"}
  /srv/open: {owner: app, group: app, mode: "0755"}
  /srv/none: {}
-- host.yaml --
groups: [{name: app, gid: 1001}, {name: games, gid: 60}]
users:
  - {name: app, uid: 1001, home: /home/app, shell: /bin/sh, password: locked}
  - {name: games, uid: 60, gid: 60, home: /usr/games, shell: /usr/sbin/nologin, password: locked}
files:
  /srv/data: {type: directory, owner: app, group: app, mode: "0750"}
  /srv/open: {type: directory, owner: app, group: app, mode: "0755"}
`)
	w.want(0, []string{
		"\npaths that the spec names, now\n",
		"  /srv/data                          app: read, write, enter\n",
		"  /srv/open                          app: read, write, enter\n      everybody: read, enter\n",
	}, nil, "access", "--backend", "one")
	if strings.Contains(w.out.String(), "/srv/none") && !strings.Contains(w.out.String(), "gains read on /srv/none") {
		t.Errorf("a path that is not there is listed:\n%s", w.out.String())
	}
	w.want(0, nil, nil, "access", "--backend", "one", "--format", "json")
	if _, asked := w.document()["asked_paths"]; asked {
		t.Error("no paths were asked for")
	}
	w.want(0, nil, nil, "access", "--backend", "one", "--path", "/srv/data/", "--format", "json")
	doc := w.document()
	if paths, _ := doc["asked_paths"].([]any); len(paths) != 1 || paths[0] != "/srv/data" {
		t.Errorf("asked for were %v", paths)
	}
	found := false
	for _, p := range doc["people"].([]any) {
		found = found || p.(map[string]any)["name"] == "games"
	}
	if !found {
		t.Error("not all accounts are in it")
	}
}
