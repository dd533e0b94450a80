package debian

import (
	"net/netip"
	"strings"
)

// HostsFile is where the resolver's source "files" looks names up: see hosts(5).
const HostsFile = "/etc/hosts"

// HostsName is a name as it is asked for: one with an address of IPv6 or of IPv4.
type HostsName struct {
	Name string
	IPv6 bool
}

// HostsAnswer is the address of a name, and the line that gives it.
type HostsAnswer struct {
	Addr netip.Addr
	Line int
}

// FirstAddresses are what the resolver answers first for each name.
func FirstAddresses(content []byte) map[HostsName]HostsAnswer {
	out := map[HostsName]HostsAnswer{}
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		addr, names := HostsLine(line)
		for six, answer := range HostsAnswers(addr) {
			for _, name := range names {
				key := HostsName{Name: name, IPv6: six}
				if _, there := out[key]; !there {
					out[key] = HostsAnswer{Addr: answer, Line: number}
				}
			}
		}
	}
	return out
}

// HostsAnswers are what a line with an address answers whoever asks for IPv6 or for
// IPv4. Of glibc's source "files" an IPv4 address is also had from ::1 and from mapped
// addresses: see nss/nss_files/files-hosts.c there.
func HostsAnswers(addr netip.Addr) map[bool]netip.Addr {
	out := map[bool]netip.Addr{addr.Is6(): addr}
	switch {
	case addr.Is4In6():
		out[false] = addr.Unmap()
	case addr == netip.IPv6Loopback():
		out[false] = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return out
}

// HostsLine takes a line apart; capitals do not count in names. Without an address
// that can be read the resolver passes over it: it has no names then.
func HostsLine(line string) (netip.Addr, []string) {
	line, _, _ = strings.Cut(line, "#")
	fields := strings.Fields(strings.ToLower(line))
	if len(fields) == 0 {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(fields[0])
	if err != nil {
		return netip.Addr{}, nil
	}
	return addr, fields[1:]
}
