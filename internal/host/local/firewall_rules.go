package local

import (
	"bytes"
	"cmp"
	"net"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

const (
	rejectAny       = 2 // NFT_REJECT_ICMPX_UNREACH of linux/netfilter/nf_tables.h: ICMP or ICMPv6
	adminProhibited = 3 // NFT_REJECT_ICMPX_ADMIN_PROHIBITED
	directionReply  = 1 // IP_CT_DIR_REPLY

	// The messages by which hosts on a link find each other: RFC 4861, 4.3 and 4.4.
	neighbourAsk  = 135
	neighbourTell = 136

	offsetIPv4 = 16 // of the destination in the header: RFC 791, 3.1
	offsetIPv6 = 24 // RFC 8200, 3
)

// nftTable is a table of nftables, of IPv4 and IPv6, with all that is in it.
type nftTable struct {
	name    string
	dormant bool // it is there, and does nothing
	chains  []nftChain
}

// nftChain is a chain; without a hook it is one that rules jump to.
type nftChain struct {
	name     string
	hook     *nftables.ChainHook
	priority *nftables.ChainPriority
	policy   *nftables.ChainPolicy
	rules    [][]expr.Any
}

// firewallTable is the name of the table of a network's firewall.
func firewallTable(network string) string { return "opsafe-" + network }

// tableOf is the table of a firewall. Only what comes in by the interface is judged:
// nothing else is any the worse for it. It is judged before it is known whether it is
// for the host, and before docker or anybody sends it to another address.
func tableOf(f host.Firewall) nftTable {
	policy := nftables.ChainPolicyAccept
	sent := nftChain{name: "sent", rules: [][]expr.Any{
		// Answers to what others have begun. What a container has begun is judged
		// packet by packet, so that an address that goes off the list is gone at once.
		slices.Concat(isReply(), hasState(expr.CtStateBitESTABLISHED), accept()),
		slices.Concat(isProtocol(unix.IPPROTO_ICMP), hasState(expr.CtStateBitRELATED), accept()),
		slices.Concat(isProtocol(unix.IPPROTO_ICMPV6), hasState(expr.CtStateBitRELATED), accept()),
		slices.Concat(isProtocol(unix.IPPROTO_ICMPV6), isNeighbour(), accept()), // without it there is no IPv6 at all
	}}
	for _, a := range f.Allow {
		sent.rules = append(sent.rules, slices.Concat(isFor(a), accept()))
	}
	sent.rules = append(sent.rules, []expr.Any{&expr.Reject{Type: rejectAny, Code: adminProhibited}})
	return nftTable{name: firewallTable(f.Network), chains: []nftChain{sent, {
		name: "prerouting", hook: nftables.ChainHookPrerouting, priority: nftables.ChainPriorityMangle, policy: &policy,
		rules: [][]expr.Any{slices.Concat(isFrom(f.Interface), []expr.Any{&expr.Verdict{Kind: expr.VerdictJump, Chain: sent.name}})},
	}}}
}

func (t nftTable) table() *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyINet, Name: t.name}
}

// add adds the table to a transaction.
func (t nftTable) add(c *nftables.Conn) {
	table := c.AddTable(t.table())
	for _, ch := range t.chains {
		chain := &nftables.Chain{Name: ch.name, Table: table, Hooknum: ch.hook, Priority: ch.priority, Policy: ch.policy}
		if ch.hook != nil {
			chain.Type = nftables.ChainTypeFilter
		}
		c.AddChain(chain)
		for _, r := range ch.rules {
			c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: r})
		}
	}
}

// same reports whether two tables do the same.
func (t nftTable) same(other nftTable) bool {
	return t.dormant == other.dormant && slices.EqualFunc(t.sorted(), other.sorted(), func(a, b nftChain) bool {
		return a.name == b.name && equal(a.hook, b.hook) && equal(a.priority, b.priority) && equal(a.policy, b.policy) &&
			slices.EqualFunc(a.rules, b.rules, func(x, y []expr.Any) bool { return bytes.Equal(ruleBytes(x), ruleBytes(y)) })
	})
}

func (t nftTable) sorted() []nftChain {
	return slices.SortedFunc(slices.Values(t.chains), func(a, b nftChain) int { return cmp.Compare(a.name, b.name) })
}

// ruleBytes are a rule as the kernel is given it; nil if it cannot be written.
func ruleBytes(rule []expr.Any) []byte {
	var out []byte
	for _, e := range rule {
		data, err := expr.Marshal(byte(nftables.TableFamilyINet), e)
		if err != nil {
			return nil
		}
		out = append(out, data...)
	}
	return out
}

func equal[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// isFrom matches what comes in by an interface.
func isFrom(name string) []expr.Any {
	padded := make([]byte, unix.IFNAMSIZ)
	copy(padded, name)
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: padded}}
}

// interfaceOf is the interface that a rule of isFrom asks for; empty for another rule.
func interfaceOf(rule []expr.Any) string {
	const least = 2 // what isFrom makes
	if len(rule) < least {
		return ""
	}
	of, isMeta := rule[0].(*expr.Meta)
	is, compares := rule[1].(*expr.Cmp)
	if !isMeta || !compares || of.Key != expr.MetaKeyIIFNAME {
		return ""
	}
	return string(bytes.TrimRight(is.Data, "\x00"))
}

// isFor matches what is sent to an address.
func isFor(a netip.Prefix) []expr.Any {
	proto, offset, size := byte(unix.NFPROTO_IPV6), uint32(offsetIPv6), uint32(net.IPv6len)
	if a.Addr().Is4() {
		proto, offset, size = unix.NFPROTO_IPV4, offsetIPv4, net.IPv4len
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{proto}},
		&expr.Payload{Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size, DestRegister: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: size, Mask: net.CIDRMask(a.Bits(), a.Addr().BitLen()), Xor: make([]byte, size)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: a.Addr().AsSlice()},
	}
}

// destinationOf is the address that a rule of isFor lets through.
func destinationOf(rule []expr.Any) (netip.Prefix, bool) {
	const field, mask, address = 2, 3, 4 // as isFor makes them
	if len(rule) <= address {
		return netip.Prefix{}, false
	}
	_, read := rule[field].(*expr.Payload)
	by, masked := rule[mask].(*expr.Bitwise)
	is, compared := rule[address].(*expr.Cmp)
	if !read || !masked || !compared {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(is.Data)
	ones, _ := net.IPMask(by.Mask).Size()
	p := netip.PrefixFrom(a, ones)
	return p, ok && p.IsValid() && p == p.Masked()
}

func accept() []expr.Any { return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}} }

// isReply matches packets of the one who did not begin the connection.
func isReply() []expr.Any {
	return []expr.Any{&expr.Ct{Key: expr.CtKeyDIRECTION, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{directionReply}}}
}

func hasState(bit uint32) []expr.Any {
	const length = 4
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: length, Mask: binaryutil.NativeEndian.PutUint32(bit), Xor: make([]byte, length)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, length)},
	}
}

func isProtocol(number byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{number}}}
}

func isNeighbour() []expr.Any {
	return []expr.Any{
		&expr.Payload{Base: expr.PayloadBaseTransportHeader, Len: 1, DestRegister: 1},
		&expr.Cmp{Op: expr.CmpOpGte, Register: 1, Data: []byte{neighbourAsk}},
		&expr.Cmp{Op: expr.CmpOpLte, Register: 1, Data: []byte{neighbourTell}},
	}
}
