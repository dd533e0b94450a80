package render

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/converge"
)

// Heading is which run a report is of.
type Heading struct {
	Command, Backend, Host string
	Spec                   *SourceDoc // nil: it goes by none
	Mode                   Mode
	Only, Skip             []string       // what was chosen of all that is declared
	Facts                  *FactsDoc      // nil: the host itself is asked
	Times                  converge.Times // nil: nobody wants to know
}

// WriteMarkdown writes a report as GitHub-flavoured Markdown that fits into one
// comment: what failed, who gains and loses what, and what to beware of first, then the
// changes by kind. Full shows long lists in full, as far as there is room.
func WriteMarkdown(out io.Writer, h Heading, rep *converge.Report, style Style) error {
	d := newMarkdown(h, rep, markdownPen{full: style.Full})
	_, err := io.WriteString(out, d.fit())
	return err
}

// markdown is a report in parts, each of which is shown or left out.
type markdown struct {
	head     string
	sections []*section
	stages   []*stage
}

// section is a fold with a table, and below it what does not fit into a table.
type section struct {
	title, count string
	columns      [3]string // of which the first may be nameless
	urgent       bool      // comes first, is open, and is left out last
	open         bool
	rows         []row
}

// row is one resource. What is missing in it is nil.
type row struct {
	sign              string
	name, about, diff *part
	path              string // of the diff
}

// openRows is how many changes a fold has at most that is open from the beginning.
const openRows = 10

func newMarkdown(h Heading, rep *converge.Report, p markdownPen) *markdown {
	d := &markdown{head: head(h, rep, p)}
	d.add(
		status(rep, p, "failed", change.Failed, change.Blocked),
		accessSection(rep, p),
		unjudged(rep, p),
		irreversible(rep, p),
		hostNoted(rep, p),
		noted(rep, p),
	)
	d.add(changes(rep, p, h.Mode)...)
	d.add(
		status(rep, p, "unknown", change.Unknown),
		status(rep, p, "not applicable on this host", change.NotApplicable),
	)
	d.stages = d.order()
	return d
}

// add takes the sections that have anything to show.
func (d *markdown) add(sections ...*section) {
	for _, s := range sections {
		if len(s.rows) > 0 {
			s.open = s.open || s.urgent
			if s.count == "" {
				s.count = fmt.Sprint(len(s.rows))
			}
			d.sections = append(d.sections, s)
		}
	}
}

func head(h Heading, rep *converge.Report, p markdownPen) string {
	parts := []string{"**opsafe " + escape(h.Command) + "**"}
	if h.Backend != "" {
		parts = append(parts, "backend "+p.code(h.Backend))
	}
	if h.Host != "" {
		parts = append(parts, "host "+p.code(h.Host))
	}
	what, _ := outcome(rep, h.Mode)
	text := refusal(rep.Refused, p) + strings.Join(append(parts, "**"+what+"** "+rest(rep.Summary)), " · ")
	if h.Facts != nil {
		text += "\n\n" + escape(strings.Join(append([]string{h.Facts.Words}, h.Facts.Lack...), "; "))
	}
	return text
}

// mostRefusal is how many lines of a refusal are shown: one for each person who loses
// their way in.
const mostRefusal = 40

// refusal is why the plan would not be carried out, which comes before all else.
func refusal(why string, p markdownPen) string {
	if why == "" {
		return ""
	}
	lines := strings.Split(why, "\n")
	if more := len(lines) - mostRefusal; more > 1 {
		lines = append(lines[:mostRefusal:mostRefusal], fmt.Sprintf("… and %d more lines", more))
	}
	lines[0] = "**" + failedSign + " " + escape(lines[0]) + "**"
	for i, l := range lines[1:] {
		lines[i+1] = p.prose(l)
	}
	return strings.Join(lines, "<br>\n") + "\n\n"
}

// status is the section of what became of resources other than a change.
func status(rep *converge.Report, p markdownPen, title string, of ...change.Status) *section {
	s := &section{title: title, columns: [3]string{"", "Resource", "Why"}}
	var same groups
	for _, r := range rep.Results {
		if slices.Contains(of, r.Status) {
			same.add(string(r.Status)+p.key(reason(r), r.ID), r)
		}
	}
	for _, key := range same.keys {
		if of := same.of[key]; len(of) > fewNames && of[0].Status == change.Blocked {
			about := fmt.Sprintf("%d not tried: %s", len(of), p.prose(reason(of[0])))
			s.rows = append(s.rows, row{sign: "⊘", name: newPart(p.code(of[0].ID.Words()) + fmt.Sprintf(" and %d more", len(of)-1)), about: newPart(about)})
			s.urgent = true
			continue
		}
		for i, r := range same.of[key] {
			x := row{sign: "?", name: newPart(p.code(r.ID.Words())), about: newPart(p.prose(reason(r)))}
			switch r.Status {
			case change.Failed:
				x.sign, s.urgent = failedSign, true
			case change.Blocked:
				x.sign, x.about.text, s.urgent = "⊘", "not tried: "+x.about.text, true
			case change.NotApplicable:
				x.sign = "∅"
			case change.Unknown:
				s.urgent = true // nobody takes for unchanged what they do not see
			}
			if s.urgent && r.Pos.File != "" {
				x.about.text += "<br>" + p.code(r.Pos.String())
			}
			s.rows = append(s.rows, x.likewise(i, len(same.of[key])))
		}
	}
	return s
}

// reason is why a resource is not as declared.
func reason(r change.Result) string {
	if r.Err != nil {
		return r.Err.Error()
	}
	return r.Reason
}

// likewise leaves out, of many rows that say the same but for the name, what the
// first one says.
func (x row) likewise(i, of int) row {
	if i > 0 && of > fewNames {
		x.about = newPart("likewise")
	}
	return x
}

// irreversible is what a reviewer should think about twice.
func irreversible(rep *converge.Report, p markdownPen) *section {
	s := &section{title: "cannot be undone", columns: [3]string{"", "Resource", "Why"}, urgent: true}
	for _, r := range rep.Results {
		if r.Status == change.Changed && r.Change.Irreversible != "" {
			s.rows = append(s.rows, row{sign: "⚠", name: newPart(p.code(r.ID.Words())), about: newPart(p.prose(r.Change.Irreversible))})
		}
	}
	return s
}

// noted are the notes of all resources, of those that change too.
func noted(rep *converge.Report, p markdownPen) *section {
	s := &section{title: "notes", columns: [3]string{"", "Resource", "Note"}, urgent: true}
	var same groups
	texts := map[string][]string{}
	for _, r := range rep.Results {
		for _, n := range r.Notes {
			key := p.key(n, r.ID)
			same.add(key, r)
			texts[key] = append(texts[key], n)
		}
	}
	for _, key := range same.keys {
		for i, r := range same.of[key] {
			x := row{name: newPart(p.code(r.ID.Words())), about: newPart(p.prose(texts[key][i]))}
			s.rows = append(s.rows, x.likewise(i, len(same.of[key])))
		}
	}
	return s
}

// unjudged is what a recorded host could not be asked: whoever approves the plan
// has to know.
func unjudged(rep *converge.Report, p markdownPen) *section {
	s := &section{title: "cannot be told from the facts", columns: [3]string{"", "What", ""}, urgent: true}
	for _, what := range rep.Unjudged {
		s.rows = append(s.rows, row{sign: "?", name: newPart(p.prose(what)), about: newPart("asked by manage before it writes")})
	}
	return s
}

// hostNoted is what concerns the host, and no resource.
func hostNoted(rep *converge.Report, p markdownPen) *section {
	s := &section{title: "of the host", columns: [3]string{"", "Note", ""}, urgent: true}
	for _, what := range rep.HostNotes {
		s.rows = append(s.rows, row{name: newPart(p.prose(what))})
	}
	return s
}

// changes are the sections of the kinds.
func changes(rep *converge.Report, p markdownPen, mode Mode) []*section {
	var out []*section
	of := map[string]*section{}
	results, names := map[string][]change.Result{}, plurals{}
	for _, r := range rep.Results {
		if r.Status != change.Changed {
			continue
		}
		title := names.of(r.ID.Kind)
		s := of[title]
		if s == nil {
			s = &section{title: escape(title), columns: [3]string{"", "Name", "Change"}}
			of[title], out = s, append(out, s)
		}
		s.rows = append(s.rows, changeRow(r, p))
		results[title] = append(results[title], r)
		s.count = counts(change.Count(results[title]), mode)
		s.open = len(s.rows) <= openRows
	}
	return out
}

func changeRow(r change.Result, p markdownPen) row {
	name := p.code(r.ID.Name)
	if r.Change.Action == change.Run {
		name = escape(r.ID.Kind) + " " + name
	}
	sign := Style{}.sign(r.Change.Action)
	var about []string
	for _, g := range groupAttrs(compact(r)) {
		about = append(about, describe(p, r.Change.Action, g)...)
	}
	if r.Change.Why != "" {
		about = append(about, p.prose(r.Change.Why))
	}
	if r.Change.Deferred != "" {
		about = append(about, "(known after apply: "+p.prose(r.Change.Deferred)+")")
	}
	if r.Change.Irreversible != "" {
		sign += " ⚠" // the reason stands above
	}
	lines, hidden := content(r.Change)
	if hidden != "" {
		about = append(about, "content is not shown: "+escape(hidden))
	}
	x := row{sign: sign, name: newPart(name)}
	if len(about) > 0 {
		x.about = newPart(strings.Join(about, "<br>"))
	}
	if len(lines) > 0 {
		x.diff = newPart(fenced(lines))
		x.diff.lines = len(lines)
		x.path = fmt.Sprintf("%s: %s", p.code(r.Change.Diff.Path), plusMinus(lines))
	}
	return x
}

// plusMinus counts the lines of a diff that come and go.
func plusMinus(lines []string) string {
	plus, minus := 0, 0
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l, "+"):
			plus++
		case strings.HasPrefix(l, "-"):
			minus++
		}
	}
	return fmt.Sprintf("+%d -%d", plus, minus)
}
