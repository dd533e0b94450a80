package access

import (
	"net/netip"
	"slices"
)

// answers finds out where sshd answers people: from where they can reach which address
// nobody knows here, but that they come to none of IPv6 where the host has none.
func (j *judge) answers() error {
	facts, err := j.Facts()
	if err != nil || len(j.listens) == 0 {
		return err
	}
	j.way.Listens = slices.DeleteFunc(slices.Clone(j.listens), func(at string) bool {
		a, err := netip.ParseAddrPort(at)
		return err == nil && a.Addr().Is6() && !facts.IPv6
	})
	return nil
}

// unanswered are the addresses at which sshd does not answer any more: that it does at
// more of them keeps nobody out.
func unanswered(before, after []string) []string {
	if before == nil || after == nil {
		return nil // it could not be asked
	}
	return slices.DeleteFunc(slices.Clone(before), func(at string) bool {
		a, err := netip.ParseAddrPort(at)
		if err != nil {
			return slices.Contains(after, at)
		}
		any := netip.IPv4Unspecified()
		if a.Addr().Is6() {
			any = netip.IPv6Unspecified()
		}
		return slices.Contains(after, at) || slices.Contains(after, netip.AddrPortFrom(any, a.Port()).String())
	})
}
