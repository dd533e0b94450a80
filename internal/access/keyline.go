package access

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsafe/internal/roster"
)

// keyLine is a line of authorized_keys(5) as sshd reads it. That is more than
// roster takes: blanks in front, several between, small keys.
type keyLine struct {
	number int
	text   string
	key    roster.Key // without a type: there is none that is understood
	// doubt says why it cannot be told what sshd makes of the line; empty: it can.
	doubt string

	authority     bool // it lets in whoever has a certificate of this key
	principals    string
	command       *string // that is run whatever is asked for
	pty, forwards bool
	opens         []string // to where it may forward, if not to everywhere
	from          string
	until         string
	ends          time.Time
}

// readKeyLines reads all lines of a file but empty ones and comments.
func readKeyLines(file string) []keyLine {
	var out []keyLine
	for i, line := range strings.Split(file, "\n") {
		line, _, _ = strings.Cut(line, "\x00") // where a line ends for a program in C
		line = strings.Trim(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		l := readKeyLine(line)
		l.number, l.text = i+1, line
		out = append(out, l)
	}
	return out
}

func readKeyLine(line string) keyLine {
	l := keyLine{pty: true, forwards: true}
	if key, ok := readKey(line); ok {
		l.key = key
		return l
	}
	end := optionsEnd(line)
	key, ok := readKey(strings.TrimLeft(line[end:], " \t"))
	if !ok {
		l.doubt = "it is no key that opsafe understands"
		return l
	}
	l.key, l.key.Options = key, line[:end]
	for _, o := range splitOptions(line[:end]) {
		l.option(o)
	}
	return l
}

// readKey reads TYPE BASE64 COMMENT.
func readKey(text string) (roster.Key, bool) {
	typ, rest := cutBlank(text)
	blob, comment := cutBlank(rest)
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(blob, "="))
	if err != nil || len(raw) < 4 {
		return roster.Key{}, false
	}
	n := int(binary.BigEndian.Uint32(raw))
	if n <= 0 || n > len(raw)-4 {
		return roster.Key{}, false
	}
	name := string(raw[4 : 4+n])
	if typ != name || !knownType(name) {
		return roster.Key{}, false
	}
	sum := sha256.Sum256(raw)
	return roster.Key{
		Type: name, Blob: base64.StdEncoding.EncodeToString(raw), Comment: comment,
		Fingerprint: "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:]),
	}, true
}

// cutBlank cuts off the first word.
func cutBlank(s string) (word, rest string) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

// knownType knows the types of keys, and their certificates.
func knownType(typ string) bool {
	return slices.Contains([]string{"ssh-ed25519", "ssh-rsa", "ssh-dss"}, typ) || strings.HasPrefix(typ, "ecdsa-sha2-nistp") ||
		strings.HasPrefix(typ, "sk-ssh-ed25519@") || strings.HasPrefix(typ, "sk-ecdsa-sha2-nistp") || strings.Contains(typ, "-cert-v0")
}

// optionsEnd is where the first blank outside of quotes stands.
func optionsEnd(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && (s[i] == ' ' || s[i] == '\t'):
			return i
		}
	}
	return len(s)
}

// splitOptions splits at the commas outside of quotes.
func splitOptions(s string) []string {
	var out []string
	begin, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && s[i] == ',':
			out, begin = append(out, s[begin:i]), i+1
		}
	}
	return append(out, s[begin:])
}

// option applies one option. They are applied in order: pty after restrict gives
// the terminal back.
func (l *keyLine) option(o string) {
	name, quoted, valued := strings.Cut(o, "=")
	name = strings.ToLower(name)
	if valued {
		value, ok := unquoted(quoted)
		if !ok {
			l.doubt = "the value of its option " + name + " is not in quotes"
			return
		}
		l.valued(name, value)
		return
	}
	switch name {
	case "restrict":
		l.pty, l.forwards = false, false
	case "pty", "no-pty":
		l.pty = name == "pty"
	case "port-forwarding", "no-port-forwarding":
		l.forwards = name == "port-forwarding"
	case "cert-authority":
		l.authority = true
	case "agent-forwarding", "no-agent-forwarding", "x11-forwarding", "no-x11-forwarding", "user-rc", "no-user-rc",
		"no-touch-required", "touch-required", "verify-required", "no-verify-required", "no-restrict", "no-cert-authority":
	default:
		l.unknownOption(name)
	}
}

func (l *keyLine) valued(name, value string) {
	switch name {
	case "command":
		l.command = &value
	case "principals":
		l.principals = value
	case "from":
		l.from = value
	case "permitopen":
		l.opens = append(l.opens, value)
	case "expiry-time":
		l.until = value
		ends, ok := readExpiry(value)
		if !ok {
			l.doubt = "its expiry-time " + strconv.Quote(value) + " is no time that opsafe understands"
		}
		l.ends = ends
	case "environment", "permitlisten", "tunnel":
	default:
		l.unknownOption(name)
	}
}

func (l *keyLine) unknownOption(name string) {
	l.doubt = "it has the option " + strconv.Quote(name) + ", which opsafe does not know"
}

// unquoted is what stands between quotes.
func unquoted(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", false
	}
	return strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`), true
}

func readExpiry(s string) (time.Time, bool) {
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.ParseInLocation(layout, strings.TrimSuffix(s, "Z"), time.UTC); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// zones is the most by which local time can be behind.
const zones = 14 * time.Hour

// over reports whether the line has certainly expired.
func (l *keyLine) over(now time.Time) bool {
	return !l.ends.IsZero() && now.After(l.ends.Add(zones))
}

// certain reports whether nothing is open about the line: roster understands it,
// too, and it is a key of its own that does not end.
func (l *keyLine) certain() bool {
	keys, err := roster.ParseKeys([]byte(l.text), "", roster.ParseOptions{Options: true, Comments: true, MinRSABits: 1})
	return err == nil && len(keys) == 1 && l.doubt == "" && l.until == "" && !l.authority
}

// accepted reports whether sshd takes keys of a type: its own type for RSA is of
// signatures that nobody takes any more.
func accepted(typ string, types []string) bool {
	if typ == "ssh-rsa" && (slices.Contains(types, "rsa-sha2-256") || slices.Contains(types, "rsa-sha2-512")) {
		return true
	}
	return slices.Contains(types, typ)
}
