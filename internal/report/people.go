package report

import (
	"strings"

	"opsafe/internal/render"
	"opsafe/internal/words"
)

// everybody stands for those who are neither named nor in any group.
const everybody = "everybody"

// access takes who may do what on a host.
func (b *builder) access(host string, d *render.PeopleDoc) {
	t := Table{Asked: d.Asked, AskedPaths: d.AskedPaths, People: []Row{}, OpenGroups: d.OpenGroups}
	for _, p := range d.People {
		if p.Account || p.Name == everybody {
			t.People = append(t.People, rowOf(p))
		}
	}
	b.tables.add(host, key(t), func() *Table { return &t }, func(t *Table) *[]string { return &t.Hosts })
	if b.hosts[host].plan == nil {
		b.turned(host, d.Access)
	}
}

func rowOf(p render.Person) Row {
	r := Row{Name: p.Name, Login: []string{}, Root: []string{}, Paths: p.Paths, Unknown: p.Unknown}
	if !p.Account {
		return r
	}
	r.Login = append(r.Login, p.LoginWords())
	if p.Password {
		r.Login = append(r.Login, "login by ssh with a password")
	}
	r.Login = append(r.Login, p.OtherWays()...)
	r.Root = append(r.Root, root(p)...)
	return r
}

// root is by what somebody is root, or may become it. A rule of sudo for one command
// is named: what the command lets them do, nobody can tell.
func root(p render.Person) []string {
	var out []string
	if p.Name == "root" {
		out = append(out, "is root")
	}
	switch s := p.Sudo; {
	case s.Everything && s.Free:
		out = append(out, "sudo without a password")
	case s.Everything && s.Unset:
		out = append(out, "sudo once they have a password")
	case s.Everything:
		out = append(out, "sudo")
	default:
		for _, rule := range s.Rules {
			out = append(out, "sudo for "+rule)
		}
		if s.Unsure {
			out = append(out, "sudo: cannot be told")
		}
	}
	for _, g := range p.Root {
		out = append(out, "group "+g.Group+": "+g.Why)
	}
	for _, g := range p.Administers {
		if g.Why != "" {
			out = append(out, "administers the group "+g.Group+": "+g.Why)
		}
	}
	for _, w := range p.Ways {
		if w.Root {
			out = append(out, words.Article(w.By)+" that forwards to a socket of root's")
		}
	}
	return out
}

// at is what somebody may do at a path, in words; what lies in their own home is
// not judged.
func (r Row) at(path string) string {
	for _, p := range r.Paths {
		switch {
		case p.Path != path:
		case p.Absent:
			return "absent"
		case p.Unsure:
			return "cannot be told"
		case len(p.May) == 0:
			return "–"
		default:
			return mayWords(p.May)
		}
	}
	return "not judged"
}

func mayWords(may []string) string { return strings.Join(may, ", ") }

// column is paths at which everybody may do the same.
type column struct {
	paths []string
	cells []string // a row each
}

// columns are the paths of a table, in their order; the same is said once.
func (t Table) columns() []column {
	var g gather[column]
	seen := map[string]bool{}
	for _, r := range t.People {
		for _, p := range r.Paths {
			if seen[p.Path] {
				continue
			}
			seen[p.Path] = true
			cells := make([]string, len(t.People))
			for i, r := range t.People {
				cells[i] = r.at(p.Path)
			}
			g.add(p.Path, key(cells), func() *column { return &column{cells: cells} }, func(c *column) *[]string { return &c.paths })
		}
	}
	return g.all()
}
