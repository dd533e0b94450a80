package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// firewallLab has a network of IPv4 and IPv6 with a firewall whose list a secret file
// of the host's has, and one without.
const firewallLab = `docker:
  networks:
    db: {interface: db, subnet: 172.30.4.0/24, gateway: 172.30.4.1, subnet6: "fd00:4::/64", gateway6: "fd00:4::1"}
    other: {interface: other, subnet: 172.30.5.0/24, gateway: 172.30.5.1}
files:
  /etc/jobs.env: {content: "LIST=\n", once: true, secret: true, owner: root, group: root, mode: "0600"}
firewall:
  db: {allow_from: {file: /etc/jobs.env, variable: LIST}}
`

// TestFirewall has containers of a network send to whatever there is: hosts that are
// reached by forwarding, the host itself, and containers, by IPv4 and IPv6, with
// empty and changing lists, before and after docker is restarted and the host boots.
func TestFirewall(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	if err := e.ImportBusybox(t.Context(), "lab:1"); err != nil {
		t.Fatal(err)
	}
	e.mustRun("apt-get", "install", "--yes", "--no-install-recommends", "nftables")
	e.outside()
	e.lab(0, firewallLab, "firewall", "db")
	e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do")
	e.mustRun("docker", "run", "--detach", "--restart", "always", "--name", "job", "--network", "db", "lab:1", "sh", "-c",
		"while :; do nc -w 10 198.51.100.1 8000 </dev/null && echo reached; usleep 50000; done")
	e.mustRun("docker", "run", "--detach", "--restart", "always", "--name", "neighbour", "--network", "db", "--ip", "172.30.4.99", "lab:1", "httpd", "-f", "-p", "8000")
	e.mustRun("docker", "run", "--detach", "--restart", "always", "--name", "peer", "--network", "other", "--ip", "172.30.5.99", "lab:1", "httpd", "-f", "-p", "8000")
	all := []string{"198.51.100.1", "198.51.100.2", "172.30.4.1", "172.30.5.1", "172.30.4.99", "172.30.5.99", "[fd00:9::1]", "[fd00:9::2]", "[fd00:4::1]"}

	e.reaches("with an empty list", all)
	if r := e.run("docker", "exec", "job", "nslookup", "neighbour"); !strings.Contains(r.stdout, "172.30.4.99") {
		t.Errorf("docker's own names are not found: %s", r)
	}
	if got := e.mustRun("curl", "-s", "http://172.30.4.99:8000/etc/hostname"); got == "" {
		t.Error("the host does not reach a container: answers do not come back")
	}

	e.listed("198.51.100.1,fd00:9::1", "2 (secret, digest")
	e.reaches("with a list", all, "198.51.100.1", "[fd00:9::1]")
	if r := e.opsafe("plan", "--backend", "lab", "--exit-code"); r.code != 0 {
		t.Errorf("the second run has something to do: %s", r)
	}
	e.planAlike("lab")
	if r := e.runAs("nobody", guestBinary, "plan", "--backend", "lab"); !strings.Contains(r.stdout, "only root may see it") {
		t.Errorf("it is not said that root alone can tell: %s", r)
	}
	e.keepsOut(all)

	e.listed("172.30.4.1 198.51.100.2", "2 (secret, digest")
	e.reaches("with another list", all, "172.30.4.1", "198.51.100.2")
	e.undoLast()
	e.reaches("after undo", all, "198.51.100.1", "[fd00:9::1]")
	e.lab(0, strings.Replace(firewallLab, "{allow_from: {file: /etc/jobs.env, variable: LIST}}", "{state: absent}", 1))
	if r := e.run("docker", "exec", "job", "nc", "-w", "3", "198.51.100.2", "8000"); r.code != 0 {
		t.Errorf("without a firewall it is not reached: %s", r)
	}
}

// outsideUnit makes a namespace beside the host's that is reached by forwarding, where
// two addresses of each family answer, before docker starts.
const outsideUnit = `[Unit]
Before=docker.service
[Service]
ExecStartPre=-ip netns add out
ExecStartPre=-ip link add uplink type veth peer name eth0 netns out
ExecStartPre=ip addr add 198.51.100.254/24 dev uplink
ExecStartPre=ip -6 addr add fd00:9::fe/64 dev uplink nodad
ExecStartPre=ip link set uplink up
ExecStartPre=ip -n out addr add 198.51.100.1/24 dev eth0
ExecStartPre=ip -n out addr add 198.51.100.2/24 dev eth0
ExecStartPre=ip -n out -6 addr add fd00:9::1/64 dev eth0 nodad
ExecStartPre=ip -n out -6 addr add fd00:9::2/64 dev eth0 nodad
ExecStartPre=ip -n out link set eth0 up
ExecStartPre=ip -n out route add default via 198.51.100.254
ExecStartPre=ip -n out -6 route add default via fd00:9::fe
ExecStartPre=sysctl -qw net.ipv6.conf.all.forwarding=1
ExecStart=ip netns exec out python3 -m http.server --bind :: 8000
[Install]
WantedBy=multi-user.target
`

// hostUnit answers on every address of the host.
const hostUnit = `[Service]
ExecStart=python3 -m http.server --bind :: 8000
[Install]
WantedBy=multi-user.target
`

// outside has something answer outside of the host, and on it.
func (e *env) outside() {
	e.t.Helper()
	e.write("/etc/systemd/system/lab-outside.service", outsideUnit, 0o644)
	e.write("/etc/systemd/system/lab-host.service", hostUnit, 0o644)
	e.mustRun("systemctl", "daemon-reload")
	e.mustRun("systemctl", "enable", "--now", "--quiet", "lab-outside.service", "lab-host.service")
	e.answers()
}

// answers waits until what is outside of the host can be reached from it.
func (e *env) answers() {
	e.t.Helper()
	e.await("what is outside", func() bool {
		for _, at := range []string{"198.51.100.1", "[fd00:9::2]", "127.0.0.1"} {
			if e.run("curl", "-sf", "-o", "/dev/null", "http://"+at+":8000/").code != 0 {
				return false
			}
		}
		return true
	})
}

// listed changes the list and manages.
func (e *env) listed(list string, words ...string) {
	e.t.Helper()
	e.write("/etc/jobs.env", "LIST="+list+"\n", 0o600)
	r := e.opsafe("manage", "--backend", "lab")
	e.says(0, r, words...)
	for _, address := range strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' }) {
		if strings.Contains(r.stdout+r.stderr, address) {
			e.t.Errorf("%s is shown: %s", address, r)
		}
	}
}

// reaches compares which of all addresses a container reaches.
func (e *env) reaches(when string, all []string, want ...string) {
	e.t.Helper()
	const try = "for a in %s; do b=${a#[}; (nc -w 10 ${b%%]} 8000 </dev/null 2>/dev/null && echo $a) & done; wait"
	got := strings.Fields(e.mustRun("docker", "exec", "job", "sh", "-c", fmt.Sprintf(try, strings.Join(all, " "))))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		e.t.Errorf("%s the container reaches %q, and not %q", when, got, want)
	}
}

// keepsOut has the firewall flushed and altered by hand, docker restarted, and the host
// booted: each time it is found and mended, or mends itself.
func (e *env) keepsOut(all []string) {
	e.t.Helper()
	allowed := []string{"198.51.100.1", "[fd00:9::1]"}
	for _, by := range []string{
		"nft delete table inet opsafe-db", "nft flush chain inet opsafe-db sent",
		"nft insert rule inet opsafe-db sent accept", "nft add rule inet opsafe-db prerouting accept",
	} {
		e.mustRun(strings.Fields(by)...)
		e.says(2, e.opsafe("plan", "--backend", "lab", "--exit-code"), "db")
		e.says(0, e.opsafe("manage", "--backend", "lab"), "")
		e.reaches("after "+by, all, allowed...)
	}

	for _, verb := range []string{"start", "restart", "reload", "stop"} {
		e.mustRun("systemctl", verb, "nftables.service")
		e.reaches("after nftables' "+verb, all, allowed...)
		e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do")
	}
	e.mustRun("systemctl", "start", "nftables.service") // so that it flushes all at boot

	// The job tells of any moment at which it gets through to what is not on the list.
	e.listed("198.51.100.77", "1 (secret, digest")
	since := e.mustRun("date", "+%s.%N")
	e.listed("198.51.100.78", "1 (secret, digest")
	e.mustRun("systemctl", "restart", "docker.service")
	e.await("the job", func() bool { return e.containerPID("job") != "0" })
	e.reaches("after a restart of docker", all)
	e.mustRun("docker", "stop", "--time", "0", "job")
	e.mustRun("nft", "flush", "ruleset") // the host's network stays when it boots
	if err := e.Reboot(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	e.answers()
	e.await("the job", func() bool { return e.containerPID("job") != "0" })
	e.reaches("after the host has booted", all)
	if got := e.mustRun("docker", "logs", "--since", since, "job"); strings.Contains(got, "reached") {
		e.t.Errorf("there was a moment at which it was open: %s", got)
	}
	e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do")
	e.listed("198.51.100.1 fd00:9::1", "2 (secret, digest")
	e.await("the job, which tells that it gets through", func() bool {
		return strings.Contains(e.mustRun("docker", "logs", "--since", since, "job"), "reached")
	})
}

// TestFirewallLegacy has docker write its rules by iptables-legacy: what they let
// through the firewall refuses all the same.
func TestFirewallLegacy(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	if err := e.ImportBusybox(t.Context(), "lab:1"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"iptables", "ip6tables"} {
		e.mustRun(name, "--policy", "FORWARD", "ACCEPT") // what docker has written by nftables would count, too
		e.mustRun(name, "--flush")
		e.mustRun("update-alternatives", "--set", name, "/usr/sbin/"+name+"-legacy")
	}
	e.mustRun("systemctl", "restart", "docker.service")
	e.outside()
	e.lab(0, firewallLab, "firewall", "db")
	e.mustRun("iptables", "--insert", "DOCKER-USER", "--in-interface", "db", "--jump", "ACCEPT")
	e.mustRun("docker", "run", "--detach", "--name", "job", "--network", "db", "lab:1", "sleep", "1000000")
	e.listed("198.51.100.1,fd00:9::1", "2 (secret, digest")
	e.reaches("beside iptables-legacy", []string{"198.51.100.1", "198.51.100.2", "172.30.4.1", "[fd00:9::1]", "[fd00:9::2]"}, "198.51.100.1", "[fd00:9::1]")
}
