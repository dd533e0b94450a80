package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"opsafe/internal/render"
	"opsafe/internal/words"
)

//go:embed page.html.tmpl
var pageTemplate string

// WriteHTML writes a report as one file, which is well-formed XML as well, needs
// nothing from anywhere, and runs nothing.
func WriteHTML(out io.Writer, r *Report) error {
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("cannot make the page: %w", err)
	}
	p := newPage(r)
	doc := htmlPage{Lead: p.lead}
	for i, s := range p.sections {
		of := htmlSection{ID: fmt.Sprintf("section-%d", i+1), Title: render.Clean(s.title), Count: s.count, Intro: s.intro, Open: s.open}
		for _, t := range s.tables {
			of.Tables = append(of.Tables, htmlTableOf(t))
		}
		doc.Sections = append(doc.Sections, of)
	}
	return t.Execute(out, doc)
}

type htmlPage struct {
	Lead     []string
	Sections []htmlSection
}

type htmlSection struct {
	ID, Title, Count, Intro string
	Open                    bool
	Tables                  []htmlTable
}

type htmlTable struct {
	Label   string // of the region that is scrolled
	Caption []htmlCell
	Columns []htmlCell
	Rows    []htmlRow
}

// htmlRow is a heading and what stands beside it.
type htmlRow struct {
	Head  htmlCell
	Cells []htmlCell
}

// htmlCell is a cell of which the template writes each line.
type htmlCell struct {
	Lines []string
	Names bool
	Code  bool
	Fold  string // what is said of so many names
	Class string // of a state
	Sign  string
	Path  string
	Diff  []htmlLine
}

type htmlLine struct{ Class, Text string }

func htmlTableOf(t table) htmlTable {
	out := htmlTable{Caption: htmlCells(t.caption), Columns: htmlCells(t.columns)}
	var label []string
	for _, c := range t.caption {
		label = append(label, strings.Join(c.lines, ", "))
	}
	out.Label = render.Clean(strings.Join(label, " "))
	for _, row := range t.rows {
		cells := htmlCells(row)
		out.Rows = append(out.Rows, htmlRow{cells[0], cells[1:]})
	}
	return out
}

func htmlCells(of []cell) []htmlCell {
	out := make([]htmlCell, len(of))
	for i, c := range of {
		out[i] = htmlCellOf(c)
	}
	return out
}

func htmlCellOf(c cell) htmlCell {
	out := htmlCell{Names: c.names, Code: c.code, Path: render.Clean(c.path)}
	for _, text := range c.lines {
		lines := []string{text}
		if !c.code {
			lines = strings.Split(text, "\n")
		}
		for _, l := range lines {
			if l != "" {
				out.Lines = append(out.Lines, render.Clean(l))
			}
		}
	}
	if c.names && len(out.Lines) > fewNames+1 {
		out.Fold = words.Number(len(out.Lines))
	}
	if c.state != "" {
		out.Class, out.Sign = strings.ReplaceAll(string(c.state), " ", "-"), sign(c.state)
	}
	for _, l := range c.diff {
		line := htmlLine{Text: render.Clean(l)}
		switch {
		case strings.HasPrefix(l, "+"):
			line.Class = "plus"
		case strings.HasPrefix(l, "-"):
			line.Class = "minus"
		}
		out.Diff = append(out.Diff, line)
	}
	return out
}
