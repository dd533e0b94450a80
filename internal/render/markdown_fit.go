package render

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// maxMarkdown is how long Markdown may become, in bytes. A comment on GitHub holds
// 65,536 characters; the rest is for what is said beside it, such as how old the facts
// are.
const maxMarkdown = 65_000

// part is a piece of the whole that is shown or left out. rank says which are
// shown first.
type part struct {
	text  string
	left  bool
	rank  int
	lines int // of a diff
}

func newPart(text string) *part { return &part{text: text, rank: len(text)} }

// stage is parts of one sort, of which as many are left out as necessary before
// it is the next one's turn.
type stage struct {
	what  string // is left out
	parts []*part
}

// order sorts the parts into stages: diffs go first, then attributes, then names;
// of failures and warnings nothing goes before that. Short texts are shown before
// long ones, so that a single huge one does not take the place of many, and of
// names the first ones of each section.
func (d *markdown) order() []*stage {
	diffs := &stage{what: "diffs"}
	abouts, names := &stage{what: "descriptions of resources"}, &stage{what: "names of resources"}
	texts, places := &stage{what: "texts of failures and warnings"}, &stage{what: "names of failures and warnings"}
	for _, s := range d.sections {
		ofAbout, ofName := abouts, names
		if s.urgent {
			ofAbout, ofName = texts, places
		}
		for i, r := range s.rows {
			r.name.rank = i
			ofName.parts = append(ofName.parts, r.name)
			if r.about != nil {
				ofAbout.parts = append(ofAbout.parts, r.about)
			}
			if r.diff != nil {
				diffs.parts = append(diffs.parts, r.diff)
			}
		}
	}
	stages := []*stage{diffs, abouts, names, texts, places}
	for _, s := range stages {
		slices.SortStableFunc(s.parts, func(a, b *part) int { return cmp.Compare(a.rank, b.rank) })
	}
	return stages
}

// show leaves out all but the first n.
func (s *stage) show(n int) {
	for i, p := range s.parts {
		p.left = i >= n
	}
}

// String says how many are left out, or nothing.
func (s *stage) String() string {
	left, lines := 0, 0
	for _, p := range s.parts {
		if p.left {
			left++
			lines += p.lines
		}
	}
	if left == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %d %s", left, len(s.parts), s.what)
	if lines > 0 {
		text += fmt.Sprintf(" (%d lines)", lines)
	}
	return text
}

// fit is the whole with as much as there is room for.
func (d *markdown) fit() string {
	text := d.String()
	for _, s := range d.stages {
		if len(text) <= maxMarkdown {
			break
		}
		s.show(sort.Search(len(s.parts), func(n int) bool {
			s.show(n + 1)
			return len(d.String()) > maxMarkdown
		}))
		text = d.String()
	}
	return text
}

// String is the whole, but for what is left out.
func (d *markdown) String() string {
	var b strings.Builder
	b.WriteString(d.head + "\n")
	var left []string
	for _, s := range d.stages {
		if text := s.String(); text != "" {
			left = append(left, text)
		}
	}
	if len(left) > 0 {
		fmt.Fprintf(&b, "\n**Left out**, since a comment on GitHub holds no more: %s. All counts are complete; `--format text --full` shows everything.\n", strings.Join(left, "; "))
	}
	for _, s := range d.sections {
		s.write(&b)
	}
	return b.String()
}

func (s *section) write(b *strings.Builder) {
	open := ""
	if s.open {
		open = " open"
	}
	fmt.Fprintf(b, "\n<details%s><summary><b>%s</b>: %s</summary>\n\n", open, s.title, s.count)
	fmt.Fprintf(b, "| %s |\n|---|---|---|\n", strings.Join(s.columns[:], " | "))
	left := 0
	for _, r := range s.rows {
		if r.name.left {
			left++
			continue
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", r.sign, r.name.text, r.cell())
	}
	if left > 0 {
		fmt.Fprintf(b, "| … | %d of %d are left out | |\n", left, len(s.rows))
	}
	for _, r := range s.rows {
		if r.diff != nil && !r.diff.left {
			fmt.Fprintf(b, "\n<details><summary>%s</summary>\n\n%s\n</details>\n", r.path, r.diff.text)
		}
	}
	b.WriteString("\n</details>\n")
}

// cell is what is said about a resource, or … if it is left out.
func (r row) cell() string {
	text := ""
	switch {
	case r.about != nil && r.about.left:
		return "…"
	case r.about != nil:
		text = r.about.text
	}
	if r.diff != nil && r.diff.left {
		text = strings.TrimPrefix(text+fmt.Sprintf("<br>… a diff of %d lines", r.diff.lines), "<br>")
	}
	return text
}
