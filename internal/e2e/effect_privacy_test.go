package e2e

import (
	"fmt"
	"strings"
)

const (
	highPrivacy   = "/srv/high_privacy/workspaces"
	mediumPrivacy = "/srv/medium_privacy/workspaces"
)

// proveHighPrivacy makes a workspace as the service does, after manage.
func proveHighPrivacy(e *env, _ people) {
	e.makeWorkspace(highPrivacy)
	e.may("rosalind", "cat "+highPrivacy+"/w/sub/out.csv", "ls "+highPrivacy+"/w")
	e.may("madwort", "cat "+highPrivacy+"/w/sub/out.csv")
	e.mayNot("rosalind", writes(highPrivacy)...)
	e.mayNot("rhea", "cat "+highPrivacy+"/w/sub/out.csv", "ls "+highPrivacy, "ls /srv/high_privacy")
	e.mayNot("nobody", "cat "+highPrivacy+"/w/sub/out.csv", "ls "+highPrivacy, "ls /srv/high_privacy")
}

func proveMediumPrivacy(e *env, _ people) {
	e.makeWorkspace(mediumPrivacy)
	e.may("rhea", "cat "+mediumPrivacy+"/w/sub/out.csv", "ls "+mediumPrivacy+"/w")
	e.may("rosalind", "cat "+mediumPrivacy+"/w/sub/out.csv")
	e.mayNot("rhea", writes(mediumPrivacy)...)
	e.mayNot("nobody", "cat "+mediumPrivacy+"/w/sub/out.csv", "ls "+mediumPrivacy, "ls /srv/medium_privacy")
}

func (e *env) makeWorkspace(top string) {
	e.t.Helper()
	if r := e.runAs("opensafely", "sh", "-c", fmt.Sprintf("cd %s && mkdir -p w/sub && echo patients > w/sub/out.csv", top)); r.code != 0 {
		e.t.Fatalf("cannot make a workspace: %s", r)
	}
}

func writes(top string) []string {
	return []string{
		"echo x >> " + top + "/w/sub/out.csv", "touch " + top + "/w/new", "mkdir " + top + "/new",
		"rm -f " + top + "/w/sub/out.csv", "chmod 777 " + top + "/w", "mv " + top + "/w " + top + "/v",
	}
}

// may and mayNot run commands of the shell as somebody.
func (e *env) may(user string, commands ...string) {
	e.t.Helper()
	for _, c := range commands {
		if r := e.runAs(user, "sh", "-c", c); r.code != 0 {
			e.t.Errorf("%s cannot: %s: %s", user, c, r)
		}
	}
}

func (e *env) mayNot(user string, commands ...string) {
	e.t.Helper()
	for _, c := range commands {
		if r := e.runAs(user, "sh", "-c", c); r.code == 0 || !strings.Contains(r.stderr, "denied") && !strings.Contains(r.stderr, "not permitted") {
			e.t.Errorf("%s can: %s: %s", user, c, r)
		}
	}
}
