package drift_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/drift"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
	"opsafe/internal/kind/docker"
	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// strewn is a host on which each kind has something that it knows and something that it
// does not.
const strewn = `
groups:
  - {name: ops, gid: 1600, members: [eve]}
users:
  - {name: eve, uid: 1500, gid: 1500, home: /home/eve, shell: /bin/bash}
docker: {version: "27.0", api: "1.46"}
networks:
  - {name: bridge, driver: bridge}
  - {name: declared, driver: bridge}
  - {name: left, driver: bridge}
  - {name: used, driver: bridge, containers: [web]}
containers:
  - {name: web, image: "web:1", state: running}
unpacked:
  former: [{archive: {name: former, path: /opt/former-1, mode: 0o755}}]
  venv:former: [{archive: {name: "venv:former", path: /opt/venv, mode: 0o755}}]
files:
  /etc/sudoers.d/declared: {content: "%ops ALL=(ALL:ALL) ALL\n"}
  /etc/sudoers.d/left: {content: "eve ALL=(ALL:ALL) ALL\n"}
  /etc/sudoers.d/link: {type: symlink, target: /tmp/rules}
  /etc/sudoers.d/comments: {content: "# nothing\n"}
  /etc/sudoers.d/not.read: {content: "eve ALL=(ALL:ALL) ALL\n"}
  /etc/sudoers.d/kept: {content: "eve ALL=(ALL:ALL) ALL\n"}
  /etc/sudoers.d/packaged: {content: "eve ALL=(ALL:ALL) ALL\n"}
  /var/lib/dpkg/info/tool.list: {content: "/.\n/etc/sudoers.d/packaged\n/etc/cron.d/of-package\n"}
  /etc/ssh/sshd_config.d/left.conf: {content: "PermitRootLogin yes\n"}
  /usr/local/share/ca-certificates: {type: directory}
  /usr/local/share/ca-certificates/left.crt: {content: "x"}
  /usr/local/share/ca-certificates/corp: {type: directory}
  /usr/local/share/ca-certificates/corp/old/left.crt: {content: "x"}
  /usr/local/share/ca-certificates/more: {type: symlink, target: /srv/more}
  /srv/more: {type: directory}
  /usr/local/share/ca-certificates/left.txt: {content: "x"}
  /usr/local/share/ca-certificates/web.crt: {content: "x"}
  /etc/sysctl.d/net.ipv4.ip_forward.conf: {content: "net.ipv4.ip_forward = 1\n"}
  /etc/sysctl.d/60-adopted.conf: {content: "kernel.panic = 5\nvm.swappiness = 10\n"}
  /etc/sysctl.d/61-other.conf: {content: "vm.swappiness = 20\n"}
  /etc/systemd/system/declared.service: {content: "[Service]\nExecStart=/bin/true\n"}
  /etc/systemd/system/left.service: {content: "[Service]\nExecStart=/bin/true\n"}
  /etc/systemd/system/kept.service: {content: "[Service]\nExecStart=/bin/true\n"}
  /etc/systemd/system/alias.service: {type: symlink, target: /lib/systemd/system/ssh.service}
  /etc/systemd/system/elsewhere.service: {type: symlink, target: /home/eve/elsewhere.service}
  /etc/systemd/system/declared.service.d/known.conf: {content: "[Service]\nNice=1\n"}
  /etc/systemd/system/declared.service.d/left.conf: {content: "[Service]\nNice=2\n"}
  /etc/systemd/system/service.d/all.conf: {content: "[Service]\nUser=eve\n"}
  /etc/systemd/system/service.d/all.conf.bak: {content: ""}
  /etc/systemd/user/left.service: {content: "[Service]\nExecStart=/bin/true\n"}
  /etc/cron.d/left: {content: "* * * * * root true\n"}
  /etc/cron.d/of-package: {content: "* * * * * root true\n"}
  /etc/cron.daily/declared: {content: "#!/bin/sh\n"}
  /etc/cron.daily/without.effect: {content: "#!/bin/sh\n"}
  /etc/tmpfiles.d/left.conf: {target: /srv/x}
  /etc/systemd/system/kept.service.d/left.conf: {content: "[Service]\nNice=3\n"}
  /etc/systemd/system/opsafe-deploy-former.service: {content: "[Service]\nExecStart=/bin/true\n"}
  /var/lib/opsafe/deployments/former.json: {content: "{}"}
  /var/lib/opsafe/unpacked: {type: directory, mode: "0755"}
  /var/lib/opsafe/unpacked/former: {type: directory, mode: "0755"}
  /var/lib/opsafe/unpacked/venv:former: {type: directory, mode: "0755"}
`

const strewnBackend = `
groups: {ops: {}}
files: {/etc/cron.daily/declared: {content: "#!/bin/sh\n"}}
docker: {networks: {declared: {}}}
certificates:
  web: {path: /etc/web.pem, key: /etc/web.key, self_signed: {names: [web.test], trusted: true}}
sudoers:
  declared: {content: "%ops ALL=(ALL:ALL) ALL\n"}
sysctl: {kernel.panic: "5", vm.swappiness: "10"}
units:
  declared.service:
    content: "[Service]\nExecStart=/bin/true\n"
    drop_ins: {known: {content: "[Service]\nNice=1\n"}}
`

func strewnInput(t *testing.T) (*kind.Input, *snapshot.Reader) {
	t.Helper()
	state, err := snapshot.Parse([]byte(strewn))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "backends", "case", "backend.yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strewnBackend), 0o600); err != nil {
		t.Fatal(err)
	}
	repo, err := kinds.Load(spec.LoadOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	b, err := repo.Backend("case")
	if err != nil {
		t.Fatal(err)
	}
	b.LeftAlone = []string{"sudoers/kept", "units/kept.service"} // as managed: false has it
	return &kind.Input{Backend: b, Repo: repo}, snapshot.New(state)
}

// TestOrphansOfKinds: what is declared, a package's, of opsafe's own, without effect or
// left alone is no orphan; all else is, in the order of the categories.
func TestOrphansOfKinds(t *testing.T) {
	in, host := strewnInput(t)
	found, unknown, err := drift.Find(t.Context(), host, in, at(12))
	if err != nil || len(unknown) > 0 {
		t.Fatalf("%v, unknown %q", err, unknown)
	}
	var got []string
	for _, o := range found {
		line := o.String() + ": " + o.What
		if o.Way != "" {
			line += "; " + o.Way
		}
		got = append(got, line)
	}
	want := []string{
		"member/ops/eve: eve is in ops, and on no list",
		"file//etc/cron.d/left: /etc/cron.d/left",
		"file//etc/systemd/system/service.d/all.conf: /etc/systemd/system/service.d/all.conf",
		"file//etc/systemd/user/left.service: /etc/systemd/user/left.service",
		"file//etc/tmpfiles.d/left.conf: /etc/tmpfiles.d/left.conf, a symbolic link to /srv/x",
		"trusted/corp/old/left: /usr/local/share/ca-certificates/corp/old/left.crt",
		"trusted/left: /usr/local/share/ca-certificates/left.crt",
		"trusted/more: /usr/local/share/ca-certificates/more, a symbolic link to /srv/more, and all certificates in there; rm /usr/local/share/ca-certificates/more, then /usr/sbin/update-ca-certificates",
		"sudoers/left: /etc/sudoers.d/left",
		"sudoers/link: /etc/sudoers.d/link, a symbolic link to /tmp/rules",
		"sshd/left: /etc/ssh/sshd_config.d/left.conf",
		"sysctl/61-other: /etc/sysctl.d/61-other.conf",
		"sysctl/net.ipv4.ip_forward: /etc/sysctl.d/net.ipv4.ip_forward.conf",
		"deployment/former: /var/lib/opsafe/deployments/former.json",
		"unit/declared.service.d/left: /etc/systemd/system/declared.service.d/left.conf",
		"unit/elsewhere.service: /etc/systemd/system/elsewhere.service",
		"unit/left.service: /etc/systemd/system/left.service",
		"network/left: docker network left",
		"network/used: docker network used, in use by web; remove these containers first, then opsafe prune network/used",
		"container/web: docker container web of the image web:1, running, on no list; docker rm -f web",
		"archive/former: /opt/former-1: unpacked by opsafe, and on no list; declare it with state: absent, and with its link and commands",
		"venv/former: /opt/venv: unpacked by opsafe, and on no list; declare it with state: absent, and with its commands",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestPruneOfKinds: what prune looks at is what removes the orphans, and nothing that is
// declared besides.
func TestPruneOfKinds(t *testing.T) {
	in, host := strewnInput(t)
	found, _, err := drift.Find(t.Context(), host, in, at(12))
	if err != nil {
		t.Fatal(err)
	}
	found = slices.DeleteFunc(found, func(o drift.Orphan) bool { return o.Way != "" })
	var got []string
	for _, k := range drift.Kinds(in, found) {
		for _, r := range k.Resources {
			got = append(got, r.ID.String())
		}
	}
	want := []string{
		"member/ops/eve", "file//etc/cron.d/left", "file//etc/systemd/system/service.d/all.conf", "file//etc/systemd/user/left.service", "file//etc/tmpfiles.d/left.conf",
		"certificate/corp/old/left", "certificate/left", "sudoers/left", "sudoers/link", "sshd/left", "sysctl/61-other", "sysctl/net.ipv4.ip_forward", "docker/network/left",
		"unit/declared.service.d/left", "unit/elsewhere.service", "unit/left.service",
		"deployment/former.timer", "deployment/former.path", "deployment/former.service", "deployment/former",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if spec.Of[map[string]*kind.DropIn](in.Backend, "sudoers")["left"] != nil || kind.UnitsOf(in.Backend)["declared.service"].DropIns["left"] != nil || spec.Of[*docker.Engine](in.Backend, "docker").Networks["left"] != nil {
		t.Error("the backend is not as it was declared any more")
	}
}
