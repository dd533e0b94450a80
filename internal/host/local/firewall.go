package local

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// firewallBuffer is room for the longest list in one transaction, in bytes.
const firewallBuffer = 8 << 20

// nft is a connection to the kernel's nftables.
func nft() (*nftables.Conn, error) {
	room := func(c *netlink.Conn) error {
		return errors.Join(c.SetReadBuffer(firewallBuffer), c.SetWriteBuffer(firewallBuffer))
	}
	return nftables.New(nftables.WithSockOptions(room))
}

// Firewall reads the table of a network's firewall.
func (h *Host) Firewall(_ context.Context, network string) (*host.Firewall, error) {
	what := "firewall of docker network " + network
	if os.Geteuid() != 0 {
		return nil, &host.UnknownError{What: what, Why: "only root may see it"}
	}
	f, err := readFirewall(network)
	if err != nil {
		return nil, firewallError("cannot read the "+what, err)
	}
	return f, nil
}

// firewallError says why nftables cannot be had. What iptables-legacy has in place is
// no reason: the kernel asks both, and what one of them refuses does not pass.
func firewallError(doing string, err error) error {
	for _, none := range []error{unix.EPROTONOSUPPORT, unix.EAFNOSUPPORT, unix.EOPNOTSUPP, unix.EINVAL, unix.ENOENT} {
		if errors.Is(err, none) {
			return fmt.Errorf("%s: this kernel has no nftables, or not all of it that is needed (nf_tables, nft_ct, nft_reject_inet, and reject in prerouting, which came with Linux 5.9): boot a kernel of the distribution that has them: %w", doing, err)
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func readFirewall(network string) (*host.Firewall, error) {
	have, err := readTable(firewallTable(network))
	if have == nil || err != nil {
		return nil, err
	}
	f := &host.Firewall{Network: network}
	for _, c := range have.chains {
		for _, rule := range c.rules {
			if a, ok := destinationOf(rule); ok {
				f.Allow = append(f.Allow, a)
			}
			if name := interfaceOf(rule); name != "" {
				f.Interface = name
			}
		}
	}
	if allow, err := host.Canonical(f.Allow); err == nil {
		f.Allow = allow
		f.Altered = !have.same(tableOf(*f))
	} else {
		f.Altered = true // by somebody: opsafe puts no more into one than it takes
	}
	return f, nil
}

// readTable reads a table; nil: there is none.
func readTable(name string) (*nftTable, error) {
	c, err := nft()
	if err != nil {
		return nil, err
	}
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, err
	}
	var out *nftTable
	for _, t := range tables {
		if t.Name == name {
			out = &nftTable{name: t.Name, dormant: t.Flags != 0}
		}
	}
	if out == nil {
		return nil, nil
	}
	chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, err
	}
	for _, ch := range chains {
		if ch.Table.Name != name {
			continue
		}
		rules, err := c.GetRules(ch.Table, ch)
		if err != nil {
			return nil, err
		}
		chain := nftChain{name: ch.Name, hook: ch.Hooknum, priority: ch.Priority, policy: ch.Policy}
		for _, r := range rules {
			chain.rules = append(chain.rules, r.Exprs)
		}
		out.chains = append(out.chains, chain)
	}
	return out, nil
}

// doFirewall carries out the steps on firewalls, each in one transaction.
func doFirewall(s host.FirewallStep) error {
	switch s := s.(type) {
	case host.SetFirewall:
		return wrapFirewall("set", s.Firewall.Network, setFirewall(s.Firewall))
	case host.RemoveFirewall:
		return wrapFirewall("remove", s.Network, removeFirewall(s.Network))
	}
	return errNoStep
}

func wrapFirewall(verb, network string, err error) error {
	if err == nil {
		return nil
	}
	return firewallError("cannot "+verb+" the firewall of docker network "+network, err)
}

func setFirewall(f host.Firewall) error {
	if f.Listed != nil {
		return errors.New("its addresses are not known")
	}
	c, err := nft()
	if err != nil {
		return err
	}
	t := tableOf(f)
	c.AddTable(t.table()) // or there may be none that could be deleted
	c.DelTable(t.table())
	t.add(c)
	return c.Flush()
}

func removeFirewall(network string) error {
	t, err := readTable(firewallTable(network))
	if err != nil {
		return err
	}
	if t == nil {
		return errors.New("there is none")
	}
	c, err := nft()
	if err != nil {
		return err
	}
	c.DelTable(t.table())
	return c.Flush()
}
