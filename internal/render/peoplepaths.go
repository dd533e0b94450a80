package render

import (
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/words"
)

// path is who may do what at one path: those who may do more or less than
// everybody, and everybody.
func (t *Text) path(path string, people []Person) {
	t.section(clean(path), bold)
	if slices.ContainsFunc(people, func(p Person) bool { return p.at(path).Absent }) {
		t.lines("  there is no such path")
		return
	}
	same, all := shares(path, people)
	for _, may := range same.keys {
		t.lines("  " + may)
		t.names("", same.of[may])
	}
	if roots := becomeRoot(people); len(roots) > 0 {
		t.lines("  anything, as root")
		t.names("", roots)
	}
	t.lines("  "+mayWords(all), indent+"everybody else, but for root")
}

// becomeRoot are those who can become root, and by what. At a path they may do anything.
func becomeRoot(people []Person) []string {
	var out []string
	for _, p := range people {
		var by []string
		if p.Sudo.Everything {
			by = append(by, "sudo")
		}
		for _, rule := range p.Sudo.Rules {
			if what, root := strings.CutSuffix(rule, change.RootInEffect); root && !p.Sudo.Everything {
				by = append(by, "sudo for "+clean(what))
			}
		}
		for _, r := range p.Root {
			by = append(by, r.Group)
		}
		if len(by) > 0 && p.Name != "root" {
			out = append(out, clean(p.Name)+" ("+words.And(by)+")")
		}
	}
	return out
}

// shares are those who may do more or less at a path than everybody, by what they may
// do, and what everybody may.
func shares(path string, people []Person) (same groupsOf, all []string) {
	of := func(p Person) []string {
		at := p.at(path)
		if at.Unsure {
			return []string{"cannot be told"}
		}
		return at.May
	}
	for _, p := range people {
		if !p.Account {
			all = of(p)
		}
	}
	for _, p := range people {
		if may := of(p); p.Account && p.Name != "root" && !slices.Equal(may, all) {
			same.add(mayWords(may), clean(p.Name))
		}
	}
	return same, all
}

// ruled is a line of each path of which the spec says who may do what.
func (t *Text) ruled(paths []string, people []Person) {
	absent := map[string]bool{}
	for _, p := range people {
		for _, at := range p.Paths {
			absent[at.Path] = absent[at.Path] || at.Absent
		}
	}
	paths = slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return absent[path] })
	if len(paths) == 0 {
		return
	}
	t.section("paths that the spec names, now", bold)
	for _, path := range paths[:min(len(paths), mostPaths)] {
		same, all := shares(path, people)
		var items []string
		for _, may := range same.keys {
			names := same.of[may]
			if more := len(names) - fewNames; more > 1 {
				names = append(names[:fewNames:fewNames], fmt.Sprintf("%d more", more))
			}
			items = append(items, words.And(names)+": "+may)
		}
		if len(all) > 0 || len(items) == 0 {
			items = append(items, "everybody: "+mayWords(all))
		}
		t.lines(t.style.fill("  "+clean(path), items)...)
	}
	if more := len(paths) - mostPaths; more > 0 {
		t.lines("  " + t.style.paint(dim, fmt.Sprintf("… and %d more", more)))
	}
	t.lines("  " + t.style.paint(dim, "--path PATH has all accounts of the host, at any path"))
}

func (p Person) at(path string) PathDoc {
	for _, at := range p.Paths {
		if at.Path == path {
			return at
		}
	}
	return PathDoc{}
}

// groupsOf are names for which something is the same.
type groupsOf struct {
	keys []string
	of   map[string][]string
}

func (g *groupsOf) add(key, name string) {
	if g.of == nil {
		g.of = map[string][]string{}
	}
	if g.of[key] == nil {
		g.keys = append(g.keys, key)
	}
	g.of[key] = append(g.of[key], name)
}
