package render

import (
	"strings"

	"github.com/rivo/uniseg"
)

// nameColumn is how much room a name has before its attributes.
const nameColumn = 32

// indent stands before everything that belongs to the line above.
const indent = "      "

// defaultWidth is how wide lines are put together where the output is no terminal:
// as for the narrowest that is common.
const defaultWidth = 80

func (s Style) columns() int {
	if s.Width == 0 {
		return defaultWidth
	}
	return s.Width
}

// column puts words behind a head, where they begin in the same column in all
// lines. It reports whether they fit into this one line.
func (s Style) column(head string, words []string) (line string, fits bool) {
	if len(words) == 0 {
		return head, true
	}
	const margin = 4 // of sign and spaces before a name
	line = head + strings.Repeat(" ", max(0, nameColumn+margin-visible(head))) + " " + strings.Join(words, between)
	return line, visible(line) <= s.columns()
}

// between stands between two attributes in one line.
const between = " · "

// fill puts words behind a head, and those for which there is no room on lines
// below.
func (s Style) fill(head string, words []string) []string {
	var lines []string
	line := head
	for i, w := range words {
		longer := line + between + w
		if i == 0 {
			longer, _ = s.column(head, words[:1])
		}
		if visible(longer) <= s.columns() {
			line = longer
			continue
		}
		lines, line = append(lines, s.broken(line)...), indent+w
	}
	return append(lines, s.broken(line)...)
}

// broken is a line, broken at its spaces if it is wider than the terminal. What
// has no spaces is never broken: it can still be copied as a whole. Where there is
// no terminal a line stays one, for programs that search.
func (s Style) broken(line string) []string {
	if s.Width == 0 || visible(line) <= s.Width {
		return []string{line}
	}
	margin := line[:len(line)-len(strings.TrimLeft(line, " "))]
	var lines []string
	now, width := "", 0
	for i, word := range strings.Split(strings.TrimLeft(line, " "), " ") {
		w := visible(word)
		switch {
		case i == 0:
			now, width = margin+word, len(margin)+w
		case width+1+w > s.Width:
			lines = append(lines, now)
			now, width = margin+"  "+word, len(margin)+2+w
		default:
			now, width = now+" "+word, width+1+w
		}
	}
	return append(lines, now)
}

// Broken is a text of which no line is wider than the terminal, but for words that
// are.
func (s Style) Broken(text string) string {
	var lines []string
	for l := range strings.SplitSeq(text, "\n") {
		lines = append(lines, s.broken(l)...)
	}
	return strings.Join(lines, "\n")
}

// again stands before what goes on from the line above.
const again = " ↪ "

// cut is a line of a file, cut where it is wider than the terminal, behind a space
// if there is one near. Nothing of it is left out.
func (s Style) cut(line string) []string {
	if s.Width == 0 || visible(indent+line) <= s.Width {
		return []string{line}
	}
	const least = 24 // which leaves room for more than what stands before
	room := max(s.Width-len(indent), least)
	near := min(least, room/2)
	var lines []string
	for visible(line) > room {
		at, space, width := 0, 0, 0
		for g := uniseg.NewGraphemes(line); g.Next(); {
			if width += visible(g.Str()); width > room {
				break
			}
			if _, at = g.Positions(); g.Str() == " " && width > room-near {
				space = at
			}
		}
		if space > 0 {
			at = space
		}
		lines, line = append(lines, line[:at]), again+line[at:]
	}
	return append(lines, line)
}

// visible is how many columns text takes, without its colours.
func visible(text string) int {
	if i := strings.IndexByte(text, 0x1b); i >= 0 {
		before, after := text[:i], text[i:]
		_, after, _ = strings.Cut(after, "m")
		return visible(before) + visible(after)
	}
	const tab = 8 // at most
	return uniseg.StringWidth(text) + tab*strings.Count(text, "\t")
}
