package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// statusSpec is a host with something of each sort that no list knows.
const statusSpec = `
-- developers.yaml --
alice: {roles: [dev]}
-- keys/alice --
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDk9BA6sb4ayAcNfcbULNPrMzVcDxqFlmwYSMM+8RiuQ alice
-- backends/common/base.yaml --
sudoers:
  left-alone: {content: "x\n"}
-- backends/north/backend.yaml --
include: [../common/base.yaml]
people: [dev]
groups:
  exact: {members: exact}
roles:
  dev: {groups: [exact, sudo], shell: /bin/bash, home_mode: "0750", password: locked, keys: [repository]}
sudoers:
  ours: {content: "%sudo ALL=(ALL:ALL) ALL\n"}
  left-alone: {managed: false}
files:
  /etc/one: {content: "one\n"}
units:
  ours.service: {content: "[Service]\nExecStart=/bin/true\n", drop_ins: {ours: {content: "[Service]\nNice=1\n"}}}
docker: {networks: {jobs: {interface: jobs}}}
compose: {app: {files: [app.yaml]}}
-- backends/north/app.yaml --
services: {web: {image: app}}
-- host.yaml --
users:
  - {name: mallory, uid: 1001, home: /home/mallory, shell: /bin/bash}
  - {name: gone, uid: 1002, home: /home/gone}
groups:
  - {name: sudo, gid: 27, members: [mallory]}
  - {name: docker, gid: 110, password: set, admins: [mallory]}
packages: {docker.io: installed hold}
units:
  docker.service: {active: active, sub: running, file: enabled, fragment: /lib/systemd/system/docker.service, links: [/etc/systemd/system/multi-user.target.wants/docker.service]}
docker: {version: "20", api: "1.41"}
networks:
  - {name: bridge, driver: bridge}
  - {name: jobs, driver: bridge, interface: jobs}
  - {name: app_default, driver: bridge, project: app}
  - {name: theirs, driver: bridge, interface: br-theirs}
files:
  /home/mallory/.ssh/authorized_keys: {owner: mallory, mode: "0600", content: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDk9BA6sb4ayAcNfcbULNPrMzVcDxqFlmwYSMM+8RiuQ mallory\n"}
  /home/gone/.ssh/authorized_keys: {owner: gone, content: "# none\n"}
  /etc/sudoers.d/90-theirs: {mode: "0440", content: "mallory ALL=(ALL) NOPASSWD: ALL\n"}
  /etc/sudoers.d/README: {mode: "0440", content: "# only words\n"}
  /etc/sudoers.d/ignored.conf: {mode: "0440", content: "mallory ALL=(ALL) ALL\n"}
  /etc/sudoers.d/left-alone: {mode: "0440", content: "root ALL=(ALL) ALL\n"}
  /etc/ssh/sshd_config: {content: "Include /etc/ssh/sshd_config.d/*.conf\nAuthorizedPrincipalsFile /etc/ssh/principals/%u\n"}
  /etc/ssh/sshd_config.d/theirs.conf: {content: "PermitRootLogin yes\nTrustedUserCAKeys /etc/ssh/ca.pub\n"}
  /etc/ssh/principals/gone: {content: "# nobody\n"}
  /etc/ssh/principals/mallory: {content: "eve\n"}
  /etc/ssh/sshd_config.d/packaged.conf: {content: "PrintMotd no\n"}
  /var/lib/dpkg/info/some.list: {content: "/.\n/etc/ssh/sshd_config.d/packaged.conf\n"}
  /usr/lib/systemd/system/docker.service: {content: "[Install]\nWantedBy=multi-user.target\n"}
  /etc/systemd/system/theirs.service: {content: "[Service]\nExecStart=/bin/true\n"}
  /etc/systemd/system/linked.service: {type: symlink, target: /srv/linked.service}
  /etc/systemd/system/masked.service: {type: symlink, target: /dev/null}
  /etc/systemd/system/ssh.service.d/theirs.conf: {content: "[Service]\nNice=1\n"}
  /etc/systemd/system/opsafe-receive.socket: {content: "[Socket]\nListenStream=127.0.0.1:3400\n"}
  /etc/systemd/system/opsafe-deploy-site.service: {content: "[Service]\nExecStart=/bin/true\n"}
  /etc/systemd/system/opsafe-deploy-other.service: {content: "[Service]\nExecStart=/bin/true\n"}
  /var/lib/opsafe: {type: directory}
  /var/lib/opsafe/receiver.json: {content: "{}\n"}
  /var/lib/opsafe/deployments: {type: directory}
  /var/lib/opsafe/deployments/site.json: {content: "{}\n"}
  /var/lib/opsafe/deployments/site.state.json: {content: "{}\n"}
`

// orphanNames are what the host of statusSpec has and no list knows, in order.
func orphanNames() []string {
	return []string{
		"member/sudo/mallory", "group/docker", "key/mallory", "certificate//etc/ssh/ca.pub", "sudoers/90-theirs", "sshd/theirs",
		"deployment/site", "receiver/receiver", "unit/linked.service", "unit/opsafe-deploy-other.service", "unit/ssh.service.d/theirs", "unit/theirs.service", "network/theirs",
	}
}

func (w *world) orphans() []string {
	w.t.Helper()
	w.run("status", "--format", "json")
	out := []string{}
	for _, o := range w.document()["orphans"].([]any) {
		out = append(out, o.(map[string]any)["name"].(string))
	}
	return out
}

func TestStatus(t *testing.T) {
	w := newWorld(t, statusSpec)
	w.env["OPSAFE_BACKEND"] = "north"
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	w.app.Now = func() time.Time { return now }
	at := func(hour int) string {
		now = time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC)
		return now.Local().Format("2006-01-02 15:04")
	}

	first := at(10)
	w.want(2, []string{"backend north", "resources are not as declared, seen first " + first, "last run  none has changed this host", "+ /etc/one"}, nil, "status")
	at(11)
	w.want(2, []string{"seen first " + first}, nil, "status")
	if w.host.steps != 0 {
		t.Errorf("it remembers the same again, in %d steps", w.host.steps)
	}
	managed := at(12)
	w.want(0, nil, nil, "manage")
	at(13)
	w.want(3, []string{"as declared since " + managed, "last run  1, manage by", "succeeded", "on this host, and on no list"}, nil, "status")
	if got := w.orphans(); !slices.Equal(got, orphanNames()) {
		t.Errorf("no list knows %q, not %q", got, orphanNames())
	}
	w.want(3, []string{"certificates of the authorities in /etc/ssh/ca.pub let somebody log in as mallory (whom /etc/ssh/principals/mallory names)"}, nil, "status")

	w.do(rootsFile("/etc/one", "by hand\n"))
	byHand := at(14)
	w.want(2, []string{"1 resource is not as declared, seen first " + byHand, "-by hand"}, nil, "status")
	at(15)
	w.want(2, []string{"seen first " + byHand}, nil, "status")
	w.do(rootsFile("/etc/one", "one\n"))
	mended := at(16)
	w.want(3, []string{"as declared since " + mended}, nil, "status")
	w.do(rootsFile("/etc/one", "by hand\n"))
	again := at(17)
	w.want(2, []string{"seen first " + again}, nil, "status")
	if w.run("status", "--format", "json"); w.document()["drifted"].([]any)[0].(map[string]any)["name"] != "/etc/one" {
		t.Error("it is not named")
	}
	last := at(18)
	w.want(0, nil, nil, "manage")
	at(19)
	w.want(3, []string{"as declared since " + last, "last run  2"}, nil, "status")
	if n, err := w.host.Stat(notes.Status); err != nil || n.Access.Mode() != 0o644 {
		t.Errorf("%+v, %v", n, err)
	}

	// An undo leaves what a spec does not declare; mended by hand, it is as declared
	// from the next look on.
	w.want(0, nil, nil, "undo", "2")
	w.do(rootsFile("/etc/one", "one\n"))
	looked := at(20)
	w.want(3, []string{"as declared since " + looked, "last run  3, undo 2"}, nil, "status")

	w.want(3, []string{"opsafe_in_declared_state 1\n", `opsafe_orphans{sort="unit"} 4` + "\n", "opsafe_last_run 3\n"}, nil, "status", "--format", "prometheus")
	to := filepath.Join(t.TempDir(), "opsafe.prom")
	w.want(3, nil, nil, "status", "--format", "prometheus", "--output", to)
	if got, err := os.ReadFile(to); err != nil || !strings.Contains(string(got), "opsafe_status_success 1\n") || w.out.Len() != 0 {
		t.Errorf("the file holds %q, %v, the output %q", got, err, w.out.String())
	}
	w.write("backends/north/backend.yaml", "nonsense: 1\n")
	w.want(1, []string{"opsafe_status_success 0"}, []string{"nonsense"}, "status", "--format", "prometheus")
	w.want(1, nil, []string{"text, json or prometheus"}, "status", "--format", "xml")
}

// TestPrune removes orphans by name, and nothing else, and can be undone.
func TestPrune(t *testing.T) {
	w := newWorld(t, statusSpec)
	w.env["OPSAFE_BACKEND"] = "north"
	w.want(0, nil, nil, "manage")
	w.want(1, nil, []string{"cannot prune sudoers/ours: it is not here, or a list knows it", "cannot prune key/malory", "the nearest that no list knows is key/mallory"},
		"prune", "sudoers/ours", "key/malory")
	w.want(0, []string{"- 90-theirs", "Plan: 1 to remove."}, nil, "prune", "sudoers/90-theirs", "--plan")
	w.untouched()
	w.want(0, []string{"- 90-theirs", "Done: 1 removed."}, nil, "prune", "sudoers/90-theirs")
	left := slices.DeleteFunc(orphanNames(), func(n string) bool { return n == "sudoers/90-theirs" })
	if got := w.orphans(); !slices.Equal(got, left) {
		t.Errorf("left is %q, not %q", got, left)
	}
	w.want(0, []string{"prune sudoers/90-theirs"}, nil, "history")
	// What goes by another way goes along with the drop-in that says it.
	left = slices.DeleteFunc(left, func(n string) bool { return strings.HasPrefix(n, "certificate/") })
	w.want(0, []string{"- mallory", "Done:"}, nil, append([]string{"prune"}, left...)...)
	w.want(0, []string{"as declared since"}, nil, "status")
	if g, err := w.host.Group("sudo"); err != nil || slices.Contains(g.Members, "mallory") || !slices.Contains(g.Members, "alice") {
		t.Errorf("sudo: %+v, %v", g, err)
	}
	w.want(1, nil, []string{"a list knows all that is on this host"}, "prune", "key/mallory")
	w.want(0, nil, nil, "undo", "3")
	w.want(0, nil, nil, "undo", "2")
	if got := w.orphans(); !slices.Equal(got, orphanNames()) {
		t.Errorf("after undo: %q, not %q", got, orphanNames())
	}
}

// TestPrunePrimary: nobody is taken out of a primary group.
func TestPrunePrimary(t *testing.T) {
	w := newWorld(t, strings.Replace(statusSpec, "{name: mallory, uid: 1001,", "{name: mallory, uid: 1001, gid: 27,", 1))
	w.env["OPSAFE_BACKEND"] = "north"
	w.do(host.SetMembers{Group: "sudo"})
	if got := w.orphans(); !slices.Contains(got, "member/sudo/mallory") {
		t.Fatalf("no list knows %q", got)
	}
	w.want(1, nil, []string{"sudo is the primary group of mallory", "opsafe disable-user mallory"}, "prune", "member/sudo/mallory")
}
