package report

import (
	"slices"

	"opsafe/internal/change"
)

// Compare says what has changed since an earlier report.
func (r *Report) Compare(then *Report) {
	s := &Since{Made: then.Made, Hosts: []Moved{}}
	was, is := then.byName(), r.byName()
	both := map[string]bool{}
	for _, name := range sortedKeys(union(was, is)) {
		if m := (Moved{Host: name, From: was[name].State, To: is[name].State}); m.From != m.To {
			s.Hosts = append(s.Hosts, m)
		}
		if both[name] = was[name].looked() && is[name].looked(); !both[name] {
			s.Unseen = append(s.Unseen, name)
		}
	}
	s.Came, s.Gone = minus(r.Findings, then.Findings, both), minus(then.Findings, r.Findings, both)
	s.Gone = unseen(s.Gone, r.Findings)
	for name := range both {
		both[name] = both[name] && was[name].hasStatus() && is[name].hasStatus()
	}
	s.OrphansCame, s.OrphansGone = strayed(r.Orphans, then.Orphans, both), strayed(then.Orphans, r.Orphans, both)
	s.access(then, r)
	r.Since = s
}

// looked reports whether all that is declared on a host was looked at, at the time of
// the report.
func (h Host) looked() bool {
	return h.Name != "" && h.State != Old && !h.Partial && !slices.Contains(h.Lacks, lacksRun)
}

// hasStatus reports whether a status says what is on a host and on no list.
func (h Host) hasStatus() bool {
	return slices.ContainsFunc(h.Documents, func(d Source) bool { return d.Kind == kindStatus })
}

// strayed are orphans on those of the hosts on which the others do not have them.
func strayed(these, others []Orphan, hosts map[string]bool) []Orphan {
	have := map[string]map[string]bool{}
	for _, o := range others {
		have[key(o.OrphanDoc)] = set(o.Hosts)
	}
	out := []Orphan{}
	for _, o := range these {
		there := have[key(o.OrphanDoc)]
		o.Hosts = slices.DeleteFunc(slices.Clone(o.Hosts), func(h string) bool { return !hosts[h] || there[h] })
		if len(o.Hosts) > 0 {
			out = append(out, o)
		}
	}
	return out
}

func (r *Report) byName() map[string]Host {
	out := map[string]Host{}
	for _, h := range r.Hosts {
		out[h.Name] = h
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

// minus are findings on those of the hosts on which the others do not have them. What
// is only a note neither comes nor goes.
func minus(these, others []Finding, hosts map[string]bool) []Finding {
	have := map[string][]string{}
	for _, f := range others {
		have[key(f.Item)] = f.Hosts
	}
	out := []Finding{}
	for _, f := range these {
		if f.Item.Status == string(change.Unchanged) {
			continue
		}
		there := set(have[key(f.Item)])
		out = f.on(out, func(h string) bool { return hosts[h] && !there[h] })
	}
	return out
}

// unseen takes what could not be seen now out of what is no more.
func unseen(gone, now []Finding) []Finding {
	cannot := map[string]map[string]bool{} // the hosts, by resource
	for _, f := range now {
		switch change.Status(f.Item.Status) {
		case change.Unknown, change.Failed, change.Blocked:
			at := f.Item.Kind + "/" + f.Item.Name
			cannot[at] = union(cannot[at], set(f.Hosts))
		default:
		}
	}
	out := []Finding{}
	for _, f := range gone {
		there := cannot[f.Item.Kind+"/"+f.Item.Name]
		out = f.on(out, func(h string) bool { return !there[h] })
	}
	return out
}

// on adds a finding on those of its hosts that are kept, if there are any.
func (f Finding) on(to []Finding, keep func(host string) bool) []Finding {
	f.Hosts = slices.DeleteFunc(slices.Clone(f.Hosts), func(h string) bool { return !keep(h) })
	if len(f.Hosts) == 0 {
		return to
	}
	return append(to, f)
}

func set(of []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range of {
		out[s] = true
	}
	return out
}
