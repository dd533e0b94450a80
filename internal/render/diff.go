package render

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"opsafe/internal/change"
)

// contextLines is how many unchanged lines stand around a difference.
const contextLines = 2

// How many lines of a diff are shown before it is folded: of a whole file that
// comes or goes, and of a change.
const (
	foldWhole  = 8
	foldChange = 40
)

// details writes what needs more than a line: the change of a file's content.
func (t *Text) details(c change.Change) {
	lines, hidden := content(c)
	if hidden != "" {
		t.lines(indent + t.style.paint(dim, "content is not shown: "+hidden))
		return
	}
	most := foldWhole
	if d := c.Diff; d != nil && d.Before != "" && d.After != "" {
		most = foldChange
	}
	most = max(0, min(most, mostContents-t.contents))
	fold := len(lines) - most
	if fold < 2 || t.style.Full {
		fold = 0 // the line that says so would take as much room
	}
	lines = lines[:len(lines)-fold]
	t.contents += len(lines)
	for _, line := range lines {
		color := diffColor(line)
		for _, l := range t.style.cut(clean(line)) {
			t.lines(indent + t.style.paint(color, l))
		}
	}
	if fold > 0 {
		text := "… and %d more lines "
		if len(lines) == 0 {
			text = "… %d lines "
		}
		t.lines(t.style.broken(indent + t.style.paint(dim, fmt.Sprintf(text, fold)+showsThem))...)
	}
}

// content is the change of a file's content, line by line: all of them for what
// comes or goes as a whole. Instead of lines it may say why they are not shown.
func content(c change.Change) (lines []string, hidden string) {
	d := c.Diff
	switch {
	case d == nil || d.Hidden == "secret": // its digests are among the attributes
		return nil, ""
	case d.Hidden != "":
		return nil, d.Hidden
	case d.Before == d.After:
		return nil, ""
	case d.Before == "":
		return prefixed("+", d.After), ""
	case d.After == "":
		return prefixed("-", d.Before), ""
	default:
		return unified(d), ""
	}
}

func prefixed(sign, text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		out = append(out, sign+strings.TrimSuffix(line, "\n"))
	}
	return out
}

// unified is the unified diff without its two lines of file names.
func unified(d *change.Diff) []string {
	edits := udiff.Lines(d.Before, d.After) // by characters, lines would be cut up that stay
	text, err := udiff.ToUnified(d.Path, d.Path, d.Before, edits, contextLines)
	if err != nil {
		return []string{"content differs"}
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	const header = 2
	if len(lines) > header {
		return lines[header:]
	}
	return lines
}

func diffColor(line string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return green
	case strings.HasPrefix(line, "-"):
		return red
	case strings.HasPrefix(line, "@@"):
		return cyan
	default:
		return ""
	}
}
