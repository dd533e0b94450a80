//go:build release

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"opsafe/internal/ansible"
	"opsafe/internal/testhost"
)

// fleetSpec is what each host of the fleet is to be: it says its name, and has an admin
// besides whoever Ansible logs in as.
const fleetSpec = `people: [admins]
roles:
  admins: {shell: /bin/bash, home_mode: "0750", password: locked, keys: [repository]}
sudoers:
  alice: {content: "alice ALL=(ALL) NOPASSWD: ALL\n"}
files:
  /etc/motd: {content: "this is NAME\n"}
`

// TestAnsible has Ansible as Debian has it bring opsafe and a spec to five hosts without
// Python, over ssh, by the collection as it is released.
func TestAnsible(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 5, testhost.Bare)
	for i := range f.hosts {
		f.spec(i, f.specOf(i))
	}
	f.file("spec/developers.yaml", "alice: {roles: [admins]}\n")
	f.file("spec/keys/alice", newFleetKey(t, f.dir, "alice")+"\n")
	all := slices.Clone(f.names)

	t.Run("check mode is the plan", func(t *testing.T) {
		said, counts := f.on(t).play(0, "--check", "--diff")
		counts.want(t, all, "changed=1", "failed=0", "unreachable=0")
		for i, e := range f.hosts {
			if !strings.Contains(said, "+this is "+f.names[i]) {
				t.Errorf("the diff does not have what %s is to be:\n%s", f.names[i], said)
			}
			if left := e.on(t).mustRun("find", "/usr/local/bin", "/srv", "/etc", "/var/lib", "-maxdepth", "1", "-name", "*opsafe*"); left != "" {
				t.Errorf("check mode has left %s", left)
			}
		}
	})
	t.Run("a kept plan is looked at and carried out", func(t *testing.T) {
		f := f.on(t)
		limit := "--limit=" + strings.Join(all[:2], ",")
		plans := filepath.Join(f.dir, "plans")
		_, counts := f.play(0, limit, "-e", "opsafe_do=plan", "-e", "opsafe_plans="+plans)
		counts.want(t, all[:2], "changed=1", "failed=0")
		for _, name := range all[:2] {
			if text, err := os.ReadFile(filepath.Join(plans, name+".txt")); err != nil || !strings.Contains(string(text), "+this is "+name) {
				t.Errorf("%v: the plan of %s is\n%s", err, name, text)
			}
		}
		f.hosts[1].on(t).write("/etc/motd", "somebody's\n", 0o644)
		said, counts := f.play(2, limit, "-e", "opsafe_plans="+plans)
		counts.want(t, all[:1], "changed=1", "failed=0")
		counts.want(t, all[1:2], "failed=1")
		if !strings.Contains(said, "something has moved on") || f.hosts[1].on(t).read("/etc/motd") != "somebody's\n" {
			t.Errorf("what has moved on since the plan:\n%s", said)
		}
		f.is(t, 0)
	})
	t.Run("some fail", func(t *testing.T) {
		f := f.on(t)
		f.spec(3, strings.Replace(f.specOf(3), "files:\n", "files:\n  /etc/passwd/x: {content: x}\n", 1))
		f.hosts[4].on(t).mustRun("systemctl", "stop", "ssh.service")
		if err := os.Remove(filepath.Join(f.dir, all[4])); err != nil && !os.IsNotExist(err) { // the connection that waits to be used again
			t.Fatal(err)
		}
		said, counts := f.play(4, "-e", "hosts_at_once=2")
		counts.want(t, all[:1], "changed=0", "failed=0") // the kept plan was all
		counts.want(t, all[1:3], "changed=1", "failed=0", "unreachable=0")
		counts.want(t, all[3:4], "failed=1", "unreachable=0")
		counts.want(t, all[4:], "failed=0", "unreachable=1")
		if !strings.Contains(said, "opsafe manage: file//etc/passwd/x: ") {
			t.Errorf("it does not say what has failed:\n%s", said)
		}
		f.is(t, 0, 1, 2, 3)
	})
	t.Run("a new connection confirms", func(t *testing.T) {
		f := f.on(t)
		f.spec(3, f.specOf(3))
		f.hosts[4].on(t).mustRun("systemctl", "start", "ssh.service")
		_, counts := f.play(0, "-e", "opsafe_confirm=5m")
		counts.want(t, all[:4], "changed=0", "failed=0") // all else of the one that failed was made
		counts.want(t, all[4:], "changed=1", "failed=0", "unreachable=0")
		f.is(t, 0, 1, 2, 3, 4)
		if f.hosts[4].on(t).exists("/var/lib/opsafe/confirm") {
			t.Error("it waits to be confirmed")
		}
	})
	t.Run("a second run changes nothing", func(t *testing.T) {
		_, counts := f.on(t).play(0, "--diff")
		counts.want(t, all, "ok=1", "changed=0", "failed=0", "unreachable=0")
	})
	t.Run("facts are for plans elsewhere", func(t *testing.T) {
		f := f.on(t)
		for _, changed := range []string{"changed=1", "changed=0"} {
			_, counts := f.play(0, "--limit", all[2], "-e", "opsafe_do=facts")
			counts.want(t, all[2:3], changed, "failed=0")
		}
		program, err := binary()
		if err != nil {
			t.Fatal(err)
		}
		facts := filepath.Join(f.dir, "spec", "backends", "facts", all[2]+".json")
		out, err := exec.CommandContext(t.Context(), program, "plan", "--dir", filepath.Join(f.dir, "spec"), "--facts", facts).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("Nothing to do.")) {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("the way in is shut", func(t *testing.T) {
		f := f.on(t)
		f.spec(0, f.specOf(0)+"sshd:\n  north: {content: \"DenyUsers deploy\\n\"}\n")
		said, counts := f.play(2, "--limit", all[0], "-e", "opsafe_confirm=10s")
		counts.want(t, all[:1], "failed=1", "unreachable=0")
		if !strings.Contains(said, "it is not confirmed, since a new connection could not do it") {
			t.Errorf("it says\n%s", said)
		}
		e := f.hosts[0].on(t)
		e.await("the old state comes back", func() bool { return !e.exists("/var/lib/opsafe/confirm") })
		f.spec(0, f.specOf(0))
		_, counts = f.play(0, "--limit", all[0])
		counts.want(t, all[:1], "failed=0", "unreachable=0")
	})
	t.Run("another program than the spec names", func(t *testing.T) {
		f := f.on(t)
		f.file("spec/opsafe.sha256", strings.Repeat("0", 64)+"  opsafe_linux_amd64\n"+strings.Repeat("0", 64)+"  opsafe_linux_arm64\n")
		said, counts := f.play(2, "--limit", all[0])
		counts.want(t, all[:1], "failed=1", "changed=0")
		if !strings.Contains(said, "opsafe.sha256 of the spec says, and is not brought") {
			t.Errorf("it says\n%s", said)
		}
	})
}

// fleet are hosts, and what a controller has to know of them.
type fleet struct {
	t     *testing.T
	dir   string // the controller's
	names []string
	hosts []*env
}

// newFleet boots hosts of an image, with an account more that may become root, and installs
// the collection.
func newFleet(t *testing.T, n int, image testhost.Image) *fleet {
	t.Helper()
	f := &fleet{t: t, dir: t.TempDir(), names: make([]string, n), hosts: make([]*env, n)}
	key := newFleetKey(t, f.dir, "deploy")
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			h, err := testhost.Boot(t.Context(), testhost.Options{Image: image, Log: t.Logf})
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = h.Close() })
			f.names[i], f.hosts[i] = h.Name(), &env{Host: h, t: t}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	slices.SortFunc(f.hosts, func(a, b *env) int { return strings.Compare(a.Name(), b.Name()) })
	slices.Sort(f.names) // Ansible goes by them
	for _, e := range f.hosts {
		e.mustRun("useradd", "--create-home", "--shell", "/bin/bash", "deploy")
		e.mustRun("install", "-d", "-m", "0700", "-o", "deploy", "-g", "deploy", "/home/deploy/.ssh")
		e.write("/home/deploy/.ssh/authorized_keys", key+"\n", 0o644)
		e.write("/etc/sudoers.d/deploy", "deploy ALL=(ALL) NOPASSWD: ALL\n", 0o440)
	}
	f.furnish()
	return f
}

func newFleetKey(t *testing.T, dir, name string) (public string) {
	t.Helper()
	at := filepath.Join(dir, name)
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name+"@laptop", "-f", at).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(at + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// furnish writes what Ansible goes by: an inventory, a playbook and the collection. Hosts
// have an address in their own network only; nsenter is the way there.
func (f *fleet) furnish() {
	f.t.Helper()
	program, err := binary()
	if err != nil {
		f.t.Fatal(err)
	}
	f.file("inventory.yml", fmt.Sprintf(`opsafe:
  hosts: {%s: {}}
  vars:
    ansible_host: 127.0.0.1
    ansible_user: deploy
    ansible_become: true
    ansible_ssh_private_key_file: %s/deploy
    ansible_control_path: %[2]s/{{ inventory_hostname }}
    ansible_ssh_common_args: >-
      -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentitiesOnly=yes
      -o ProxyCommand="nsenter --net=/run/netns/{{ inventory_hostname }} -- busybox nc 127.0.0.1 22"
    opsafe_binary: %s
    opsafe_spec: %[2]s/spec
`, strings.Join(f.names, ": {}, "), f.dir, program))
	f.file("site.yml", "- hosts: opsafe\n  gather_facts: false\n  serial: \"{{ hosts_at_once | default(5) }}\"\n  roles: [opsafe.opsafe.host]\n")
	f.file("ansible.cfg", "[defaults]\ncollections_path = "+f.dir+"/collections\nlocal_tmp = "+f.dir+"/tmp\ntimeout = 300\n[ssh_connection]\ncontrol_path_dir = "+f.dir+"\n")
	packed, err := ansible.Collection("1.2.3", time.Unix(1, 0))
	if err != nil {
		f.t.Fatal(err)
	}
	f.file("collection.tar.gz", string(packed))
	if out, ended := f.ansible("ansible-galaxy", "collection", "install", "--offline", "-p", f.dir+"/collections", f.dir+"/collection.tar.gz"); !ended.Success() {
		f.t.Fatalf("ansible-galaxy: %v\n%s", ended, out)
	}
	if out, ended := f.ansible("ansible-galaxy", "collection", "verify", "--offline", "-p", f.dir+"/collections", "opsafe.opsafe"); !ended.Success() {
		f.t.Errorf("ansible-galaxy finds the collection not as its manifest says:\n%s", out)
	}
	if out, ended := f.ansible("ansible-doc", "opsafe.opsafe.manage", "opsafe.opsafe.plan", "opsafe.opsafe.facts"); !ended.Success() || strings.Contains(out, "WARNING") {
		f.t.Errorf("ansible-doc:\n%s", out)
	}
}

// on is the same fleet in a part of the test.
func (f *fleet) on(t *testing.T) *fleet {
	t.Helper()
	out := *f
	out.t = t
	return &out
}

// file writes a file of the controller.
func (f *fleet) file(name, text string) {
	f.t.Helper()
	at := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) specOf(i int) string { return strings.ReplaceAll(fleetSpec, "NAME", f.names[i]) }

// spec declares what a host is to be.
func (f *fleet) spec(i int, text string) {
	f.t.Helper()
	f.file("spec/backends/"+f.names[i]+"/backend.yaml", text)
}

// is demands that hosts are what their specs say.
func (f *fleet) is(t *testing.T, hosts ...int) {
	t.Helper()
	for _, i := range hosts {
		e := f.hosts[i].on(t)
		if got := e.read("/etc/motd"); got != "this is "+f.names[i]+"\n" {
			t.Errorf("%s says %q", f.names[i], got)
		}
		if left := e.mustRun("find", "/usr/local/bin", "/srv", "-maxdepth", "1", "-name", ".opsafe*", "-o", "-name", "opsafe.*"); left != "" {
			t.Errorf("%s has %s", f.names[i], left)
		}
	}
}

// ansible runs a program of Ansible's on the controller, which is this machine.
func (f *fleet) ansible(argv ...string) (said string, ended *os.ProcessState) {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), argv[0], argv[1:]...)
	cmd.Dir = f.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + f.dir, "LC_ALL=C.UTF-8", "ANSIBLE_CONFIG=" + f.dir + "/ansible.cfg", "PYTHONDONTWRITEBYTECODE=1"}
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		f.t.Fatal(err)
	}
	return string(out), cmd.ProcessState
}

// counts are Ansible's counts of each host.
type counts map[string]map[string]int

// play runs the playbook of the role, which has to end with the code.
func (f *fleet) play(code int, args ...string) (string, counts) {
	f.t.Helper()
	said, counts, _ := f.playbook(code, append([]string{"site.yml"}, args...)...)
	return said, counts
}

// playbook runs a playbook, which has to end with the code.
func (f *fleet) playbook(code int, args ...string) (string, counts, *os.ProcessState) {
	f.t.Helper()
	said, ended := f.ansible(append([]string{"ansible-playbook", "-i", "inventory.yml"}, args...)...)
	if got := ended.ExitCode(); got != code {
		f.t.Errorf("ansible-playbook %v: exit code %d, not %d\n%s", args, got, code, said)
	}
	out := counts{}
	for _, m := range regexp.MustCompile(`(?m)^(\S+) +: (ok=.*)$`).FindAllStringSubmatch(said, -1) {
		out[m[1]] = map[string]int{}
		for _, field := range strings.Fields(m[2]) {
			name, n, _ := strings.Cut(field, "=")
			out[m[1]][name], _ = strconv.Atoi(n)
		}
	}
	return said, out, ended
}

// want demands counts of hosts, such as changed=1.
func (c counts) want(t *testing.T, hosts []string, want ...string) {
	t.Helper()
	for _, host := range hosts {
		for _, w := range want {
			name, n, _ := strings.Cut(w, "=")
			if got, ok := c[host][name]; !ok || strconv.Itoa(got) != n {
				t.Errorf("%s has %v, not %s", host, c[host], w)
			}
		}
	}
}
