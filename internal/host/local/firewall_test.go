package local

import (
	"net/netip"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// ownNet gives the test a network namespace of its own. Its thread ends with it.
func ownNet(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, f host.Firewall) {
	t.Helper()
	if err := doFirewall(host.SetFirewall{Firewall: f}); err != nil {
		t.Fatal(err)
	}
}

func wantFirewall(t *testing.T, want *host.Firewall) {
	t.Helper()
	got, err := readFirewall("db")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("the firewall that is read (-want +got):\n%s", d)
	}
}

// TestFirewallKernel has the kernel take firewalls and give them back, up to the
// longest list, and finds whatever somebody changes.
func TestFirewallKernel(t *testing.T) {
	t.Parallel()
	ownNet(t)
	wantFirewall(t, nil)
	f := host.Firewall{Network: "db", Interface: "br-db", Allow: addresses(t, "10.1.2.3 10.2.0.0/15 0.0.0.0/1 fd00::5 fd01::/16 ::/3")}
	closed := host.Firewall{Network: "db", Interface: "br-db"}
	long := host.Firewall{Network: "db", Interface: "br-db"}
	for i := range host.MaxAddresses {
		long.Allow = append(long.Allow, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, byte(i >> 7), byte(i << 1)}), 32)) // no two of which are one range
	}
	for _, one := range []host.Firewall{f, closed, long, f} {
		set(t, one)
		wantFirewall(t, &one)
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: firewallTable("db")}
	for name, alter := range map[string]func(*nftables.Conn){
		"an own rule": func(c *nftables.Conn) {
			c.InsertRule(&nftables.Rule{Table: table, Chain: &nftables.Chain{Name: "sent"}, Exprs: accept()})
		},
		"a chain without rules": func(c *nftables.Conn) { c.FlushChain(&nftables.Chain{Name: "prerouting", Table: table}) },
		"a table without rules": func(c *nftables.Conn) { c.FlushTable(table) },
		"an own chain":          func(c *nftables.Conn) { c.AddChain(&nftables.Chain{Name: "own", Table: table}) },
		"a policy": func(c *nftables.Conn) {
			drop := nftables.ChainPolicyDrop
			c.AddChain(&nftables.Chain{Name: "prerouting", Table: table, Policy: &drop})
		},
		"a rule that counts": func(c *nftables.Conn) {
			c.AddRule(&nftables.Rule{Table: table, Chain: &nftables.Chain{Name: "prerouting"}, Exprs: []expr.Any{&expr.Counter{}}})
		},
	} {
		set(t, f)
		c, err := nft()
		if err != nil {
			t.Fatal(err)
		}
		if alter(c); c.Flush() != nil {
			t.Fatalf("%s: cannot be altered", name)
		}
		got, err := readFirewall("db")
		if err != nil || got == nil || !got.Altered {
			t.Errorf("%s: got %+v, %v: want it altered", name, got, err)
		}
	}
	if err := doFirewall(host.RemoveFirewall{Network: "db"}); err != nil {
		t.Fatal(err)
	}
	wantFirewall(t, nil)
}

func addresses(t *testing.T, text string) []netip.Prefix {
	t.Helper()
	out, err := host.Addresses(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
