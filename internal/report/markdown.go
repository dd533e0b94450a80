package report

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"opsafe/internal/render"
	"opsafe/internal/words"
)

// maxMarkdown is how long Markdown may become, in bytes: a comment on GitHub holds
// 65,536 characters.
const maxMarkdown = 65_000

// WriteMarkdown writes a report for a pull request. What does not fit into a comment
// is left out, which it says: first what files hold, then names of many hosts, then
// ends of long texts, then rows of long tables, and tables where there are many.
func WriteMarkdown(out io.Writer, r *Report) error {
	p := newPage(r)
	m := markdown{rows: longest(p)}
	text := m.page(p)
	for _, leave := range []func(){func() { m.noDiffs = true }, func() { m.noNames = true }, func() { m.noEnds = true }} {
		if len(text) > maxMarkdown {
			leave()
			text = m.page(p)
		}
	}
	if len(text) > maxMarkdown {
		m.rows = sort.Search(longest(p), func(n int) bool {
			m.rows = n + 1
			return len(m.page(p)) > maxMarkdown
		})
		text = m.page(p)
	}
	_, err := io.WriteString(out, text)
	return err
}

// longest is how many rows a table has at most, or tables a section.
func longest(p page) int {
	n := 0
	for _, s := range p.sections {
		n = max(n, len(s.tables))
		for _, t := range s.tables {
			n = max(n, len(t.rows))
		}
	}
	return n
}

// longLine is from where on a line is left out if there is too much to say.
const longLine = 160

// markdown is how much is shown.
type markdown struct {
	noDiffs, noNames, noEnds bool
	rows                     int // of each table, and tables of each section
}

func (m markdown) page(p page) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**opsafe report** · %s\n", strings.Join(p.lead, " · "))
	var left []string
	for _, what := range []struct {
		is   bool
		what string
	}{{m.noDiffs, "what files hold"}, {m.noNames, fmt.Sprintf("names beyond %d in a place", fewNames)}, {m.noEnds, fmt.Sprintf("ends of lines longer than %d", longLine)}, {m.rows < longest(p), fmt.Sprintf("rows beyond %d of a table, and tables beyond as many", m.rows)}} {
		if what.is {
			left = append(left, what.what)
		}
	}
	if left != nil {
		fmt.Fprintf(&b, "\n**Left out**, since a comment on GitHub holds no more: %s. All counts are complete; `--format html` shows everything.\n", words.And(left))
	}
	for _, s := range p.sections {
		open := ""
		if s.open {
			open = " open"
		}
		fmt.Fprintf(&b, "\n<details%s><summary><b>%s</b>: %s</summary>\n", open, render.MarkdownProse(s.title), s.count)
		for i, t := range s.tables {
			if i == m.rows {
				fmt.Fprintf(&b, "\n… and %s\n", words.Count(len(s.tables)-i, "more table"))
				break
			}
			m.table(&b, t)
		}
		b.WriteString("\n</details>\n")
	}
	return b.String()
}

func (m markdown) table(b *strings.Builder, t table) {
	b.WriteString("\n")
	if len(t.caption) > 0 {
		fmt.Fprintf(b, "%s:\n\n", strings.Join(m.cells(t.caption), " "))
	}
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(m.cells(t.columns), " | "), strings.Repeat("---|", len(t.columns)))
	for i, row := range t.rows {
		if i == m.rows {
			fmt.Fprintf(b, "| … and %s more |\n", words.Number(len(t.rows)-i))
			break
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(m.cells(row), " | "))
	}
	for i, row := range t.rows {
		for _, c := range row {
			if len(c.diff) > 0 && !m.noDiffs && i < m.rows {
				fmt.Fprintf(b, "\n<details><summary>%s</summary>\n\n%s\n</details>\n", render.MarkdownCode(c.path), render.MarkdownDiff(c.diff))
			}
		}
	}
}

func (m markdown) cells(of []cell) []string {
	out := make([]string, len(of))
	for i, c := range of {
		out[i] = m.cell(c)
	}
	return out
}

func (m markdown) cell(c cell) string {
	write, between := render.MarkdownProse, "<br>"
	if c.code {
		write, between = render.MarkdownCode, ", "
	}
	var lines []string
	for _, l := range c.lines {
		if r := []rune(l); m.noEnds && len(r) > longLine {
			l = string(r[:longLine]) + "…"
		}
		if l != "" {
			lines = append(lines, write(l))
		}
	}
	text := strings.Join(lines, between)
	switch {
	case c.state != "":
		return sign(c.state) + " " + text
	case !c.names || len(lines) <= fewNames+1:
		return text
	case m.noNames:
		return strings.Join(lines[:fewNames], between) + fmt.Sprintf(" and %s more", words.Number(len(lines)-fewNames))
	}
	return fmt.Sprintf("<details><summary>%s</summary>%s</details>", words.Number(len(lines)), text)
}

// sign stands before a state, for those who see no colours.
func sign(s State) string {
	return map[State]string{Failed: "✗", Drifted: "~", Unknown: "?", Old: "…", InOrder: "✓"}[s]
}
