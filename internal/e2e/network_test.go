package e2e

import (
	"strings"
	"testing"

	"opsafe/internal/testhost"
)

// networksLab has one network of each sort that Debian's docker makes.
const networksLab = `docker:
  networks:
    four: {interface: four, subnet: 172.30.4.0/24, gateway: 172.30.4.1}
    both: {interface: both, subnet: 172.30.5.0/24, gateway: 172.30.5.1, subnet6: "fd00:5::/64", gateway6: "fd00:5::1"}
    six: {interface: six, subnet: "fd00:6::/64", gateway: "fd00:6::1"}
`

// TestNetworks makes networks of IPv4, IPv6 and both by a real docker, takes them
// over, undoes them, and has those refused that docker could not make.
func TestNetworks(t *testing.T) {
	t.Parallel()
	e := newHost(t, testhost.Full, "")
	e.lab(0, networksLab, "network/both", "fd00:5::/64", "network/six")
	e.says(0, e.opsafe("plan", "--backend", "lab", "--exit-code"), "Nothing to do")
	for name, want := range map[string]string{
		"both": "true 172.30.5.0/24 172.30.5.1 fd00:5::/64 fd00:5::1",
		"four": "false 172.30.4.0/24 172.30.4.1",
	} {
		got := e.mustRun("docker", "network", "inspect", "--format", "{{.EnableIPv6}}{{range .IPAM.Config}} {{.Subnet}} {{.Gateway}}{{end}}", name)
		if got != want {
			t.Errorf("network %s: got %q, want %q", name, got, want)
		}
	}
	if got := e.mustRun("ip", "-6", "addr", "show", "dev", "six"); !strings.Contains(got, "fd00:6::1/64") {
		t.Errorf("the bridge has not its address of IPv6:\n%s", got)
	}
	e.reachedBySix()
	e.says(0, e.opsafe("adopt", "--only", "docker"), "subnet6: fd00:5::/64", "gateway6: fd00:5::1", "subnet6: fd00:6::/64")

	e.mustRun("docker", "network", "create", "--ipv6", "--subnet", "fd00:9::/64", "theirs")
	for _, c := range []struct{ network, says string }{
		{`alone: {subnet6: "fd00:7::/64", enable_ipv4: false}`, "gives each network addresses of IPv4, too"},
		{`chosen: {enable_ipv6: true}`, "the choice of a range of IPv6 is left to docker 27 and later"},
		{`taken: {subnet6: "fd00:9::/80"}`, "overlaps fd00:9::/64 of docker network theirs"},
	} {
		e.labSpec(networksLab + "    " + c.network + "\n")
		e.says(1, e.opsafe("manage", "--backend", "lab"), c.says)
	}
	e.labSpec(networksLab)
	e.undoLast()
	if got := e.mustRun("docker", "network", "ls", "--quiet", "--filter", "name=both"); got != "" {
		t.Errorf("network both is still there: %s", got)
	}
}

// reachedBySix proves that a container of the network reaches its bridge over IPv6.
func (e *env) reachedBySix() {
	e.t.Helper()
	if err := e.ImportBusybox(e.t.Context(), "lab:1"); err != nil {
		e.t.Fatal(err)
	}
	if r := e.run("docker", "run", "--rm", "--network", "both", "lab:1", "ping", "-6", "-c", "1", "-w", "10", "fd00:5::1"); r.code != 0 {
		e.t.Errorf("the container does not reach the bridge: %s", r)
	}
}
