package manual

import (
	"path"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Page is a document that becomes a manual page of section 7.
type Page struct {
	// Path is the document's in the repository, such as docs/guides/people.md.
	Path string
	// Text is Markdown: headings, paragraphs, lists, tables, blocks of code, links,
	// and words that are bold or code.
	Text string
}

// Name is what man calls the page.
func (p Page) Name() string { return "opsafe-" + strings.TrimSuffix(path.Base(p.Path), ".md") }

// Title is the heading of the page.
func (p Page) Title() string {
	for line := range strings.Lines(p.Text) {
		if title, ok := strings.CutPrefix(line, "# "); ok {
			return strings.TrimSpace(title)
		}
	}
	return p.Name()
}

// Roff is the page in the language of man(7). Also names the other pages.
func (p Page) Roff(date time.Time, also []Page) string {
	w := &writer{}
	w.Macro("TH", strings.ToUpper(p.Name()), "7", date.UTC().Format(time.DateOnly), "opsafe", "opsafe")
	w.Macro("SH", "NAME")
	w.Line(Escape(p.Name()), ` \- `, Escape(plain(p.Title())))
	_, text, _ := strings.Cut(p.Text, "# "+p.Title()+"\n")
	if lead := strings.TrimSpace(text); lead != "" && !strings.HasPrefix(lead, "#") {
		w.head("SH", "DESCRIPTION")
	}
	w.all(text)
	w.Macro("SH", "SEE ALSO")
	w.Line(Bold("opsafe"), "(1)")
	for _, other := range also {
		if other.Path != p.Path {
			w.Macro("TP")
			w.Line(Bold(other.Name()), "(7)")
			w.Line(Escape(plain(other.Title())))
		}
	}
	return w.String()
}

// writer takes Markdown line by line.
type writer struct {
	Roff
	paragraph []string
	item      string   // what stands before the paragraph's first line; empty: it is no item
	code      []string // of the open block; nil: none is open
	header    []string // of the table, if one is open
	rows      int
	headed    bool // a heading has just been written, which begins a paragraph
}

// head writes a heading.
func (w *writer) head(macro, text string) {
	w.Macro(macro, text)
	w.headed = true
}

// begin begins a paragraph.
func (w *writer) begin() {
	if !w.headed {
		w.Macro("PP")
	}
	w.headed = false
}

func (w *writer) all(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		w.take(line)
	}
	w.end()
}

var (
	itemPattern  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(- |\d+\. )(.*)$`) })
	fencePattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("^ *```") })
)

func (w *writer) take(line string) {
	trimmed := strings.TrimSpace(line)
	switch item := itemPattern().FindStringSubmatch(line); {
	case fencePattern().MatchString(line) && w.code == nil:
		w.end()
		w.code = []string{}
	case fencePattern().MatchString(line):
		w.block()
	case w.code != nil:
		w.code = append(w.code, line)
	case trimmed == "" || strings.HasPrefix(trimmed, "<!--"):
		w.end()
	case strings.HasPrefix(line, "## "), strings.HasPrefix(line, "# "):
		w.end()
		w.head("SH", quoted(strings.ToUpper(plain(strings.TrimLeft(line, "# ")))))
	case strings.HasPrefix(line, "###"):
		w.end()
		w.head("SS", quoted(plain(strings.TrimLeft(line, "# "))))
	case strings.HasPrefix(line, "|"):
		w.row(line)
	case item != nil:
		w.end()
		w.item, w.paragraph = strings.TrimSpace(item[1]), []string{item[2]}
	default:
		w.paragraph = append(w.paragraph, trimmed)
	}
}

// block writes a block of code, as it is.
func (w *writer) block() {
	if len(w.code) > 0 {
		w.begin()
		w.Verbatim(strings.Join(w.code, "\n") + "\n")
	}
	w.code = nil
}

// end writes the open paragraph, and closes a table.
func (w *writer) end() {
	if len(w.paragraph) > 0 {
		switch w.item {
		case "":
			w.begin()
		case "-":
			w.Macro("IP", `\(bu`, "2")
		default:
			w.Macro("IP", w.item, "4")
		}
		w.Line(inline(strings.Join(w.paragraph, " ")))
		w.headed = false
	}
	w.paragraph, w.item, w.header, w.rows = nil, "", nil, 0
}

// row writes a row of a table: its first cell, and the others below, each with the
// heading of its column, if it has one.
func (w *writer) row(line string) {
	cells := cellsOf(line)
	switch {
	case w.header == nil:
		w.end()
		w.header = cells
		return
	case w.rows == 0:
		w.rows++ // the line of dashes
		return
	}
	w.Macro("TP")
	w.headed = false
	w.Line(inline(cells[0]))
	var rest []string
	for i, c := range cells[1:] {
		if c == "" {
			continue
		}
		if head := ""; i+1 < len(w.header) && len(cells) > 2 {
			if head = plain(w.header[i+1]); head != "" {
				c = head + ": " + c
			}
		}
		rest = append(rest, inline(c))
	}
	for i, text := range rest {
		if i > 0 {
			w.Macro("br")
		}
		w.Line(text)
	}
	if len(rest) == 0 {
		w.Line(`\&`)
	}
}

// cellsOf takes a row apart. \| is no border.
func cellsOf(line string) []string {
	line = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "|"), "|")
	cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
	for i, c := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(c, "\x00", "|"))
	}
	return cells
}

var (
	linkPattern   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\[([^\]]+)\]\(([^)\s]+)\)`) })
	inlinePattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("`[^`]+`|\\*\\*[^*]+\\*\\*|\\*[^*\\s][^*]*\\*") })
)

// inline is a text with words that are bold or code. Of a link, its text stays, and
// its address if it leads out of the documents.
func inline(text string) string {
	text = unlink(text)
	var out strings.Builder
	last := 0
	for _, m := range inlinePattern().FindAllStringIndex(text, -1) {
		out.WriteString(Escape(text[last:m[0]]))
		switch word := text[m[0]:m[1]]; {
		case strings.HasPrefix(word, "`"):
			out.WriteString(Bold(strings.Trim(word, "`")))
		case strings.HasPrefix(word, "**"):
			out.WriteString(Bold(plain(strings.Trim(word, "*"))))
		default:
			out.WriteString(Italic(plain(strings.Trim(word, "*"))))
		}
		last = m[1]
	}
	out.WriteString(Escape(text[last:]))
	return out.String()
}

func unlink(text string) string {
	return linkPattern().ReplaceAllStringFunc(text, func(link string) string {
		m := linkPattern().FindStringSubmatch(link)
		if strings.Contains(m[2], "://") {
			return m[1] + " (" + m[2] + ")"
		}
		return m[1]
	})
}

// plain is a text without any markup.
func plain(text string) string {
	return strings.NewReplacer("`", "", "**", "").Replace(unlink(text))
}

// quoted is an argument of a macro, which stands in double quotes.
func quoted(text string) string {
	return strings.ReplaceAll(Escape(text), `"`, `\(dq`)
}
