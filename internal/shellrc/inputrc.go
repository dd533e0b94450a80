package shellrc

import (
	"regexp"
	"strings"
	"sync"
)

// plainKey is a line of inputrc that gives a function of readline to a key which types
// nothing by itself, and does not end a line.
var plainKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^"\\(?:e[^"]*|C-[^jmJM"\\]|M-[^"\\])"\s*:\s*[a-z-]+$`)
})

// Keys is what is not understood of a file of readline's, such as /etc/inputrc: keys that
// type something else than they say, or nothing.
func Keys(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch first, _, _ := strings.Cut(line, " "); {
		case line == "", line[0] == '#', first == "set", first == "$if", first == "$else", first == "$endif":
		case !plainKey().MatchString(line):
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}
