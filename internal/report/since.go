package report

import (
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/render"
)

// Compare says what has changed since an earlier report.
func (r *Report) Compare(then *Report) {
	s := &Since{Made: then.Made, Hosts: []Moved{}}
	was, is := then.byName(), r.byName()
	for _, name := range sortedKeys(union(was, is)) {
		if m := (Moved{Host: name, From: was[name], To: is[name]}); m.From != m.To {
			s.Hosts = append(s.Hosts, m)
		}
	}
	s.Came, s.Gone = minus(r.Findings, then.Findings), minus(then.Findings, r.Findings)
	s.access(then.facts(), r.facts(), union(was, is))
	r.Since = s
}

func (r *Report) byName() map[string]State {
	out := map[string]State{}
	for _, h := range r.Hosts {
		out[h.Name] = h.State
	}
	return out
}

func union[V any](a, b map[string]V) map[string]V {
	out := map[string]V{}
	for _, m := range []map[string]V{a, b} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

// minus are findings on the hosts on which the others do not have them. What is only
// a note neither comes nor goes.
func minus(these, others []Finding) []Finding {
	have := map[string][]string{}
	for _, f := range others {
		have[key(f.Item)] = f.Hosts
	}
	out := []Finding{}
	for _, f := range these {
		if f.Item.Status == string(change.Unchanged) {
			continue
		}
		there := map[string]bool{}
		for _, h := range have[key(f.Item)] {
			there[h] = true
		}
		f.Hosts = slices.DeleteFunc(slices.Clone(f.Hosts), func(h string) bool { return there[h] })
		if len(f.Hosts) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// facts are what each may do on each host, in sentences.
func (r *Report) facts() map[string]map[string][]string {
	out := map[string]map[string][]string{}
	for _, t := range r.Access {
		people := map[string][]string{}
		for _, p := range t.People {
			people[p.Name] = p.facts()
		}
		for _, h := range t.Hosts {
			out[h] = people
		}
	}
	return out
}

func (r Row) facts() []string {
	var out []string
	if r.Name != everybody {
		out = append(out, "an account")
	}
	out = slices.Concat(out, r.Login)
	for _, how := range r.Root {
		out = append(out, "root by "+how)
	}
	for _, p := range r.Paths {
		if p.Unsure {
			out = append(out, "what cannot be told on "+p.Path)
		}
		for _, may := range p.May {
			out = append(out, may+" on "+p.Path)
		}
	}
	return out
}

// access compares who may do what.
func (s *Since) access(was, is map[string]map[string][]string, hosts map[string]State) {
	var turns gather[Turn]
	for _, host := range sortedKeys(hosts) {
		if was[host] == nil || is[host] == nil {
			s.Uncompared = append(s.Uncompared, host)
			continue
		}
		for _, name := range sortedKeys(union(was[host], is[host])) {
			t := render.TurnDoc{Names: []string{name}, Gains: without(is[host][name], was[host][name]), Loses: without(was[host][name], is[host][name])}
			if len(t.Gains)+len(t.Loses) > 0 {
				turns.add(host, key(t), func() *Turn { return &Turn{TurnDoc: t} }, func(t *Turn) *[]string { return &t.Hosts })
			}
		}
	}
	s.Access = turns.all()
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
