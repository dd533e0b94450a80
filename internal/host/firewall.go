package host

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// Firewalls are what opsafe keeps in the kernel's nftables: what the containers of a
// docker network may send to.
type Firewalls interface {
	// Firewall reads that of a network out of the kernel. Nil: there is none. An
	// *UnknownError: only root may see it.
	Firewall(ctx context.Context, network string) (*Firewall, error)
}

// Firewall is the addresses that the containers of a docker network may send to.
// Everything else that they send is refused: what the host would forward, and what is
// for the host itself.
type Firewall struct {
	Network string `json:"network"`
	// Interface is the name of the network's bridge.
	Interface string `json:"interface"`
	// Allow are the addresses, as Canonical gives them.
	Allow []netip.Prefix `json:"allow,omitempty" yaml:"allow"`
	// Listed stands for Allow in what is recorded.
	Listed *AddressList `json:"listed,omitempty" yaml:"listed"`
	// Altered is set when there is more or less in the kernel than opsafe has put
	// there.
	Altered bool `json:"altered,omitempty" yaml:"altered"`
}

// AddressList stands for addresses that may not be shown.
type AddressList struct {
	Count  int    `json:"count"`
	Digest string `json:"digest"`
	// Problem is why they cannot be read; empty: they can.
	Problem string `json:"problem,omitempty"`
}

// ListOf stands for addresses: the same ones have the same digest.
func ListOf(addresses []netip.Prefix) AddressList {
	words := make([]string, len(addresses))
	for i, a := range addresses {
		words[i] = a.String()
	}
	return AddressList{Count: len(addresses), Digest: SecretDigest("addresses", []byte(strings.Join(words, " ")))}
}

// List stands for the addresses of the firewall.
func (f Firewall) List() AddressList {
	if f.Listed != nil {
		return *f.Listed
	}
	return ListOf(f.Allow)
}

// Shown is what is shown of the addresses.
func (f Firewall) Shown() string {
	list := f.List()
	if list.Count == 0 {
		return "none"
	}
	return fmt.Sprintf("%d %s", list.Count, Hidden(list.Digest))
}

// Same reports whether two let the same through, and nobody has altered either.
func (f Firewall) Same(other Firewall) bool {
	return f.Network == other.Network && f.Interface == other.Interface && f.sameAddresses(other) && !f.Altered && !other.Altered
}

// sameAddresses compares digests only where it has to: making one takes long.
func (f Firewall) sameAddresses(other Firewall) bool {
	if f.Listed == nil && other.Listed == nil {
		return slices.Equal(f.Allow, other.Allow)
	}
	return f.List() == other.List()
}

// Differ says what there is to be changed of a firewall, nil for none, to another one.
func (f *Firewall) Differ(want Firewall, say func(name, before, after string)) {
	if f == nil {
		say("interface", "", want.Interface)
		say("addresses", "", want.Shown())
		return
	}
	say("interface", f.Interface, want.Interface)
	say("addresses", f.Shown(), want.Shown())
	if f.Altered {
		say("rules", "altered by somebody", "as declared")
	}
}

// Redacted is the firewall without its addresses.
func (f Firewall) Redacted() Firewall {
	list := f.List()
	f.Allow, f.Listed = nil, &list
	return f
}

// MaxAddresses is how many addresses a firewall may have. Each packet that a container
// sends is compared with one after the other.
const MaxAddresses = 1024

// Addresses reads a list of addresses and ranges (CIDR) of IPv4 and IPv6, with white
// space or commas between them. Its error does not show them.
func Addresses(text string) ([]netip.Prefix, error) {
	words := strings.FieldsFunc(text, func(c rune) bool { return c == ',' || unicode.IsSpace(c) })
	var out []netip.Prefix
	for i, word := range words {
		p, err := Address(word)
		if err != nil {
			return nil, fmt.Errorf("entry %d of %d %w", i+1, len(words), err)
		}
		out = append(out, p)
	}
	return Canonical(out)
}

// Address reads one of them. Its error does not show it.
func Address(word string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(word); err == nil && a.Zone() == "" && !a.Is4In6() {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(word)
	if err != nil || p.Addr().Is4In6() {
		return p, fmt.Errorf("is no address: want one such as 10.1.2.3, 10.1.0.0/16 or fd00::/64")
	}
	if p != p.Masked() {
		return p, fmt.Errorf("is a range whose address has bits behind its length: want one such as 10.1.0.0/16")
	}
	return p, nil
}

// Canonical are the addresses in order, each once, without those that are within
// another, and with two halves of a range as the whole: at most as many as a firewall
// may have.
func Canonical(addresses []netip.Prefix) ([]netip.Prefix, error) {
	all := slices.Clone(addresses)
	slices.SortFunc(all, netip.Prefix.Compare)
	var out []netip.Prefix
	for _, a := range all {
		if n := len(out); n == 0 || !out[n-1].Overlaps(a) { // the wider one comes first
			out = joined(append(out, a))
		}
	}
	if len(out) > MaxAddresses {
		return nil, fmt.Errorf("%d addresses are more than a firewall takes (%d): say ranges such as 10.1.0.0/16", len(out), MaxAddresses)
	}
	return out, nil
}

// joined has the last two ranges as one, and that with the one before it, as long as
// they are halves of one.
func joined(ranges []netip.Prefix) []netip.Prefix {
	whole := func(p netip.Prefix) netip.Prefix { return netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked() }
	for n := len(ranges); n > 1; n = len(ranges) {
		a, b := ranges[n-2], ranges[n-1]
		if a.Bits() == 0 || a.Bits() != b.Bits() || whole(a) != whole(b) {
			break
		}
		ranges = append(ranges[:n-2], whole(a))
	}
	return ranges
}

// FirewallStep is a step on the kernel's nftables.
//
//sumtype:decl
type FirewallStep interface {
	Step
	firewall()
}

// Firewalls.
type (
	// SetFirewall makes the firewall of a network, or puts it in the place of the one
	// that is there, at once: at no time is anything let through that neither allows.
	SetFirewall struct{ Firewall Firewall }
	// RemoveFirewall takes that of a network away.
	RemoveFirewall struct{ Network string }
)

func (SetFirewall) firewall()    {}
func (RemoveFirewall) firewall() {}

func (s SetFirewall) touches(context.Context, Reader) []Touch {
	return touch(SubjectFirewall, s.Firewall.Network)
}

func (s RemoveFirewall) touches(context.Context, Reader) []Touch {
	return touch(SubjectFirewall, s.Network)
}
