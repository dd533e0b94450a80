package cli

import (
	"fmt"
	"strings"
	"unicode"
)

// roff is a manual page that is being written, in the language of man(7).
type roff struct{ strings.Builder }

// macro writes a line with a macro and its arguments, which are plain words.
func (r *roff) macro(name string, args ...string) {
	r.WriteString("." + name)
	for _, arg := range args {
		r.WriteString(` "` + arg + `"`)
	}
	r.WriteByte('\n')
}

// line writes a line of text, made of parts that are escaped or marked up.
func (r *roff) line(parts ...string) {
	text := strings.Join(parts, "")
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	r.WriteString(text + "\n")
}

func bold(s string) string   { return `\fB` + escape(s) + `\fP` }
func italic(s string) string { return `\fI` + escape(s) + `\fP` }

// text writes paragraphs, between which are empty lines. Those that are indented
// stay as they are.
func (r *roff) text(text string) {
	for i, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 {
			r.macro("PP")
		}
		if strings.TrimLeft(paragraph, " \t") != paragraph {
			r.verbatim(paragraph)
			continue
		}
		for line := range strings.Lines(paragraph) {
			r.line(escape(strings.TrimSpace(line)))
		}
	}
}

// verbatim writes lines as they are, further in than the text around them.
func (r *roff) verbatim(text string) {
	r.macro("RS", "4")
	r.macro("EX")
	margin := strings.TrimRight(text[:len(text)-len(strings.TrimLeft(text, " \t"))], "\n")
	for line := range strings.Lines(text) {
		line = strings.TrimRightFunc(strings.TrimPrefix(line, margin), unicode.IsSpace)
		r.line(escape(line))
	}
	r.macro("EE")
	r.macro("RE")
}

// escape keeps characters from being taken for markup, or from being set as
// others that look like them, which nobody could copy.
func escape(s string) string {
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
