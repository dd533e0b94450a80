package source

import (
	"reflect"
	"strings"
)

// oneSource is what a source in apt's deb822 layout says, as far as a spec can say
// it, too; see sources.list(5).
type oneSource struct {
	uris, suites, components []string
	signedBy                 string // a path
}

// readSource reads a file with one source. False: it has none, or more than one,
// or says what a spec cannot say.
func readSource(content []byte) (oneSource, bool) {
	var s oneSource
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
			s.signedBy = value
		case "uris":
			values = &s.uris
		case "suites":
			values = &s.suites
		case "components":
			values = &s.components
		default:
			return s, false
		}
		if values != nil {
			*values = strings.Fields(value)
		}
	}
	one := s.signedBy == "" || strings.HasPrefix(s.signedBy, "/") && !strings.ContainsAny(s.signedBy, " \t,")
	return s, types == "deb" && one && len(s.uris) > 0 && len(s.suites) > 0
}

// sameSource reports whether two files name the same source: another layout is
// not worth a change.
func sameSource(have, want []byte) bool {
	a, readable := readSource(have)
	b, _ := readSource(want)
	return readable && reflect.DeepEqual(a, b)
}
