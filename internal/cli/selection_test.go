package cli_test

import (
	"strings"
	"testing"
)

// TestEmptyFlags: what a script whose variable is empty asks for is not "everything".
func TestEmptyFlags(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	for _, args := range [][]string{
		{"plan", "--only", ""},
		{"manage", "--only", ""},
		{"manage", "--only="},
		{"manage", "--only", "file", "--only", ""},
		{"manage", "--only", "file,"},
		{"plan", "--skip", ""},
		{"manage", "--skip", ""},
		{"adopt", "--only", ""},
		{"manage", "--plan", ""},
		{"plan", "--out", ""},
		{"plan", "--facts", ""},
		{"access", "--user", ""},
		{"access", "--path", ""},
		{"status", "--output", ""},
		{"adopt", "--only", "user", "--files", ""},
		{"plan", "--backend", ""},
		{"plan", "--dir", ""},
	} {
		w.want(1, nil, []string{"is given without a value"}, args...)
		w.untouched()
	}
	for _, window := range []string{"0s", "0", "-5s", "1ns", "4s"} {
		w.want(1, nil, []string{`for "--confirm" flag: it is too short: at least 5s`}, "manage", "--confirm", window)
		w.want(1, nil, []string{`for "--confirm" flag: it is too short: at least 5s`}, "undo", "1", "--confirm", window)
		w.untouched()
	}
	w.want(1, nil, []string{`for "--confirm" flag`}, "manage", "--confirm", "")
}

// TestSaidTwice: of two values where there is one, neither is passed over.
func TestSaidTwice(t *testing.T) {
	w := newWorld(t, historySpec)
	for _, args := range [][]string{
		{"manage", "--backend", "north", "--backend", "south"},
		{"init", "new", "--person", "alice", "--person", "bob"},
		{"manage", "--confirm", "2m", "--confirm", "10m"},
		{"history", "--limit", "1", "--limit", "2"},
	} {
		w.want(1, nil, []string{"it takes one value, and", "has been said before"}, args...)
		w.untouched()
	}
	w.want(0, nil, nil, "plan", "--backend", "north", "--backend", "north")
}

// TestSelectionOfNothing: it is an error, as a name is that nobody has declared.
func TestSelectionOfNothing(t *testing.T) {
	w := newWorld(t, historySpec)
	w.env["OPSAFE_BACKEND"] = "north"
	for _, command := range []string{"plan", "manage"} {
		w.want(1, nil, []string{"--only file --skip file: nothing is left"}, command, "--only", "file", "--skip", "file")
		w.want(1, nil, []string{"--only directory: nothing is left"}, command, "--only", "directory")
		w.want(1, nil, []string{"--only file//etc/one --skip files: nothing is left"}, command, "--only", "file//etc/one", "--skip", "files")
		w.want(1, nil, []string{"--only file/etc/one: a slash is missing: --only file//etc/one"}, command, "--only", "file/etc/one")
		w.want(1, nil, []string{"--skip files/etc/one: a slash is missing: --skip files//etc/one"}, command, "--skip", "files/etc/one")
		w.untouched()
	}
	w.write("backends/north/backend.yaml", "groups: {team: {}}\n")
	w.want(1, nil, []string{"--only file/etc/motd: a slash is missing: --only file//etc/motd"}, "plan", "--only", "file/etc/motd")
	w.want(1, nil, []string{"--only file/etc/one: a slash is missing"}, "adopt", "--only", "file/etc/one")
}

// TestSelectionLeavesOut: what fails for what the selection leaves out says so, and how
// to choose that, too.
func TestSelectionLeavesOut(t *testing.T) {
	w := newWorld(t, `-- developers.yaml --
{}
-- backends/north/backend.yaml --
description: d
packages: {nginx-light: installed}
users: {site: {home: /srv/site}}
directories: {/srv/site: {owner: site}}
files:
  /srv/site/a: {content: x, owner: site}
  /srv/other/a: {content: x}
units: {nginx.service: {running: true}}
`)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(1, []string{
		"file /srv/site/a", "there is no /srv/site, and --only file leaves out user site and directory /srv/site, which it needs: add --only user/site,directory//srv/site\n",
		"the directory /srv/other does not exist: ",
	}, nil, "plan", "--only", "file", "--full")
	w.want(1, []string{"there is no unit nginx.service, and --only unit leaves out package nginx-light, which it needs: add --only package/nginx-light\n"}, nil, "plan", "--only", "unit", "--full")
	w.want(1, []string{"there is no unit nginx.service, and --skip package leaves out package nginx-light, which it needs: do not skip package/nginx-light\n"}, nil, "plan", "--skip", "package", "--full")
	w.want(1, []string{"the directory /srv/other does not exist: "}, nil, "plan", "--only", "file,user/site,directory//srv/site", "--full")
	if strings.Contains(w.out.String(), "leaves out") {
		t.Errorf("nothing that is needed is left out:\n%s", w.out.String())
	}
}

// TestSelectionFinishes: what dpkg finishes beside the selected packages is in the
// plan, also where the spec declares it and the selection leaves it out.
func TestSelectionFinishes(t *testing.T) {
	const world = `
-- backends/north/backend.yaml --
packages: {jq: installed, tree: installed}
-- host.yaml --
packages: {jq: half-configured 1.6}
candidates: {jq: true, tree: true}
`
	newWorld(t, world).want(0, []string{"finish jq half configured"}, nil, "plan", "--backend", "north", "--only", "package/tree")
	w := newWorld(t, world)
	if w.want(0, []string{"tree"}, nil, "plan", "--backend", "north"); strings.Contains(w.out.String(), "finish jq") {
		t.Errorf("jq is said twice:\n%s", w.out.String())
	}
}
