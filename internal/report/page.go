package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/words"
)

// page is a report as people read it, before it is written in a format: what it says
// is said here, and how it is escaped there.
type page struct {
	lead     []string
	sections []section
}

// section is tables below a heading. One that is open is to be read first.
type section struct {
	title  string
	count  string
	intro  string
	open   bool
	tables []table
}

// table has a column for each of the words in columns. In a matrix, a cell is read
// together with the heading of its column.
type table struct {
	caption []cell
	columns []cell
	rows    [][]cell
	matrix  bool
}

// cell is text from documents, line by line.
type cell struct {
	lines []string
	names bool  // the lines are names, of which many are folded
	code  bool  // the lines are a name, path or the like
	state State // the line is a state
	diff  []string
	path  string // of the diff
}

func prose(lines ...string) cell { return cell{lines: lines} }
func name(text string) cell      { return cell{lines: []string{text}, code: true} }
func names(of []string) cell     { return cell{lines: of, names: true, code: true} }

func heads(of ...string) []cell {
	out := make([]cell, len(of))
	for i, text := range of {
		out[i] = prose(text)
	}
	return out
}

// clock is a time for readers who may be anywhere.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func newPage(r *Report) page {
	p := page{lead: []string{words.Count(len(r.Hosts), "host")}}
	for _, s := range states() {
		if n := len(r.in(s)); n > 0 {
			p.lead = append(p.lead, fmt.Sprintf("%s %s", words.Number(n), s))
		}
	}
	if n := r.withOrphans(); n > 0 {
		p.lead = append(p.lead, words.Number(n)+" with something on no list")
	}
	p.lead = append(p.lead, clock(r.Made))
	p.add(r.hostSection())
	p.add(r.lacking())
	for _, s := range r.sinceSections() {
		p.add(s)
	}
	for _, f := range []struct {
		title string
		open  bool
		of    []change.Status
	}{
		{"Failed", true, []change.Status{change.Failed, change.Blocked}},
		{"Cannot be told", true, []change.Status{change.Unknown}},
		{"Not as declared", true, []change.Status{change.Changed}},
		{"Notes on resources", false, []change.Status{change.Unchanged}},
	} {
		of := slices.DeleteFunc(slices.Clone(r.Findings), func(x Finding) bool { return !slices.Contains(f.of, change.Status(x.Item.Status)) })
		p.add(findingSection(f.title, of, f.open))
	}
	p.add(turnSection("Who gains and loses what by manage", r.Turns))
	p.add(r.orphanSection())
	p.add(r.rootSection())
	p.add(r.accessSection())
	p.add(r.openGroups())
	p.add(r.noteSection())
	return p
}

// add takes a section that has anything to show.
func (p *page) add(s section) {
	s.tables = slices.DeleteFunc(s.tables, func(t table) bool { return len(t.rows) == 0 })
	if len(s.tables) == 0 {
		return
	}
	if s.count == "" {
		n := 0
		for _, t := range s.tables {
			n += len(t.rows)
		}
		s.count = words.Number(n)
	}
	p.sections = append(p.sections, s)
}

func (r *Report) in(s State) []Host {
	return slices.DeleteFunc(slices.Clone(r.Hosts), func(h Host) bool { return h.State != s })
}

// withOrphans counts the hosts on which there is something that no list knows: one in
// order may have it, a key of a stranger's for one.
func (r *Report) withOrphans() int {
	n := 0
	for _, h := range r.Hosts {
		if h.Orphans > 0 {
			n++
		}
	}
	return n
}

func hostNames(of []Host) []string {
	var out []string
	for _, h := range of {
		out = append(out, h.Name)
	}
	return out
}

// hostSection says how the hosts are: those in order in one row.
func (r *Report) hostSection() section {
	byState := table{caption: heads("Hosts by state"), columns: heads("State", "How many", "Hosts")}
	each := table{caption: heads("Those that are not in order, and what is to be known of the others"), columns: heads("Host", "State", "Backend", "What", "Last run")}
	for _, s := range states() {
		of := r.in(s)
		if len(of) == 0 {
			continue
		}
		byState.rows = append(byState.rows, []cell{{lines: []string{string(s)}, state: s}, prose(words.Number(len(of))), names(hostNames(of))})
		for _, h := range of {
			if about := h.about(); s != InOrder || len(about) > 0 {
				each.rows = append(each.rows, []cell{name(h.Name), {lines: []string{string(s)}, state: s}, name(h.Backend), prose(about...), prose(h.lastRun()...)})
			}
		}
	}
	return section{title: "Hosts", count: words.Number(len(r.Hosts)), open: true, tables: []table{byState, each}}
}

// about is what there is to say of a host beside its state.
func (h Host) about() []string {
	var out []string
	if h.Was != "" {
		out = append(out, "was "+string(h.Was))
	}
	for _, n := range []struct {
		n    int
		what string
	}{{h.Failed, "failed"}, {h.Changes, "not as declared"}, {h.Unknown, "unknown"}, {h.Orphans, "on no list"}} {
		if n.n > 0 {
			out = append(out, words.Number(n.n)+" "+n.what)
		}
	}
	if h.State == Drifted && h.Since != nil {
		out = append(out, "seen first "+clock(*h.Since))
	}
	out = append(out, h.Why...)
	if l := h.LastRun; l != nil && l.Result != "succeeded" {
		out = append(out, "its last run is "+l.Result)
	}
	return out
}

func (h Host) lastRun() []string {
	if h.LastRun == nil {
		return nil
	}
	return []string{fmt.Sprintf("%d, %s by %s, %s: %s", h.LastRun.Run, h.LastRun.Command, h.LastRun.By, clock(h.LastRun.Started), h.LastRun.Result)}
}

// lacking says which hosts lack which documents, and whose are old.
func (r *Report) lacking() section {
	var lacks gather[Note]
	t := table{columns: heads("Document", "Made", "Hosts")}
	for _, h := range r.Hosts {
		for _, what := range h.Lacks {
			lacks.add(h.Name, what, func() *Note { return &Note{Text: what} }, func(n *Note) *[]string { return &n.Hosts })
		}
	}
	for _, n := range lacks.all() {
		t.rows = append(t.rows, []cell{prose(n.Text), prose("missing"), names(n.Hosts)})
	}
	t.rows = append(t.rows, r.oldDocuments()...)
	return section{title: "Documents that are missing or old", open: true, tables: []table{t}}
}

// oldDocuments are a row for each kind, with the time of the oldest.
func (r *Report) oldDocuments() [][]cell {
	oldest, of := map[string]time.Time{}, map[string][]string{}
	for _, h := range r.Hosts {
		for _, d := range h.Documents {
			if at, seen := oldest[d.Kind]; d.Old && (!seen || d.Made.Before(at)) {
				oldest[d.Kind] = d.Made
			}
			if d.Old {
				of[d.Kind] = append(of[d.Kind], h.Name)
			}
		}
	}
	var rows [][]cell
	for _, kind := range sortedKeys(of) {
		rows = append(rows, []cell{prose(kind), prose("old, the oldest of " + clock(oldest[kind])), names(of[kind])})
	}
	return rows
}

func findingSection(title string, of []Finding, open bool) section {
	t := table{columns: heads("Resource", "What", "Seen first", "Hosts")}
	for _, f := range of {
		about := prose(f.Item.About()...)
		about.diff, _ = f.Item.Content()
		if f.Item.Diff != nil {
			about.path = f.Item.Diff.Path
		}
		var since []string
		if f.Since != nil {
			since = []string{clock(*f.Since)}
		}
		sign := strings.TrimSpace(f.Item.Sign() + " " + f.Item.Kind)
		t.rows = append(t.rows, []cell{name(sign + " " + f.Item.Name), about, prose(since...), names(f.Hosts)})
	}
	return section{title: title, open: open, tables: []table{t}}
}

func turnSection(title string, of []Turn) section {
	t := table{columns: heads("Who", "Gains", "Loses", "Hosts")}
	for _, turn := range of {
		t.rows = append(t.rows, []cell{names(turn.Names), prose(turn.Gains...), prose(turn.Loses...), names(turn.Hosts)})
	}
	return section{title: title, open: true, tables: []table{t}}
}

func (r *Report) orphanSection() section {
	return section{title: "On hosts, and on no list", open: true, tables: []table{orphanTable(r.Orphans)}}
}

func orphanTable(of []Orphan) table {
	t := table{columns: heads("Name", "What", "Hosts")}
	for _, o := range of {
		about := []string{o.What}
		if o.Way != "" {
			about = append(about, "not by prune: "+o.Way)
		}
		t.rows = append(t.rows, []cell{name(o.Name), prose(about...), names(o.Hosts)})
	}
	return t
}

func (r *Report) noteSection() section {
	t := table{columns: heads("Note", "Hosts")}
	for _, n := range r.Notes {
		t.rows = append(t.rows, []cell{prose(n.Text), names(n.Hosts)})
	}
	return section{title: "Notes", open: true, tables: []table{t}}
}
