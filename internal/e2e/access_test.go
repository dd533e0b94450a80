package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"opsafe/internal/render"
	"opsafe/internal/testhost"
)

// TestAccess holds what opsafe says of who may do what against what the kernel,
// sudo and sshd do: before and after rights are changed by hand, and what the plan
// says of that.
func TestAccess(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.write(guestPeople, "madwort: {roles: [developers]}\nlucyb: {roles: [reviewers]}\n", 0o644)
	e.mustRun("find", guestRepository+"/keys", "-type", "f", "!", "-name", "madwort", "!", "-name", "lucyb", "-delete")
	k := e.giveKey("madwort")
	e.labSpec(`people: [developers, reviewers]
groups:
  admins: {members: exact}
  reviewers: {members: exact}
roles:
  developers: {groups: [admins], shell: /bin/bash, keys: [repository]}
  reviewers: {groups: [reviewers], shell: /bin/bash, keys: [repository]}
users:
  app: {uid: 4400, home: /home/app}
  kept-out: {uid: 4401, home: /home/kept-out, shell: /bin/bash}
sudoers:
  admins: {content: "%admins ALL=(ALL:ALL) NOPASSWD: ALL\nlucyb ALL=(root) NOPASSWD: /usr/bin/id\n"}
directories:
  /srv/lab: {owner: app, group: reviewers, mode: "0710"}
  /srv/lab/in: {owner: app, group: reviewers, mode: "2770"}
  /srv/lab/closed: {owner: root, group: root, mode: "0700"}
  /srv/lab/closed/open: {owner: root, group: root, mode: "0777"}
  /srv/lab/listed: {owner: root, group: root, mode: "0750"}
  /srv/open: {owner: root, group: root, mode: "0755"}
acls:
  /srv/lab/listed: {access: [user:kept-out:---, user:madwort:rwx, group:reviewers:r-x]}
`)
	predicted := e.accessJSON().Planned
	e.says(0, e.opsafe("manage", "--backend", "lab"),
		"madwort gains login (2 keys) sudo without a password", "lucyb gains login (1 key) sudo for /usr/bin/id", "everybody gains read on /srv/open")
	if diff := cmp.Diff(predicted, e.accessJSON().People); diff != "" {
		t.Errorf("what was predicted, and what came of it (-want +got):\n%s", diff)
	}
	e.provesAccess()
	if r := e.ssh("madwort", k, "sudo", "-n", "true"); r.code != 0 {
		t.Errorf("madwort cannot log in and become root: %s", r)
	}

	for _, argv := range [][]string{
		{"setfacl", "-m", "u:lucyb:rwx,m::r-x", "/srv/lab/listed"},
		{"chmod", "0705", "/srv/lab"},
		{"gpasswd", "-d", "lucyb", "reviewers"},
		{"gpasswd", "-a", "lucyb", "docker"},
	} {
		e.mustRun(argv...)
	}
	e.provesAccess()
	e.says(0, e.opsafe("plan", "--backend", "lab"),
		"lucyb gains group reviewers", "madwort loses read on /srv/lab/listed", "everybody loses read on /srv/lab")
	e.says(0, e.opsafe("access", "--backend", "lab", "--user", "lucyb"), "docker root in effect")
	e.says(0, e.opsafe("access", "--backend", "lab", "--path", "/srv/lab/closed/open"), "anything, as root", "lucyb (docker)", "nothing everybody else, but for root")
}

func (e *env) accessJSON() render.PeopleDoc {
	e.t.Helper()
	var doc render.PeopleDoc
	r := e.opsafe("access", "--backend", "lab", "--format", "json")
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil || r.code != 0 {
		e.t.Fatalf("access: %v: %s", err, r)
	}
	return doc
}

// provesAccess tries, as everybody, what opsafe says that they may do now.
func (e *env) provesAccess() {
	e.t.Helper()
	doc, tried := e.accessJSON(), 0
	for _, p := range doc.People {
		if !p.Account {
			continue
		}
		for _, at := range p.Paths {
			for may, test := range map[string]string{"read": "test -r %[1]s && test -x %[1]s", "write": "test -w %[1]s && test -x %[1]s", "enter": "test -x %[1]s"} {
				says := strings.Contains(strings.Join(at.May, " "), may)
				r := e.runAs(p.Name, "sh", "-c", fmt.Sprintf(test, at.Path))
				if is := r.code == 0; is != says {
					e.t.Errorf("%s may %s %s: opsafe says %v, the kernel %v", p.Name, may, at.Path, says, is)
				}
				tried++
			}
		}
		r := e.runAs(p.Name, "sudo", "-n", "true")
		if is := r.code == 0; is != (p.Sudo.Everything && p.Sudo.Free) {
			e.t.Errorf("sudo of %s: opsafe says %+v, sudo %s", p.Name, p.Sudo, r)
		}
	}
	if tried < 40 {
		e.t.Errorf("only %d rights were tried: %+v", tried, doc.People)
	}
}
