package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"opsafe/internal/render"
	"opsafe/internal/words"
)

// How many names and lines of a diff are shown before the rest is counted only.
const (
	fewNames = 8
	fewLines = 8
)

// WriteText writes a report for a terminal.
func WriteText(out io.Writer, r *Report, style render.Style) error {
	t := textWriter{style: style}
	p := newPage(r)
	t.line("", strings.Join(p.lead, " · "))
	for _, s := range p.sections {
		t.line("", "")
		t.line("", fmt.Sprintf("%s: %s", s.title, s.count))
		for _, table := range s.tables {
			t.table(table)
		}
	}
	if t.folded {
		t.line("", "")
		t.line("", "--full shows what is counted only.")
	}
	_, err := io.WriteString(out, t.b.String())
	return err
}

type textWriter struct {
	b      strings.Builder
	style  render.Style
	folded bool
}

// line writes one, of text in which nothing can move a cursor.
func (t *textWriter) line(margin, text string) {
	fmt.Fprintln(&t.b, t.style.Broken(strings.TrimRight(margin+render.Clean(text), " ")))
}

func (t *textWriter) table(of table) {
	if len(of.caption) > 0 {
		var caption []string
		for _, c := range of.caption {
			caption = append(caption, t.words(c))
		}
		t.line("  ", strings.Join(caption, " "))
	}
	for _, row := range of.rows {
		const column = 30
		head, rest := t.words(row[0]), []string(nil)
		var diff []string
		for i, c := range row[1:] {
			text := t.words(c)
			diff = slices.Concat(diff, c.diff)
			if text == "" || of.matrix && text == "–" {
				continue
			}
			if label := t.words(of.columns[i+1]); of.matrix || i > 0 && label != "What" {
				text = label + ": " + text
			}
			rest = append(rest, text)
		}
		if rest == nil {
			rest = []string{"nothing"}
		}
		t.line("    ", fmt.Sprintf("%-*s  %s", column, head, strings.Join(rest, " · ")))
		t.diff(diff)
	}
}

// words are a cell in one line.
func (t *textWriter) words(c cell) string {
	lines := c.lines
	if more := len(lines) - fewNames; c.names && more > 1 && !t.style.Full {
		t.folded = true
		lines = append(slices.Clone(lines[:fewNames]), fmt.Sprintf("and %s more", words.Number(more)))
	}
	between := "; "
	if c.code {
		between = ", "
	}
	// An error of several lines is one of them.
	return strings.Join(strings.Split(strings.Join(lines, between), "\n"), "; ")
}

func (t *textWriter) diff(lines []string) {
	if more := len(lines) - fewLines; more > 1 && !t.style.Full {
		t.folded = true
		lines = append(slices.Clone(lines[:fewLines]), fmt.Sprintf("… and %s more lines", words.Number(more)))
	}
	for _, l := range lines {
		t.line("        ", l)
	}
}
