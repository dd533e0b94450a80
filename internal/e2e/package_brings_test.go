package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// bringingArchive makes an archive of a package that opsafe does not know. It brings a
// user, a unit, a directory and configuration.
const bringingArchive = `set -e
mkdir -p /srv/test && cd /srv/test
d=/tmp/b/webd; rm -rf $d; mkdir -p $d/DEBIAN $d/etc/webd/conf.d $d/etc/default $d/lib/systemd/system
echo x=1 >$d/etc/webd/webd.conf; echo x=1 >$d/etc/default/webd
printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' >$d/lib/systemd/system/webd.service
printf 'Package: webd\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n' >$d/DEBIAN/control
printf '#!/bin/sh\nset -e\ngetent passwd webd >/dev/null || useradd --system --user-group --shell /usr/sbin/nologin webd\nsystemctl daemon-reload\nsystemctl enable --now webd.service\n' >$d/DEBIAN/postinst
chmod 755 $d/DEBIAN/postinst
dpkg-deb -b $d /srv/test/webd_1_all.deb >/dev/null
for f in *.deb; do
  dpkg-deb -f $f; echo "Filename: ./$f"; echo "Size: $(stat -c %s $f)"; echo "SHA256: $(sha256sum $f | cut -d' ' -f1)"; echo
done >Packages
echo 'deb [trusted=yes] file:/srv/test ./' >/etc/apt/sources.list.d/test.list
apt-get -qq update
`

// brought uses what nginx, which opsafe knows, and that package bring, in each way in
// which a spec can.
const brought = `
packages: {nginx: installed, webd: {state: installed, provides: {users: [webd], groups: [webd]}}}
users:
  deployer: {home: /home/deployer, shell: /bin/bash}
  joiner: {groups: [webd]}
acls:
  /etc/nginx/conf.d: {access: ["user:deployer:rwX"], default: ["user:deployer:rwX"], recursive: true}
  /etc/webd/conf.d: {access: ["user:deployer:rwX", "group:webd:rX"], default: ["user:deployer:rwX"], recursive: true}
files:
  /etc/default/webd: {mode: "0600"}
  /etc/webd/conf.d/own.conf: {content: "x\n", owner: webd}
  /etc/when.conf: {content: "x\n", when: path /etc/webd/webd.conf exists}
directories:
  /var/lib/mine: {owner: webd, group: webd}
key_pairs:
  /etc/webd/id: {owner: webd}
units:
  webd.service: {enabled: false, running: false, when: unit webd.service exists}
  nginx.service: {enabled: false, running: false, when: unit nginx.service exists}
`

// TestPackageBrings has the plan say what cannot be known before packages are there,
// and manage do that and nothing that no plan said: also by a plan that is kept.
func TestPackageBrings(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	e.mustRun("sh", "-c", bringingArchive)
	e.labSpec(brought)
	const kept = "/root/kept.plan"
	e.says(0, e.opsafe("plan", "--backend", "lab", "--out", kept),
		"~ /etc/nginx/conf.d user:deployer +rwx",
		"~ nginx.service enabled yes → no · running yes → no",
		"known after apply: whether there is /etc/webd/conf.d, which nginx, webd may bring: say so under provides",
		"known after apply: whether there is /etc/default/webd",
		"known after apply: whether there is /etc/webd/webd.conf",
		"known after apply: whether there is /etc/webd, which",
		"known after apply: whether there is unit webd.service",
		"Plan: 5 to add, 8 to change. 3 unchanged")
	e.brings(e.opsafe("manage", "--plan", kept))
	e.undone()
	e.wantStatus("webd", "")
	e.wantStatus("nginx", "")
	e.brings(e.opsafe("manage", "--backend", "lab"))
}

// brings checks a run that carries out brought.
func (e *env) brings(r result) {
	e.t.Helper()
	e.says(0, r, "Done: 8 added, 5 changed")
	if strings.Contains(r.stdout+r.stderr, "without having been planned") {
		e.t.Errorf("not all of it was planned: %s", r)
	}
	for what, argv := range map[string][]string{
		"u:deployer:rwx": {"getfacl", "-cp", "/etc/webd/conf.d"},
		"600":            {"stat", "-c", "%a", "/etc/default/webd"},
		"webd":           {"stat", "-c", "%U", "/etc/webd/id", "/etc/webd/conf.d/own.conf"},
		"x":              {"cat", "/etc/when.conf"},
		"root:root":      {"stat", "-c", "%U:%G", "/etc/webd"},
	} {
		if got := e.run(argv...).stdout; !strings.Contains(strings.ReplaceAll(got, "user:", "u:"), what) {
			e.t.Errorf("%v: %s, not %s", argv, got, what)
		}
	}
	for _, unit := range []string{"nginx.service", "webd.service"} {
		if got := strings.TrimSpace(e.run("systemctl", "is-enabled", unit).stdout); got != "disabled" {
			e.t.Errorf("%s is %s", unit, got)
		}
	}
	e.settled()
}
