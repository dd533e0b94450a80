package host

import (
	"iter"
	"strings"
	"unicode/utf8"

	"opsafe/internal/words"
)

// variableName is what the environment of a process can have as a name.
var variableName = words.Pattern(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Environment is what an environment file assigns, in its order, as systemd reads it
// for EnvironmentFile=: nothing is run or expanded, and what is no assignment to a
// variable says nothing. A comment ends with its line, as for systemd since 254: an
// older one, as in Debian 12, takes the next line for more of a comment that ends
// with a backslash.
func Environment(data []byte) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for name, value := range assignments(data) {
			if !variableName().MatchString(name) || !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				continue
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

// Assigned are the variables that an environment file assigns, as Environment reads
// it, and whether with a value at last: neither empty nor a placeholder.
func Assigned(data []byte) map[string]bool {
	all := map[string]bool{}
	for name, value := range Environment(data) {
		all[name] = value != "" && !IsPlaceholder(value)
	}
	return all
}

// assignments are what stands before and behind the equals signs of an environment
// file, without quotes around the values and what escapes in them. What looks like an
// assignment amid the lines of a value in quotes is none.
func assignments(data []byte) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for text := string(data); ; {
			text = strings.TrimLeft(text, blanks+lineEnds)
			if text == "" {
				return
			}
			ends := "=" + lineEnds
			if strings.ContainsRune("#;", rune(text[0])) {
				ends = lineEnds // also behind a backslash
			}
			at := strings.IndexAny(text, ends)
			if at < 0 {
				return
			}
			if text[at] != '=' {
				text = text[at:]
				continue
			}
			key := strings.TrimRight(text[:at], blanks)
			value, rest := envValue(text[at+1:])
			if !yield(key, value) {
				return
			}
			text = rest
		}
	}
}

// What separates words and lines in an environment file.
const (
	blanks   = " \t"
	lineEnds = "\r\n"
)

// envValue reads a value, up to the end of its line or of the text. Parts in quotes come
// first; once a part without quotes has begun, quotes are characters like others.
func envValue(s string) (value, rest string) {
	var b strings.Builder
	solid := 0     // the blanks behind this much of it end it, unless something follows
	plain := false // a part without quotes has begun
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case strings.IndexByte(lineEnds, c) >= 0:
			return b.String()[:solid], s[i:]
		case strings.IndexByte(blanks, c) >= 0:
			if plain {
				b.WriteByte(c)
			}
			continue
		case c == '\\':
			plain = true
			if i++; i < len(s) && strings.IndexByte(lineEnds, s[i]) < 0 {
				b.WriteByte(s[i])
			}
		case (c == '\'' || c == '"') && !plain:
			i += quoted(&b, s[i:]) - 1
		default:
			plain = true
			b.WriteByte(c)
		}
		solid = b.Len()
	}
	return b.String()[:solid], ""
}

// quoted adds what is in the quotes with which a text begins, and gives their length.
func quoted(b *strings.Builder, s string) int {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i + 1
		case s[i] == '\\' && quote == '"' && i+1 < len(s):
			i++
			if strings.IndexByte("\"\\`$\n", s[i]) < 0 {
				b.WriteByte('\\')
			}
			if s[i] != '\n' {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return len(s)
}
