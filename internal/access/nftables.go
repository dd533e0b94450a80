package access

import (
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/words"
)

// nftLets reports whether a file of nftables certainly lets everybody reach some ports of
// this host by TCP, whatever network they come from, and see its answers: see nft(8). What
// is not understood of it does not.
func nftLets(text string, ports []int) bool {
	p := &nftParser{words: nftWord().FindAllString(text, -1), ports: ports}
	p.words = slices.DeleteFunc(p.words, func(w string) bool { return w[0] == '#' })
	for len(p.words) > 0 && len(ports) > 0 {
		line := p.line()
		switch {
		case len(line) == 0:
		case slices.Equal(line, []string{"flush", "ruleset"}):
		case line[0] == "table" && len(line) > 2 && line[len(line)-1] == "{" && (len(line) == 3 || len(line) == 4 && isAmong(line[1], "ip ip6 inet")):
			if !p.table() {
				return false
			}
		default:
			return false
		}
	}
	return len(ports) > 0
}

// nftWord is a word, a comment, a string, or a sign, the ends of lines among them.
var nftWord = words.Pattern(`#[^\n]*|"[^"\n]*"|\\\n|[{};,\n]|[^\s{};,"#]+`)

type nftParser struct {
	words []string
	ports []int
}

func (p *nftParser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

// line are the words up to the end of a line, a semicolon, the brace that opens a block or
// the one that closes it. A set between braces is one word.
func (p *nftParser) line() []string {
	var out []string
	for len(p.words) > 0 {
		switch w := p.next(); w {
		case "\n", ";":
			if len(out) > 0 {
				return out
			}
		case "\\\n":
		case "}":
			if len(out) > 0 {
				p.words = append([]string{w}, p.words...)
				return out
			}
			return []string{w}
		case "{":
			if len(out) > 0 && isAmong(out[0], "table chain set map flowtable counter quota limit") && len(out) < 4 && !slices.Contains(out, "dport") {
				return append(out, w)
			}
			out = append(out, p.set())
		case ",":
			if len(out) > 0 {
				out[len(out)-1] += ","
			}
		default:
			if len(out) > 0 && strings.HasSuffix(out[len(out)-1], ",") {
				out[len(out)-1] += w
			} else {
				out = append(out, w)
			}
		}
	}
	return out
}

// set is one between braces, with blanks between its words.
func (p *nftParser) set() string {
	out := "{"
	for len(p.words) > 0 {
		w := p.next()
		if w == "}" {
			return out + " }"
		}
		if w != "\n" {
			out += " " + w
		}
	}
	return out
}

// table reports whether all chains of a table that see packets of the ports let them
// through.
func (p *nftParser) table() bool {
	for len(p.words) > 0 {
		line := p.line()
		switch {
		case len(line) == 0:
		case line[0] == "}":
			return true
		case len(line) == 3 && line[0] == "chain" && line[2] == "{":
			if !p.chain() {
				return false
			}
		default:
			return false
		}
	}
	return false
}

// What nftables loads at the start, and by what.
const (
	nftConf = "/etc/nftables.conf"
	nftUnit = "nftables.service"
)

// nftOpen reports whether the file of nftables certainly lets everybody reach some ports.
func nftOpen(r host.Reader, ports []int) (bool, error) {
	data, err := host.ReadThrough(r, nftConf)
	if host.IsUnknown(err) {
		return false, nil
	}
	return err == nil && nftLets(string(data), ports), err
}

// ports are those on which sshd listens; none, if that is not known.
func (j *judge) ports() []int {
	var out []int
	for _, at := range j.listens {
		n, err := strconv.Atoi(at[strings.LastIndexByte(at, ':')+1:])
		if err != nil {
			return nil
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
