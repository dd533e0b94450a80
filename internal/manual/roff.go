// Package manual writes manual pages: in the language of man(7), and out of the
// Markdown of which docs are made.
package manual

import (
	"fmt"
	"strings"
	"unicode"
)

// Roff is a manual page that is being written, in the language of man(7). The zero
// value is an empty one.
type Roff struct{ strings.Builder }

// Macro writes a line with a macro and its arguments, which are plain words.
func (r *Roff) Macro(name string, args ...string) {
	r.WriteString("." + name)
	for _, arg := range args {
		r.WriteString(` "` + arg + `"`)
	}
	r.WriteByte('\n')
}

// Line writes a line of text, made of parts that are escaped or marked up.
func (r *Roff) Line(parts ...string) {
	text := strings.Join(parts, "")
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	r.WriteString(text + "\n")
}

// Bold is a text in bold type.
func Bold(s string) string { return `\fB` + Escape(s) + `\fP` }

// Italic is a text in italic type.
func Italic(s string) string { return `\fI` + Escape(s) + `\fP` }

// Text writes paragraphs, between which are empty lines. Those that are indented
// stay as they are.
func (r *Roff) Text(text string) {
	for i, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 {
			r.Macro("PP")
		}
		if strings.TrimLeft(paragraph, " \t") != paragraph {
			r.Verbatim(paragraph)
			continue
		}
		for line := range strings.Lines(paragraph) {
			r.Line(Escape(strings.TrimSpace(line)))
		}
	}
}

// Verbatim writes lines as they are, further in than the text around them.
func (r *Roff) Verbatim(text string) {
	r.Macro("RS", "4")
	r.Macro("EX")
	margin := strings.TrimRight(text[:len(text)-len(strings.TrimLeft(text, " \t"))], "\n")
	for line := range strings.Lines(text) {
		line = strings.TrimRightFunc(strings.TrimPrefix(line, margin), unicode.IsSpace)
		r.Line(Escape(line))
	}
	r.Macro("EE")
	r.Macro("RE")
}

// Escape keeps characters from being taken for markup, or from being set as
// others that look like them, which nobody could copy.
func Escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	var out strings.Builder
	for _, c := range s {
		if c > unicode.MaxASCII {
			fmt.Fprintf(&out, `\[u%04X]`, c)
			continue
		}
		out.WriteRune(c)
	}
	return out.String()
}
