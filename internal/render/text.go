package render

import (
	"fmt"
	"io"
	"strings"

	"opsafe/internal/change"
)

// Text writes results for people as they come: only what changes, grouped by
// kind, with before and after.
type Text struct {
	out   io.Writer
	style Style
	kind  string // whose heading was written last
	wrote bool
}

// NewText writes to out.
func NewText(out io.Writer, style Style) *Text { return &Text{out: out, style: style} }

// Result writes one result, if it is a change.
func (t *Text) Result(r change.Result) {
	if r.Status != change.Changed {
		return
	}
	t.heading(r.ID.Kind)
	t.line(r)
	t.details(r.Change)
	for _, n := range r.Notes {
		t.printf("      %s\n", t.style.paint(yellow, "note: "+clean(n)))
	}
}

// headings are the kinds' names above their changes.
func plural(kind string) string {
	switch kind {
	case "directory":
		return "directories"
	case "primary-group":
		return "primary groups"
	case "acl":
		return "ACLs"
	case "sudoers", "sshd", "docker", "chrony", "linger", "cron":
		return kind
	case "restart", "reload", "start":
		return "services"
	default:
		return kind + "s"
	}
}

func (t *Text) heading(kind string) {
	name := plural(kind)
	if name == t.kind {
		return
	}
	if t.wrote {
		t.printf("\n")
	}
	t.kind, t.wrote = name, true
	t.printf("%s\n", t.style.paint(bold, name))
}

// nameColumn is how much room a name has before its attributes.
const nameColumn = 32

// indent stands before everything that belongs to the line above.
const indent = "      "

// defaultWidth is assumed where the output is no terminal.
const defaultWidth = 100

func (t *Text) line(r change.Result) {
	name := clean(r.ID.Name)
	if r.Change.Action == change.Run {
		name = r.ID.Kind + " " + name
	}
	short, long := t.split(r)
	words := short
	if r.Change.Why != "" {
		words = append(words, clean(r.Change.Why))
	}
	if r.Change.Deferred != "" {
		words = append(words, t.style.paint(dim, "(known after apply: "+clean(r.Change.Deferred)+")"))
	}
	if r.Change.Irreversible != "" {
		words = append(words, t.style.paint(yellow, "cannot be undone: "+clean(r.Change.Irreversible)))
	}
	t.printf("%s\n", strings.Join(t.wrap("  "+t.style.sign(r.Change.Action)+" "+name, words), "\n"))
	for _, l := range long {
		t.printf("%s%s\n", indent, l)
	}
}

// wrap puts words behind a head, and those for which there is no room on lines of
// their own below.
func (t *Text) wrap(head string, words []string) []string {
	width := t.style.Width
	if width == 0 {
		width = defaultWidth
	}
	const margin = 4 // of sign and spaces before a name
	if len(words) > 0 {
		head += strings.Repeat(" ", max(0, nameColumn+margin-visible(head)))
	}
	lines := []string{head}
	between := " "
	for _, w := range words {
		last := &lines[len(lines)-1]
		if visible(*last)+visible(between+w) > width && between != "" {
			if len(lines) == 1 && between == " " {
				*last = strings.TrimRight(*last, " ")
			}
			lines = append(lines, indent+w)
		} else {
			*last += between + w
		}
		between = " · "
	}
	return lines
}

// visible is how many columns text takes, without its colours.
func visible(text string) int {
	n, escape := 0, false
	for _, c := range text {
		switch {
		case c == 0x1b:
			escape = true
		case !escape:
			n++
		case c == 'm':
			escape = false
		}
	}
	return n
}

func (s Style) sign(a change.Action) string {
	switch a {
	case change.Add:
		return s.paint(green, "+")
	case change.Remove:
		return s.paint(red, "-")
	case change.Run:
		return s.paint(cyan, "↻")
	default:
		return s.paint(yellow, "~")
	}
}

func (t *Text) printf(format string, args ...any) { fmt.Fprintf(t.out, format, args...) }
