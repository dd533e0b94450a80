package roster

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"opsafe/internal/spec"
)

// The limits of key files and answers.
const (
	// MaxKeyFile is the largest key file or answer that is read, in bytes.
	MaxKeyFile = 64 << 10
	// MaxKeyLine is the longest line, in bytes. The largest key that OpenSSH
	// makes, RSA with 16384 bits, takes about 2,800.
	MaxKeyLine = 8 << 10
	// DefaultRSABits is the smallest RSA key unless a spec says otherwise;
	// FloorRSABits is as low as a spec can go.
	DefaultRSABits = 3072
	FloorRSABits   = 2048
)

// Key is one public key.
type Key struct {
	Type string // ssh-ed25519, as in authorized_keys(5)
	Blob string // base64, canonical
	// Comment and Options are as written; empty for none.
	Comment string
	Options string
	// Fingerprint is as ssh-keygen -l shows it: SHA256:…
	Fingerprint string
	// Source is the file, relative to the repository, or the address that the
	// key came from, and Line where in it, from 1; 0 for an address.
	Source string
	Line   int
	// Bits is the size of the key: of the modulus for RSA, of the field for
	// the others.
	Bits int
}

// Place is where the key was read: keys/alice:2, or an address.
func (k Key) Place() string {
	if k.Line == 0 {
		return k.Source
	}
	return fmt.Sprintf("%s:%d", k.Source, k.Line)
}

// ParseOptions says what a list of keys may hold besides keys.
type ParseOptions struct {
	// MinRSABits is the smallest RSA key; 0 means DefaultRSABits.
	MinRSABits int
	// Comments allows blank lines and lines that begin with #.
	Comments bool
	// Options allows options in front of a key. They are checked as by
	// CheckOptions.
	Options bool
}

// privateKey is what to do about one.
const privateKey = "this is a private key: take it out, make a new pair, and put the .pub file here; this one is no longer secret"

func (o ParseOptions) minRSABits() int {
	if o.MinRSABits == 0 {
		return DefaultRSABits
	}
	return max(o.MinRSABits, FloorRSABits)
}

// ParseKeys reads public keys, one a line: TYPE BASE64 [COMMENT], with one
// space between. It takes all or nothing: x/crypto's own parser skips what it
// does not understand and so finds keys in places where nobody would look, as
// behind an error page or glued to another key's comment. Spaces at the end of
// a line and a last line without an end are accepted, CR, NUL and other control
// characters are not. The error is a spec.Problems with one entry for each bad
// line; it never quotes what could be a secret.
func ParseKeys(data []byte, source string, o ParseOptions) ([]Key, error) {
	var ps spec.Problems
	if len(data) > MaxKeyFile {
		ps.Addf(spec.Pos{File: source}, "is larger than %d KiB, which is the most that is read", MaxKeyFile>>10)
		return nil, ps
	}
	lines := strings.Split(string(data), "\n")
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "PRIVATE KEY-----") }); i >= 0 {
		// Of what is around it nothing is said: it is one thing, and secret.
		ps.Addf(spec.Pos{File: source, Line: i + 1, Column: 1}, "%s", privateKey)
		return nil, ps
	}
	if why := otherFormat(lines[0]); why != "" {
		ps.Addf(spec.Pos{File: source, Line: 1, Column: 1}, "%s", why)
		return nil, ps
	}
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	var keys []Key
	crlf := false
	for i, line := range lines {
		at := spec.Pos{File: source, Line: i + 1, Column: 1}
		if cut, ok := strings.CutSuffix(line, "\r"); ok {
			if !crlf {
				at.Column = len(line)
				ps.Addf(at, "the line ends in CR LF, as Windows writes it: save the file with LF line ends (dos2unix does it)")
			}
			crlf, line, at.Column = true, cut, 1
		}
		if o.Comments && skippable(line) {
			continue
		}
		k, f := parseLine(line, o)
		if f != nil {
			at.Column = f.column
			ps.Addf(at, "%s", f.text)
			continue
		}
		k.Source, k.Line = source, i+1
		keys = append(keys, k)
	}
	if err := ps.Err(); err != nil {
		return nil, err
	}
	return keys, nil
}

// skippable reports whether a line is blank or a comment. NUL is never right:
// it ends lines for some readers.
func skippable(line string) bool {
	if strings.ContainsAny(line, "\x00\r") {
		return false
	}
	line = strings.Trim(line, " \t")
	return line == "" || line[0] == '#'
}

// fault is what is wrong with a line, and where in it, in bytes from 1.
type fault struct {
	column int
	text   string
}

func faultf(column int, format string, args ...any) *fault {
	return &fault{column: column, text: fmt.Sprintf(format, args...)}
}

func parseLine(line string, o ParseOptions) (Key, *fault) {
	if f := checkLine(line); f != nil {
		return Key{}, f
	}
	line = strings.TrimRight(line, " ")
	options, begin, f := cutOptions(line, o)
	if f != nil {
		return Key{}, f
	}
	typ, rest, _ := strings.Cut(line[begin:], " ")
	blob, comment, _ := strings.Cut(rest, " ")
	if why := refusedType(typ); why != "" {
		return Key{}, faultf(begin+1, "%s", why)
	}
	k := Key{Type: typ, Blob: blob, Comment: strings.Trim(comment, " "), Options: options}
	blobAt := begin + len(typ) + 2
	if blob == "" {
		return Key{}, faultf(blobAt, "the key itself is missing: want TYPE BASE64 COMMENT with one space between")
	}
	if f := k.decode(blobAt, o); f != nil {
		return Key{}, f
	}
	if i := glued(comment); i >= 0 {
		return Key{}, faultf(blobAt+len(blob)+1+i, "a second key stands in the comment of the first: put each key on a line of its own")
	}
	return k, nil
}

// otherFormat says what to do about a file that begins with a line as no key of OpenSSH
// does; empty: it may be one. Of the lines that follow nothing is said.
func otherFormat(line string) string {
	switch {
	case strings.HasPrefix(line, "PuTTY-User-Key-File"):
		return "this is PuTTY's file, with the private key in it: take it out, make a new pair, and put here what PuTTYgen shows as the public key for pasting into authorized_keys; this one is no longer secret"
	case strings.HasPrefix(line, "---- BEGIN SSH2 PUBLIC KEY"), strings.HasPrefix(line, "-----BEGIN"):
		return "this is not the one-line format of OpenSSH: ssh-keygen -i converts it"
	}
	return ""
}

// checkLine refuses what no key line can be.
func checkLine(line string) *fault {
	switch {
	case len(line) > MaxKeyLine:
		return faultf(1, "the line is longer than %d KiB, which is the most that is read", MaxKeyLine>>10)
	case otherFormat(line) != "":
		return faultf(1, "%s", otherFormat(line))
	case strings.HasPrefix(line, "\ufeff"):
		return faultf(1, "the file begins with a byte order mark: save it as UTF-8 without one")
	case line == "":
		return faultf(1, "the line is empty: want TYPE BASE64 COMMENT")
	case line[0] == ' ' || line[0] == '\t':
		return faultf(1, "the line begins with white space: want TYPE BASE64 COMMENT with one space between")
	}
	for i, c := range line {
		if c == unicode.ReplacementChar || !unicode.IsPrint(c) {
			return faultf(i+1, "the line holds the character %U: only printable UTF-8 and single spaces are accepted", c)
		}
	}
	return nil
}

// cutOptions finds where the key type begins, behind the options if they are
// allowed.
func cutOptions(line string, o ParseOptions) (options string, begin int, f *fault) {
	word, _, _ := strings.Cut(line, " ")
	if isKeyType(word) || refusedKeyType(word) {
		return "", 0, nil
	}
	end := optionsEnd(line)
	if end <= 0 || end == len(line) {
		return "", 0, nil
	}
	typ, _, _ := strings.Cut(line[end+1:], " ")
	if !isKeyType(typ) {
		return "", 0, nil
	}
	if !o.Options {
		return "", 0, faultf(1, "options stand in front of the key: they belong into the spec (key_options of a role, options of authorized_keys)")
	}
	if err := CheckOptions(line[:end]); err != nil {
		return "", 0, faultf(1, "%v", err)
	}
	return line[:end], end + 1, nil
}

// glued finds where in a comment the base64 form of a key begins, -1 for
// nowhere: a file without a final newline to which another was appended has one.
func glued(comment string) int {
	const start = "AAAA" // the length of the type's name is less than 2^8
	for i := strings.Index(comment, start); i >= 0; {
		if isBlob(comment[i:]) {
			return i
		}
		next := strings.Index(comment[i+1:], start)
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return -1
}

// isBlob reports whether s begins with base64 that holds the name of a key type
// where a key has it.
func isBlob(s string) bool {
	const enough = 64 // base64 digits for every name there is
	n := 0
	for n < len(s) && n < enough && strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", s[n]) >= 0 {
		n++
	}
	raw, err := base64.StdEncoding.DecodeString(s[:n-n%4])
	if err != nil || len(raw) < 4 {
		return false
	}
	size := int(raw[3])
	if size == 0 || len(raw) < 4+size {
		return false
	}
	name := string(raw[4 : 4+size])
	return isKeyType(name) || refusedKeyType(name)
}
