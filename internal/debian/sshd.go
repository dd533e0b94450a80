package debian

import (
	"path"
	"slices"
	"strings"
)

// SSHDConfig is the main file of sshd's configuration, and SSHDConfigDir has the
// drop-ins that it includes on Debian.
const (
	SSHDConfig    = "/etc/ssh/sshd_config"
	SSHDConfigDir = "/etc/ssh/sshd_config.d"
)

// SSHDLine is a line of sshd_config(5) that says something.
type SSHDLine struct {
	Name, Key string // the keyword as written, and as sshd knows it, in lower case
	Args      []string
	Number    int // from 1
}

// ParseSSHD reads a file of sshd's configuration.
func ParseSSHD(data []byte) []SSHDLine {
	var out []SSHDLine
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		if words := sshdWords(strings.TrimRight(line, "\r\n")); len(words) > 0 && words[0] != "" {
			out = append(out, SSHDLine{Name: words[0], Key: sshdKey(words[0]), Args: words[1:], Number: number})
		}
	}
	return out
}

// Global are the lines outside of Match blocks.
func Global(lines []SSHDLine) []SSHDLine {
	var out []SSHDLine
	block := false
	for _, l := range lines {
		switch {
		case l.Key == "match":
			block = !l.MatchesAll()
		case !block:
			out = append(out, l)
		}
	}
	return out
}

func (l SSHDLine) String() string { return strings.Join(append([]string{l.Name}, l.Args...), " ") }

// MatchesAll reports whether the line ends a Match block.
func (l SSHDLine) MatchesAll() bool {
	return l.Key == "match" && len(l.Args) == 1 && strings.EqualFold(l.Args[0], "all")
}

// MatchesUsers reports whether the line begins a Match block that can hold for one
// user and not for another; also if it has a criterion that is not known. See Match
// in sshd_config(5).
func (l SSHDLine) MatchesUsers() bool {
	if l.Key != "match" || l.MatchesAll() {
		return false
	}
	criteria := strings.FieldsFunc(strings.Join(l.Args, " "), func(c rune) bool { return c == ' ' || c == '=' })
	for i := 0; i < len(criteria); i += 2 {
		switch strings.ToLower(criteria[i]) {
		case "host", "address", "localaddress", "localport", "rdomain":
		default:
			return true
		}
	}
	return false
}

// Includes are the patterns of the files that the line includes, as absolute paths:
// sshd takes them relative to /etc/ssh.
func (l SSHDLine) Includes() []string {
	if l.Key != "include" {
		return nil
	}
	out := slices.Clone(l.Args)
	for i, pattern := range out {
		if !path.IsAbs(pattern) {
			out[i] = path.Join(path.Dir(SSHDConfig), pattern)
		}
	}
	return out
}

// IncludesFile reports whether the line includes the file at an absolute path.
func (l SSHDLine) IncludesFile(at string) bool {
	return slices.ContainsFunc(l.Includes(), func(pattern string) bool {
		ok, err := path.Match(pattern, at)
		return ok && err == nil
	})
}

// sshdKey is the lower-case name under which sshd knows a keyword, which may be
// an old name of another.
func sshdKey(name string) string {
	switch key := strings.ToLower(name); key {
	case "challengeresponseauthentication", "skeyauthentication":
		return "kbdinteractiveauthentication"
	case "pubkeyacceptedkeytypes":
		return "pubkeyacceptedalgorithms"
	case "hostbasedacceptedkeytypes":
		return "hostbasedacceptedalgorithms"
	default:
		return key
	}
}

// sshdBlanks are what sshd takes for the space between words.
const sshdBlanks = " \t\r\n\f\v"

// sshdWords splits a line as sshd does: at blanks, after the keyword at one equals
// sign, too, and not within quotes. A comment ends it, and one equals sign before
// the keyword is passed over.
func sshdWords(line string) []string {
	var out []string
	rest := strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(line, sshdBlanks), "="), sshdBlanks)
	for rest != "" && rest[0] != '#' {
		var word string
		if rest[0] == '"' {
			word, rest, _ = strings.Cut(rest[1:], `"`)
		} else {
			end := strings.IndexAny(rest, sshdBlanks+`"`)
			if len(out) == 0 {
				end = strings.IndexAny(rest, sshdBlanks+`"=`)
			}
			if end < 0 {
				end = len(rest)
			}
			word, rest = rest[:end], rest[end:]
		}
		out = append(out, word)
		rest = strings.TrimLeft(rest, sshdBlanks)
		if len(out) == 1 {
			rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), sshdBlanks)
		}
	}
	return out
}
