package shellrc

import (
	"regexp"
	"strings"
	"sync"
)

// plainKey is a line of inputrc that gives a function of readline to a key which types
// nothing by itself, and does not end a line; or has space expand history, too.
var plainKey = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:"\\(?:e[^"]*|C-[^jmJM"\\]|M-[^"\\]|t)"\s*:\s*[a-z-]+|(?i:tab)\s*:\s*[a-z-]+|(?:(?i:space)|" ")\s*:\s*magic-space)$`)
})

// Keys is what is not understood of a file of readline's, such as /etc/inputrc: keys that
// type something else than they say, or nothing.
func Keys(text string) []Line {
	var out []Line
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		switch first, _, _ := strings.Cut(line, " "); {
		case line == "", line[0] == '#', first == "set", first == "$if", first == "$else", first == "$endif":
		case !plainKey().MatchString(line):
			what := "the meaning of a key"
			if line[0] == '$' {
				what = first
			}
			out = append(out, Line{Number: number, What: what + notUnderstood, Text: line})
		}
	}
	return out
}
