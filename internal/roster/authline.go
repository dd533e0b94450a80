package roster

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"path"
	"strings"
)

// Authorized is the fingerprint of the key in one line of a present
// authorized_keys, read as sshd reads it: with white space in front, options,
// and keys of any type and size. Empty: there is none.
func Authorized(line string) string {
	line = strings.Trim(line, " \t\r\n")
	if line == "" || line[0] == '#' {
		return ""
	}
	if fp := fingerprintIn(line); fp != "" {
		return fp
	}
	return fingerprintIn(strings.TrimLeft(line[optionsLength(line):], " \t"))
}

// optionsLength is where the options end that a line begins with.
func optionsLength(line string) int {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line) && line[i+1] == '"':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
			return i
		}
	}
	return len(line)
}

// fingerprintIn is that of a line TYPE BASE64 …; empty if it is none.
func fingerprintIn(line string) string {
	words := strings.Fields(line)
	if len(words) < 2 {
		return ""
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(words[1], "="))
	const length = 4 // of the number in front of the type's name
	if err != nil || len(raw) < length {
		return ""
	}
	n := int(binary.BigEndian.Uint32(raw))
	if n <= 0 || n > len(raw)-length || string(raw[length:length+n]) != words[0] {
		return ""
	}
	sum := sha256.Sum256(raw)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// MatchPatterns compares a name with patterns of sshd's, see PATTERNS in
// ssh_config(5): one that matches with an exclamation mark refuses the name,
// whatever else matches.
func MatchPatterns(patterns []string, name string) (matched, refused bool) {
	// Of what path.Match knows, sshd has * and ? alone, and a slash is nothing special.
	literal := strings.NewReplacer(`\`, `\\`, "[", `\[`, "/", "\x00")
	name = strings.ReplaceAll(name, "/", "\x00")
	for _, p := range patterns {
		p, negated := strings.CutPrefix(p, "!")
		ok, err := path.Match(literal.Replace(p), name)
		if err != nil || !ok {
			continue
		}
		if negated {
			return false, true
		}
		matched = true
	}
	return matched, false
}
