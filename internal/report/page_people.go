package report

import (
	"cmp"
	"slices"
	"strings"

	"opsafe/internal/render"
	"opsafe/internal/words"
)

// sinceSections say what has changed since the earlier report.
func (r *Report) sinceSections() []section {
	s := r.Since
	if s == nil {
		return nil
	}
	t := table{caption: heads("Hosts that are otherwise than they were"), columns: heads("Was", "Is", "Hosts")}
	var moves gather[[]cell]
	for _, m := range s.Hosts {
		moves.add(m.Host, key([]State{m.From, m.To}), func() *[]cell { return &[]cell{moved(m.From), moved(m.To), names(nil)} },
			func(row *[]cell) *[]string { return &(*row)[2].lines })
	}
	t.rows = moves.all()
	people := turnSection("", s.Access).tables[0]
	people.caption = heads("What people gained and lost")
	came, gone := findingSection("", s.Came, true).tables[0], findingSection("", s.Gone, true).tables[0]
	came.caption, gone.caption = heads("Found now, and not then"), heads("Found then, and not now")
	nothing := table{caption: heads("In all"), columns: heads("What", "Hosts")}
	strays, left := orphanTable(s.OrphansCame), orphanTable(s.OrphansGone)
	strays.caption, left.caption = heads("On no list now, and not there then"), heads("On no list then, and not there now")
	if len(t.rows)+len(people.rows)+len(came.rows)+len(gone.rows)+len(strays.rows)+len(left.rows) == 0 {
		same := slices.DeleteFunc(hostNames(r.Hosts), func(h string) bool { return slices.Contains(s.Unseen, h) })
		if len(same) > 0 {
			nothing.rows = append(nothing.rows, []cell{prose("nothing has changed"), names(same)})
		}
	}
	if len(s.Unseen) > 0 {
		nothing.rows = append(nothing.rows, []cell{prose("cannot be compared: a status or plan of the whole host, and not an old one, was not given both times"), names(s.Unseen)})
	}
	if len(s.Uncompared) > 0 {
		nothing.rows = append(nothing.rows, []cell{prose("people cannot be compared: access was not given both times, or is old, or of other accounts"), names(s.Uncompared)})
	}
	return []section{{title: "Since " + clock(s.Made), open: true, tables: []table{nothing, t, people, came, gone, strays, left}}}
}

func moved(s State) cell {
	if s == "" {
		return prose("not there")
	}
	return cell{lines: []string{string(s)}, state: s}
}

// rootSection says who is root, by what and where.
func (r *Report) rootSection() section {
	var g gather[Turn]
	for _, t := range r.Access {
		for _, p := range t.People {
			if len(p.Root) == 0 {
				continue
			}
			for _, h := range t.Hosts {
				g.add(h, key([]any{p.Name, p.Root, p.Login}), func() *Turn {
					return &Turn{TurnDoc: render.TurnDoc{Names: []string{p.Name}, Gains: p.Root, Loses: p.Login}}
				}, func(t *Turn) *[]string { return &t.Hosts })
			}
		}
	}
	t := table{columns: heads("Who", "Is root by", "Gets in by", "Hosts")}
	all := g.all()
	slices.SortStableFunc(all, func(a, b Turn) int { return strings.Compare(a.Names[0], b.Names[0]) })
	for _, x := range all {
		slices.Sort(x.Hosts)
		t.rows = append(t.rows, []cell{name(x.Names[0]), prose(x.Gains...), prose(x.Loses...), names(x.Hosts)})
	}
	count := words.Number(len(t.rows))
	unknown := r.rootUnknown()
	t.rows = append(t.rows, unknown...)
	return section{title: "Who is root", count: count, open: true, tables: []table{t}}
}

// rootUnknown are the hosts of which the others say nothing, or not of now, or not all.
func (r *Report) rootUnknown() [][]cell {
	var g gather[Note]
	say := func(host, text string) {
		g.add(host, text, func() *Note { return &Note{Text: text} }, func(n *Note) *[]string { return &n.Hosts })
	}
	for _, h := range r.Hosts {
		if slices.Contains(h.Lacks, kindAccess) {
			say(h.Name, "not known: no access document")
		}
	}
	for _, h := range r.Hosts {
		for _, d := range h.Documents {
			if d.Kind == kindAccess && d.Old {
				say(h.Name, "old, of "+clock(d.Made))
			}
		}
	}
	for _, t := range r.Access {
		for _, h := range t.Hosts {
			if len(t.Asked) > 0 {
				say(h, "only these were asked for: "+words.And(t.Asked))
			}
			if len(t.AskedPaths) > 0 {
				say(h, "only these paths were asked for: "+words.And(t.AskedPaths))
			}
		}
	}
	var rows [][]cell
	for _, n := range g.all() {
		rows = append(rows, []cell{prose(n.Text), prose(), prose(), names(n.Hosts)})
	}
	return rows
}

// accessSection is a matrix of people and directories, for hosts on which it is the
// same.
func (r *Report) accessSection() section {
	s := section{title: "People and directories", intro: "A column of several paths is of paths at which all may do the same. What lies in somebody's own home is not judged for them.", open: true}
	n := 0
	for _, of := range r.Access {
		n += len(of.Hosts)
		columns := of.columns()
		t := table{matrix: true, caption: []cell{prose("On"), names(of.Hosts)}, columns: heads("Who", "Login", "Root")}
		if len(of.Asked) > 0 {
			t.caption = append(t.caption, prose("only these accounts were asked for:"), names(of.Asked))
		}
		if len(of.AskedPaths) > 0 {
			t.caption = append(t.caption, prose("only these paths were asked for:"), names(of.AskedPaths))
		}
		for _, c := range columns {
			t.columns = append(t.columns, cell{lines: c.paths, code: true})
		}
		untold := slices.ContainsFunc(of.People, func(p Row) bool { return len(p.Unknown) > 0 })
		if untold {
			t.columns = append(t.columns, prose("Cannot be told"))
		}
		for i, p := range of.People {
			row := []cell{name(p.Name), prose(orNone(p.Login)...), prose(orNone(p.Root)...)}
			for _, c := range columns {
				row = append(row, prose(c.cells[i]))
			}
			if untold {
				row = append(row, prose(orNone(p.Unknown)...))
			}
			t.rows = append(t.rows, row)
		}
		s.tables = append(s.tables, t)
	}
	s.count = words.Count(n, "host")
	return s
}

func orNone(lines []string) []string {
	if len(lines) == 0 {
		return []string{"–"}
	}
	return lines
}

// openBy is by what others get into a group.
func openBy(g render.OpenGroupDoc) []string {
	var how []string
	if g.Password {
		how = append(how, "whoever knows its password gets in")
	}
	if len(g.Admins) > 0 {
		how = append(how, "its administrators let others in: "+words.And(g.Admins))
	}
	return how
}

func (r *Report) openGroups() section {
	t := table{columns: heads("Group", "How", "Root", "Hosts")}
	for _, of := range r.Access {
		for _, g := range of.OpenGroups {
			t.rows = append(t.rows, []cell{name(g.Group), prose(openBy(g)...), prose(cmp.Or(g.Why, "–")), names(of.Hosts)})
		}
	}
	return section{title: "Groups that others get into", tables: []table{t}}
}
