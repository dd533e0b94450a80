package report

import (
	"slices"

	"opsafe/internal/render"
)

// rights are who may do what on one host.
type rights struct {
	asked  []string
	paths  map[string]bool
	people map[string]Row
	groups map[string][]string // by what others get into them
}

// rights are those of the hosts of which there is an access document that tells of the
// time of the report.
func (r *Report) rights() map[string]rights {
	old := map[string]bool{}
	for _, h := range r.Hosts {
		old[h.Name] = slices.ContainsFunc(h.Documents, func(d Source) bool { return d.Kind == kindAccess && d.Old })
	}
	out := map[string]rights{}
	for _, t := range r.Access {
		of := rights{asked: slices.Compact(slices.Sorted(slices.Values(t.Asked))), paths: map[string]bool{}, people: map[string]Row{}, groups: map[string][]string{}}
		for _, g := range t.OpenGroups {
			of.groups[g.Group] = openBy(g)
		}
		for _, p := range t.People {
			of.people[p.who()] = p
			for _, at := range p.Paths {
				of.paths[at.Path] = true
			}
		}
		for _, h := range t.Hosts {
			if !old[h] {
				out[h] = of
			}
		}
	}
	return out
}

// access compares who may do what: the same accounts, at the paths that were judged
// both times.
func (s *Since) access(then, now *Report) {
	var turns gather[Turn]
	wasAt, isAt := then.rights(), now.rights()
	for _, host := range sortedKeys(union(then.byName(), now.byName())) {
		was, is := wasAt[host], isAt[host]
		if was.people == nil || is.people == nil || !slices.Equal(was.asked, is.asked) {
			s.Uncompared = append(s.Uncompared, host)
			continue
		}
		turn := func(name string, had, has []string) {
			t := render.TurnDoc{Names: []string{name}, Gains: without(has, had), Loses: without(had, has)}
			if len(t.Gains)+len(t.Loses) > 0 {
				turns.add(host, key(t), func() *Turn { return &Turn{TurnDoc: t} }, func(t *Turn) *[]string { return &t.Hosts })
			}
		}
		for _, name := range sortedKeys(union(was.people, is.people)) {
			turn(name, was.facts(name, is), is.facts(name, was))
		}
		for _, name := range sortedKeys(union(was.groups, is.groups)) {
			turn("the group "+name, was.groups[name], is.groups[name])
		}
	}
	s.Access = turns.all()
}

// facts are what somebody may do, in sentences, at paths that were judged for them at
// the other time as well. Whoever was not there then could do nothing at any.
func (r rights) facts(name string, other rights) []string {
	p, here := r.people[name]
	if !here {
		return nil
	}
	judged := other.paths
	if q, there := other.people[name]; there {
		judged = map[string]bool{}
		for _, at := range q.Paths {
			judged[at.Path] = true
		}
	}
	return p.facts(judged)
}

// who is whom a row is about: an account may be called as all those who have none.
func (r Row) who() string {
	if r.Name == everybody && r.isAccount() {
		return "the account " + r.Name
	}
	return r.Name
}

// isAccount reports whether a row is about an account: of these, it is said whether they
// can log in.
func (r Row) isAccount() bool { return len(r.Login) > 0 }

func (r Row) facts(paths map[string]bool) []string {
	var out []string
	if r.isAccount() {
		out = append(out, "an account")
	}
	out = slices.Concat(out, r.Login)
	for _, how := range r.Root {
		out = append(out, "root by "+how)
	}
	for _, what := range r.Unknown {
		out = append(out, "what cannot be told: "+what)
	}
	for _, p := range r.Paths {
		switch {
		case !paths[p.Path]:
			continue
		case p.Unsure:
			out = append(out, "what cannot be told on "+p.Path)
		}
		for _, may := range p.May {
			out = append(out, may+" on "+p.Path)
		}
	}
	return out
}

func without(these, others []string) []string {
	out := []string{}
	for _, t := range these {
		if !slices.Contains(others, t) {
			out = append(out, t)
		}
	}
	return out
}
