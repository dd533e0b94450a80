package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// TestHostNames has glibc look up what the backend test declares, on a host whose own lines
// say otherwise, and brings these back.
func TestHostNames(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	const proxy, mirror = "157.245.31.108", "172.67.148.71"
	was := "127.0.0.1 localhost\n10.0.0.1 docker-proxy.opensafely.org its-own.example # old\n"
	behind := "10.0.0.2 mirrors.digitalocean.com\n"
	e.write("/etc/hosts", was+behind, 0o600)
	e.mustRun("mkdir", "-p", "/etc/cloud/cloud.cfg.d", "/etc/cloud/templates")
	e.write("/etc/cloud/cloud.cfg", "manage_etc_hosts: true\n", 0o644)
	e.write("/etc/cloud/templates/hosts.debian.tmpl", "## template:jinja\n127.0.1.1 {{fqdn}} {{hostname}}\n", 0o644)
	if r := e.opsafe("manage", "--backend", "test", "--only", "hosts"); r.code != 0 {
		t.Fatal(r)
	}
	for name, want := range map[string]string{
		"release.opensafely.org": proxy, "docker-proxy.opensafely.org": proxy, "SECURITY-ubuntu.opensafely.org": proxy,
		"mirrors.digitalocean.com": mirror, "pkgs.tailscale.com": "199.38.181.239", "its-own.example": "10.0.0.1", "localhost": "127.0.0.1",
	} {
		r := e.runAs("nobody", "getent", "hosts", name)
		for _, line := range strings.Split(strings.TrimSpace(r.stdout), "\n") {
			if addr, _, _ := strings.Cut(line, " "); addr != want {
				t.Errorf("%s has the address %q, not %s", name, addr, want)
			}
		}
	}
	if conf := e.read("/etc/cloud/cloud.cfg.d/99-opsafe-hosts.cfg"); !strings.Contains(conf, "\nmanage_etc_hosts: false\n") {
		t.Error(conf)
	}
	if conf := e.read("/etc/cloud/templates/hosts.debian.tmpl"); !strings.Contains(conf, "{{hostname}}\n") || strings.Count(conf, proxy) != 1 {
		t.Error(conf)
	}
	e.says(0, e.opsafe("plan", "--backend", "test", "--only", "hosts", "--exit-code"), "Nothing to do.")
	e.replace("/etc/nsswitch.conf", "files dns", "dns files")
	e.says(1, e.opsafe("plan", "--backend", "test", "--only", "hosts"), "put files before dns")
	e.replace("/etc/nsswitch.conf", "dns files", "files dns")
	e.undoLast()
	if hosts := e.read("/etc/hosts"); hosts != was+behind {
		t.Errorf("undo has brought back %s", hosts)
	}
	if e.exists("/etc/cloud/cloud.cfg.d/99-opsafe-hosts.cfg") {
		t.Error("undo has left the switch")
	}
}
