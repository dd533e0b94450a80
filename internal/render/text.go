package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/kinds"
)

// Text writes results for people as they come: only what changes, grouped by
// kind, with before and after.
type Text struct {
	out     io.Writer
	plurals plurals
	style   Style
	total   int    // of the changes
	kind    string // whose heading was written last
	wrote   bool

	// What stands below that heading.
	shown    int             // changes
	contents int             // lines of files
	folded   []change.Result // what is counted instead

	folds bool // there is more that has been folded
}

// How much is shown below a heading before the rest is folded: so much that one
// still sees what it is about when there are thousands.
const (
	mostChanges  = 60
	mostContents = 120
)

// NewText writes to out.
func NewText(out io.Writer, style Style) *Text {
	return &Text{out: out, style: style, plurals: plurals{}}
}

// Result writes one result, if it is a change.
func (t *Text) Result(r change.Result) {
	if r.Status != change.Changed {
		return
	}
	t.total++
	t.heading(r.ID.Kind)
	if t.shown == mostChanges && !t.style.Full {
		t.folded = append(t.folded, r)
		return
	}
	t.shown++
	t.change(r)
}

func (t *Text) change(r change.Result) {
	t.line(r)
	t.details(r.Change)
	for _, n := range r.Notes {
		t.lines(t.style.broken(indent + t.style.paint(yellow, "note: "+clean(n)))...)
	}
}

// plurals are the headings that were looked up: of thousands of results, few kinds are.
type plurals map[string]string

func (p plurals) of(kind string) string {
	name, ok := p[kind]
	if !ok {
		name = plural(kind)
		p[kind] = name
	}
	return name
}

// singular is what one of a kind is called.
func singular(kind string) string {
	if k, ok := kinds.Find(kind); ok && !strings.EqualFold(k.Plural, k.Name+"s") {
		return k.Name
	}
	return strings.TrimSuffix(plural(kind), "s")
}

// plural is the heading above changes of a kind, or of what is no kind: parts of
// offboarding, and notifications.
func plural(kind string) string {
	if k, ok := kinds.Find(kind); ok {
		return k.Plural
	}
	switch kind {
	case "primary-group":
		return "primary groups"
	case "linger", "cron":
		return kind
	case "restart", "reload", "start":
		return "services"
	default:
		return kind + "s"
	}
}

func (t *Text) heading(kind string) {
	name := t.plurals.of(kind)
	if name == t.kind {
		return
	}
	t.section(name, bold)
	t.kind = name
}

// section ends what stands above and begins something of its own.
func (t *Text) section(name, style string) {
	t.foot()
	if t.wrote {
		t.lines("")
	}
	t.wrote, t.kind = true, ""
	t.lines(t.style.paint(style, name))
}

// foot counts what has been folded. A single change takes no more room than the
// line that would count it.
func (t *Text) foot() {
	switch len(t.folded) {
	case 0:
	case 1:
		t.change(t.folded[0])
	default:
		t.folds = true
		t.lines("  " + t.style.paint(dim, fmt.Sprintf("… and %d more:", len(t.folded))) + " " +
			strings.Join(t.style.signs(change.Count(t.folded)), " ") + " " + t.style.paint(dim, showsThem))
	}
	t.shown, t.contents, t.folded = 0, 0, nil
}

// Folded is how many changes below the present heading are counted only.
func (t *Text) Folded() int { return len(t.folded) }

// showsThem says how to see what has been folded.
const showsThem = "(--full shows them)"

// signs are counts of changes behind their signs.
func (s Style) signs(c change.Summary) []string {
	var out []string
	for _, n := range byAction(c) {
		if n.count > 0 {
			out = append(out, count(s.sign(n.action), n.count))
		}
	}
	return out
}

// counted is how many changes there are of an action.
type counted struct {
	action change.Action
	count  int
}

// byAction are the counts in the order in which they are shown.
func byAction(c change.Summary) [4]counted {
	return [4]counted{{change.Add, c.Add}, {change.Modify, c.Change}, {change.Remove, c.Remove}, {change.Run, c.Run}}
}

func (t *Text) line(r change.Result) {
	name := clean(r.ID.Name)
	if r.Change.Action == change.Run {
		name = r.ID.Kind + " " + name
	}
	head := "  " + t.style.sign(r.Change.Action) + " " + name
	a, said := t.split(r), t.remarks(r.Change)
	if whole := slices.Concat(a.short, said); len(a.long) == 0 {
		if line, fits := t.style.column(head, whole); fits {
			t.lines(line)
			return
		}
	}
	beside, below := a.short, a.long
	if _, fits := t.style.column(head, a.short); !fits && len(a.arrows) > 1 {
		beside, below = a.rest, append(table(t.style, a.arrows), a.long...)
	}
	t.lines(t.style.fill(head, beside)...)
	for _, l := range append(below, said...) {
		t.lines(t.style.broken(indent + l)...)
	}
}

// remarks are what is said of a change beside its attributes.
func (t *Text) remarks(c change.Change) []string {
	var out []string
	if c.Why != "" {
		out = append(out, clean(c.Why))
	}
	if c.Deferred != "" {
		out = append(out, t.style.paint(dim, "(known after apply: "+clean(c.Deferred)+")"))
	}
	if c.Irreversible != "" {
		out = append(out, t.style.paint(yellow, "cannot be undone: "+clean(c.Irreversible)))
	}
	return out
}

// failedSign stands before what failed.
const failedSign = "✗"

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

func (t *Text) lines(lines ...string) {
	for _, l := range lines {
		fmt.Fprintln(t.out, l)
	}
}
