package access

import (
	"fmt"
	"strings"

	"opsafe/internal/shellrc"
)

// Trust is something that may shut the way and is not judged.
type Trust struct {
	digest string
	lines  []shellrc.Line // where that is, as far as it is known
}

// mostNamed bounds how many lines are named of one file.
const mostNamed = 3

// since says what a change alters of it: the lines that it brings, or those that it
// takes away, by what they are and not by what stands in them.
func (t Trust) since(was Trust, what string) []string {
	var out []string
	for _, l := range beside(t.lines, was.lines) {
		at := what
		if l.Number > 0 {
			at = fmt.Sprintf("%s:%d", what, l.Number)
		}
		out = append(out, at+": "+l.What)
	}
	if len(out) == 0 {
		for _, l := range beside(was.lines, t.lines) {
			out = append(out, what+": without a line of which it was said: "+l.What)
		}
	}
	switch {
	case len(out) > mostNamed:
		return append(out[:mostNamed:mostNamed], fmt.Sprintf("%s: and %d lines more", what, len(out)-mostNamed))
	case len(out) == 0 && len(t.lines) > 0:
		return []string{fmt.Sprintf("%s:%d: what leads to this line changes: %s", what, t.lines[0].Number, t.lines[0].What)}
	case len(out) == 0:
		return []string{what + " changes, and what that makes of the way in is not judged"}
	}
	return out
}

// beside are the lines that are not among others.
func beside(lines, others []shellrc.Line) []shellrc.Line {
	left := map[string]int{}
	for _, l := range others {
		left[l.What+"\x00"+l.Text]++
	}
	var out []shellrc.Line
	for _, l := range lines {
		key := l.What + "\x00" + l.Text
		if left[key]--; left[key] < 0 {
			out = append(out, l)
		}
	}
	return out
}

// strangeFile collects what is not understood of a file: all of what decides over it,
// and the lines where that is.
type strangeFile struct {
	text  strings.Builder
	lines []shellrc.Line
}

func (s *strangeFile) add(text string, lines ...shellrc.Line) {
	s.text.WriteString(text)
	s.lines = append(s.lines, lines...)
}

// strangeFiles are those, by path.
type strangeFiles map[string]*strangeFile

func (s strangeFiles) at(path string) *strangeFile {
	if s[path] == nil {
		s[path] = &strangeFile{}
	}
	return s[path]
}

// texts are the files' texts, by path.
func (s strangeFiles) texts() map[string]string {
	out := make(map[string]string, len(s))
	for at, f := range s {
		out[at] = f.text.String()
	}
	return out
}

func (s *strangeFile) trust() Trust { return Trust{digest: digest(s.text.String()), lines: s.lines} }
