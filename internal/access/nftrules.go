package access

import (
	"slices"
	"strconv"
	"strings"
)

// Packets that have to get through: of a new connection, and of one that is there.
const (
	nftNew         = "new"
	nftEstablished = "established"
)

func (p *nftParser) chain() bool {
	var rules [][]string
	hook, typ, policy, closed := "", "", nftAccept, false
	for !closed && len(p.words) > 0 {
		line := p.line()
		switch {
		case len(line) == 0:
		case line[0] == "}":
			closed = true
		case line[0] == "type" && len(line) > 5 && line[2] == "hook" && line[4] == "priority":
			typ, hook = line[1], line[3]
		case line[0] == "policy" && len(line) == 2:
			policy = line[1]
		default:
			rules = append(rules, line)
		}
	}
	switch {
	case !closed:
		return false
	case hook == "", hook == "forward":
		return true // a chain that others would have to jump to, and packets of other hosts
	case len(rules) == 0 && policy == nftAccept:
		return true
	case typ != "filter":
		return false
	case hook == "input":
		return p.passes(rules, policy, nftNew) && p.passes(rules, policy, nftEstablished)
	case hook == "output":
		return p.passes(rules, policy, nftEstablished) && !slices.ContainsFunc(rules, func(r []string) bool { return slices.Contains(r, "sport") })
	}
	return false
}

const nftAccept = "accept"

// passes reports whether a packet of such a connection certainly gets through the rules.
func (p *nftParser) passes(rules [][]string, policy, state string) bool {
	for _, rule := range rules {
		verdict, sure := p.verdict(rule, state)
		switch {
		case verdict == "":
		case verdict == nftAccept && sure:
			return true
		case verdict != nftAccept:
			return false
		}
	}
	return policy == nftAccept
}

// verdict is what a rule comes to for a packet of such a connection that arrives from
// elsewhere; empty: it lets it go on to the next. Sure says that it is about each of them.
func (p *nftParser) verdict(rule []string, state string) (verdict string, sure bool) {
	sure = true
	for i := 0; i < len(rule); {
		matched, used := p.match(rule[i:], state)
		switch w := rule[i]; {
		case used > 0 && matched == nftNot:
			return "", true
		case used > 0:
			sure = sure && matched == nftYes
			i += used
		case len(rule) > i+3 && w == "ct" && rule[i+1] == "state" && rule[i+2] == "vmap":
			verdict = mapped(rule[i+3], state)
			return verdict, sure && verdict != ""
		case isAmong(w, "counter packets bytes log prefix level flags all group comment"), w[0] == '"', strings.Trim(w, "0123456789") == "":
			i++
		case isAmong(w, "info warn notice debug err") && i > 0 && rule[i-1] == "level":
			i++
		case w == nftAccept:
			return w, sure
		default: // it is not understood what the rule is about, or what it does
			if slices.Contains(rule[i:], nftAccept) && rule[len(rule)-1] == nftAccept && !isAmong(w, "jump goto queue") {
				return nftAccept, false
			}
			return w, false
		}
	}
	return "", true
}

type nftMatch int

const (
	nftNot nftMatch = iota
	nftYes
	nftMaybe
)

// match is whether what a rule begins with is so of a packet of such a connection, and how
// many words that are; none if it is not understood.
func (p *nftParser) match(r []string, state string) (is nftMatch, used int) {
	at := func(i int) string {
		if i < len(r) {
			return r[i]
		}
		return ""
	}
	whether := func(ok bool) nftMatch {
		if ok {
			return nftYes
		}
		return nftNot
	}
	plain := func(i int) bool { return at(i) != "" && !isAmong(at(i), "vmap != == & < > <= >=") }
	switch {
	case isAmong(at(0), "iif iifname") && strings.Trim(at(1), `"`) == "lo", isAmong(at(0), "oif oifname") && strings.Trim(at(1), `"`) == "lo":
		return nftNot, 2
	case isAmong(at(0), "iif iifname") && at(1) == "!=" && strings.Trim(at(2), `"`) == "lo":
		return nftYes, 3
	case at(0) == "ct" && at(1) == "state" && plain(2):
		return whether(slices.Contains(setWords(at(2)), state)), 3
	case at(0) == "tcp" && at(1) == "dport" && plain(2):
		return p.portIn(setWords(at(2))), 3
	case isAmong(at(0), "udp sctp icmp icmpv6") && plain(1) && plain(2):
		return nftNot, 3
	case isAmong(at(0)+"/"+at(1), "ip/protocol ip6/nexthdr meta/l4proto") && plain(2):
		list := setWords(at(2))
		if slices.ContainsFunc(list, func(w string) bool { return strings.Trim(w, "abcdefghijklmnopqrstuvwxyz-6") != "" }) {
			return nftMaybe, 3
		}
		return whether(slices.Contains(list, "tcp")), 3
	}
	return nftMaybe, 0
}

// portIn reports whether all ports are among those of a set.
func (p *nftParser) portIn(set []string) nftMatch {
	in := func(port int) nftMatch {
		out := nftNot
		for _, w := range set {
			first, last, ranges := strings.Cut(w, "-")
			if first == "ssh" {
				first = "22"
			}
			from, err := strconv.Atoi(first)
			to, err2 := strconv.Atoi(last)
			switch {
			case err == nil && (!ranges && from == port || ranges && err2 == nil && from <= port && port <= to):
				return nftYes
			case err != nil || ranges && err2 != nil:
				out = nftMaybe // the name of a service
			}
		}
		return out
	}
	out := in(p.ports[0])
	for _, port := range p.ports[1:] {
		if in(port) != out {
			return nftMaybe
		}
	}
	return out
}

// setWords are the elements of a set, or of a list with commas.
func setWords(set string) []string {
	return strings.FieldsFunc(strings.Trim(set, "{}"), func(c rune) bool { return c == ',' || c == ' ' })
}

// mapped is what a map of states has for one; empty: nothing.
func mapped(set, state string) string {
	f := strings.Fields(strings.NewReplacer("{", " ", "}", " ", ",", " ", ":", " ").Replace(set))
	for i := 0; i+1 < len(f); i += 2 {
		if f[i] == state {
			return f[i+1]
		}
	}
	return ""
}
