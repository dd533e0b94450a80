package access

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/roster"
)

// mostPlaces bounds of how many connections sshd is asked.
const mostPlaces = 16

// place is one of the things by which Match tells connections apart: lists are those of
// patterns that the Match blocks have for it, and some the values that are tried, the
// first one in particular of nowhere.
type place struct {
	criterion, key string
	lists          [][]string
	some           []string
}

func places() []*place {
	return []*place{
		{criterion: "address", key: "addr", some: []string{"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"}},
		{criterion: "host", key: "host", some: []string{"elsewhere.invalid"}},
		{criterion: "localaddress", key: "laddr", some: []string{"192.0.2.2", "198.51.100.2", "2001:db8::2"}},
		{criterion: "localport", key: "lport", some: []string{"22", "2"}},
	}
}

// elsewhere are connections for which sshd may have another configuration than for
// those from here: of all those of which each Match block says the same, one. The first
// is from nowhere in particular. None: sshd does not ask where somebody comes from.
// Doubts are why there may be others.
func elsewhere(text string) (connections, doubts []string) {
	all := places()
	asks := false
	for _, l := range debian.ParseSSHD([]byte(text)) {
		if l.Key != "match" || l.MatchesAll() {
			continue
		}
		f := strings.FieldsFunc(strings.Join(l.Args, " "), func(c rune) bool { return c == ' ' || c == '=' })
		for i := 0; i < len(f); i += 2 {
			name := strings.ToLower(f[i])
			at := slices.IndexFunc(all, func(p *place) bool { return p.criterion == name })
			switch {
			case at >= 0 && i+1 < len(f):
				asks = true
				all[at].lists = append(all[at].lists, strings.Split(strings.Trim(f[i+1], `"`), ","))
			case name != "user" && name != "group":
				doubts = append(doubts, "sshd's configuration asks for what opsafe does not know: "+l.String())
			}
		}
	}
	if !asks {
		return nil, doubts
	}
	connections = []string{""}
	for _, p := range all {
		values, doubt := p.kinds()
		if doubt != "" {
			doubts = append(doubts, doubt)
		}
		var more []string
		for _, v := range values {
			for _, c := range connections {
				more = append(more, strings.TrimPrefix(c+","+p.key+"="+v, ","))
			}
		}
		connections = more
	}
	if n := len(connections); n > mostPlaces {
		doubts = append(doubts, fmt.Sprintf("sshd's Match blocks tell %d sorts of connections apart, of which opsafe asks about %d", n, mostPlaces))
		connections = connections[:mostPlaces]
	}
	return connections, doubts
}

// kinds are values of which the lists of patterns say different things, one of each
// sort. It is a doubt if none is found that a list matches, or none that it does not.
func (p *place) kinds() (values []string, doubt string) {
	try := slices.Clone(p.some)
	for _, list := range p.lists {
		for _, pattern := range list {
			try = append(try, p.examples(strings.TrimPrefix(pattern, "!"))...)
		}
	}
	seen := map[string]bool{}
	found := make([]struct{ in, out bool }, len(p.lists))
	for _, v := range try {
		var sort strings.Builder
		for i, list := range p.lists {
			in := p.matches(list, v)
			found[i].in, found[i].out = found[i].in || in, found[i].out || !in
			fmt.Fprint(&sort, in)
		}
		if !seen[sort.String()] {
			seen[sort.String()] = true
			values = append(values, v)
		}
	}
	for i, list := range p.lists {
		never := !slices.ContainsFunc(list, func(s string) bool { return s != "" && s[0] != '!' })
		always := slices.Contains(list, "*")
		if !found[i].in && !never || !found[i].out && !always {
			doubt = fmt.Sprintf("it is not known from where sshd's Match %s %s holds", p.criterion, strings.Join(list, ","))
		}
	}
	return values, doubt
}

// matches reports whether a list of patterns holds for a value, see PATTERNS in
// ssh_config(5): one with an exclamation mark that matches refuses it.
func (p *place) matches(list []string, value string) bool {
	matched := false
	addr, _ := netip.ParseAddr(value)
	for _, pattern := range list {
		pattern, negated := strings.CutPrefix(pattern, "!")
		ok, _ := roster.MatchPatterns([]string{strings.ToLower(pattern)}, strings.ToLower(value))
		if net, isNet := network(pattern); isNet && addr.IsValid() {
			ok = net.Contains(addr)
		}
		if ok && negated {
			return false
		}
		matched = matched || ok
	}
	return matched
}

// network is the range of addresses that a pattern is, if it is one.
func network(pattern string) (netip.Prefix, bool) {
	if net, err := netip.ParsePrefix(pattern); err == nil {
		return net.Masked(), true
	}
	addr, err := netip.ParseAddr(pattern)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, addr.BitLen()), true
}

// examples are values that a pattern matches, and some close to them that it does not.
func (p *place) examples(pattern string) []string {
	if net, ok := network(pattern); ok && p.addresses() {
		first, last := net.Addr(), net.Addr().AsSlice()
		for bit := net.Bits(); bit < len(last)*8; bit++ {
			last[bit/8] |= 0x80 >> (bit % 8)
		}
		end, _ := netip.AddrFromSlice(last)
		var out []string
		for _, a := range []netip.Addr{first, end, end.Next(), first.Prev()} {
			if a.IsValid() {
				out = append(out, a.String())
			}
		}
		return out
	}
	var out []string
	for _, filled := range []string{"1", "7", "1.1", "1.1.1", "1.1.1.1", "1::1", ":1"} {
		value := strings.NewReplacer("*", filled, "?", filled[:1]).Replace(pattern)
		if _, err := netip.ParseAddr(value); err == nil || !p.addresses() {
			out = append(out, value)
		}
	}
	return out
}

func (p *place) addresses() bool { return strings.HasSuffix(p.key, "addr") }
