package overlay

import (
	"maps"
	"path"

	"opsafe/internal/host"
)

// alike says what the nodes of the base in a directory have in common: which of the
// rules that were carried out cover them. What steps have touched by itself stands apart,
// and so does what a rule names.
func (s *scan) alike(dir string) host.Alike {
	f := &s.host.files
	if f.hides(path.Join(dir, "-")) {
		return host.Alike{None: true}
	}
	a := host.Alike{Apart: f.children[dir]}
	sort := make([]byte, 0, len(f.alterations))
	named := map[string]bool{}
	for _, alt := range f.alterations {
		within := byte('1')
		if alt.rule != nil && !reaches(*alt.rule, dir, named) {
			within = '0'
		}
		sort = append(sort, within)
	}
	a.Sort = string(sort)
	var above host.Alike
	if s.then != nil {
		above = s.then.Alike(dir)
		a.Sort += " " + above.Sort
		a.None = above.None
	}
	if len(named)+len(above.Apart) > 0 {
		maps.Copy(named, a.Apart)
		maps.Copy(named, above.Apart)
		a.Apart = named
	}
	return a
}

// reaches reports whether a rule covers what is in a directory, but for the names that it
// leaves alone, which it adds to those that are named.
func reaches(rule host.TreeRule, dir string, named map[string]bool) bool {
	if dir != rule.Root && !below(dir, rule.Root) {
		return false
	}
	for _, p := range rule.Except {
		if path.Dir(p) == dir {
			named[path.Base(p)] = true
		}
	}
	for _, p := range rule.Prune {
		if p == dir || below(dir, p) {
			return false
		}
		if path.Dir(p) == dir {
			named[path.Base(p)] = true
		}
	}
	return true
}
