package source

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"opsafe/internal/words"
)

// rewrite replaces prefixes of the URLs in a sources file, and nothing else: not in
// comments, nor in fields and options that are no URLs.
func (l mirrorLook) rewrite(at string, content []byte) []byte {
	prefixes := slices.SortedFunc(maps.Keys(l.mirrors), func(a, b string) int { return len(b) - len(a) })
	replace := func(word string) string { return replacePrefix(word, prefixes, l.mirrors) }
	var out bytes.Buffer
	inURIs := false
	for line := range strings.Lines(string(content)) {
		if path.Ext(at) != ".sources" {
			out.WriteString(rewriteLine(line, replace))
			continue
		}
		label, values := "", line
		switch name, _, field := strings.Cut(line, ":"); {
		case strings.HasPrefix(line, "#"):
			out.WriteString(line)
			continue
		case strings.TrimSpace(line) == "":
			inURIs = false
		case strings.TrimLeft(line, " \t") != line: // goes on
		case field:
			inURIs = strings.EqualFold(strings.TrimSpace(name), "uris")
			label, values = line[:len(name)+1], line[len(name)+1:]
		}
		if inURIs {
			values = eachWord(values, replace)
		}
		out.WriteString(label + values)
	}
	return out.Bytes()
}

// sourceLine is a line of sources.list(5), up to its URL, and the rest.
var sourceLine = words.Pattern(`^(\s*deb(?:-src)?\s+(?:\[[^\]]*\]\s*)?)([^\s#]+)((?s:.*))$`)

// rewriteLine replaces the URL of a line in the one-line layout.
func rewriteLine(line string, replace func(string) string) string {
	m := sourceLine().FindStringSubmatch(line)
	if m == nil {
		return line
	}
	return m[1] + replace(m[2]) + m[3]
}

// eachWord replaces the words of a text, and keeps what is between them.
func eachWord(text string, replace func(string) string) string {
	var out strings.Builder
	for text != "" {
		n := strings.IndexFunc(text, func(c rune) bool { return !unicode.IsSpace(c) })
		if n < 0 {
			n = len(text)
		}
		out.WriteString(text[:n])
		text = text[n:]
		if n = strings.IndexFunc(text, unicode.IsSpace); n < 0 {
			n = len(text)
		}
		if n > 0 {
			out.WriteString(replace(text[:n]))
		}
		text = text[n:]
	}
	return out.String()
}

// replacePrefix replaces the longest prefix that fits. A URL that is at the
// mirror already stays, also where the mirror's address begins with the
// archive's.
func replacePrefix(field string, prefixes []string, mirrors map[string]string) string {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(field, p); ok {
			if strings.HasPrefix(field, mirrors[p]) {
				return field
			}
			return mirrors[p] + rest
		}
	}
	return field
}
