package e2e

import (
	"testing"

	"opsafe/internal/testhost"
)

// TestEffectSysctl sets a value of the kernel, has one of somebody else's found,
// and brings both back.
func TestEffectSysctl(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Bare, "")
	const file = "/etc/sysctl.d/net.ipv4.ip_default_ttl.conf"
	inForce := func(want string) {
		t.Helper()
		if got := e.mustRun("cat", "/proc/sys/net/ipv4/ip_default_ttl"); got != want {
			t.Errorf("the value in force is %s, not %s", got, want)
		}
	}
	was := e.mustRun("cat", "/proc/sys/net/ipv4/ip_default_ttl")
	e.lab(0, "sysctl: {net.ipv4.ip_default_ttl: {value: \"63\"}}\n")
	inForce("63")
	if !e.exists(file) {
		t.Errorf("%s was not written", file)
	}
	e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do.")
	e.write("/etc/sysctl.d/other.conf", "net.ipv4.ip_default_ttl = 62\n", 0o644)
	e.says(1, e.opsafe("manage", "--backend", "lab"), "/etc/sysctl.d/other.conf sets it to 62 after "+file)
	e.says(2, e.opsafe("status", "--backend", "lab"), "sysctl/other")
	e.says(0, e.opsafe("prune", "--backend", "lab", "sysctl/other"), "removed")
	if e.exists("/etc/sysctl.d/other.conf") {
		t.Error("prune has left the file")
	}
	e.lab(0, "sysctl: {net.ipv4.ip_default_ttl: {state: absent}}\n")
	inForce("63")
	e.undoLast()
	if !e.exists(file) {
		t.Errorf("undo did not bring back %s", file)
	}
	e.mustRun("sh", "-c", "echo "+was+" >/proc/sys/net/ipv4/ip_default_ttl; rm "+file)
	e.lab(0, "sysctl: {net.ipv4.ip_default_ttl: {value: \"63\"}}\n")
	e.undoLast()
	inForce(was)
}
