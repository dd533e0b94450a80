package kind

import (
	"reflect"
	"strings"
)

// Deb822 is what a source in apt's deb822 layout says, as far as a spec can say
// it, too; see sources.list(5).
type Deb822 struct {
	URIs, Suites, Components []string
	SignedBy                 string // a path
}

// ReadDeb822 reads a file with one source. False: it has none, or more than one,
// or says what a spec cannot say.
func ReadDeb822(content []byte) (Deb822, bool) {
	var s Deb822
	types, seen, over := "", map[string]bool{}, false
	var values *[]string
	for line := range strings.Lines(string(content)) {
		text := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case text == "":
			over = len(seen) > 0
			continue
		case over:
			return s, false
		case strings.TrimLeft(line, " \t") != line && values != nil:
			*values = append(*values, strings.Fields(text)...)
			continue
		}
		name, value, _ := strings.Cut(text, ":")
		if name = strings.ToLower(name); seen[name] {
			return s, false
		}
		seen[name] = true
		values = nil
		switch value = strings.TrimSpace(value); name {
		case "types":
			types = value
		case "signed-by":
			s.SignedBy = value
		case "uris":
			values = &s.URIs
		case "suites":
			values = &s.Suites
		case "components":
			values = &s.Components
		default:
			return s, false
		}
		if values != nil {
			*values = strings.Fields(value)
		}
	}
	one := s.SignedBy == "" || strings.HasPrefix(s.SignedBy, "/") && !strings.ContainsAny(s.SignedBy, " \t,")
	return s, types == "deb" && one && len(s.URIs) > 0 && len(s.Suites) > 0
}

// sameSource reports whether two files name the same source: another layout is
// not worth a change.
func sameSource(have, want []byte) bool {
	a, readable := ReadDeb822(have)
	b, _ := ReadDeb822(want)
	return readable && reflect.DeepEqual(a, b)
}
