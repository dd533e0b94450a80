package snapshot

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// Tree sums up what is below a directory. What a rule makes of a node depends on
// its type, owner, group and access alone: it is enough to know how many there
// are of each sort, and the paths that would be shown.
type Tree struct {
	Sorts []Sort
	// Refused are places where the look ended, such as another file system.
	Refused []host.Refusal
	Unknown int // what could not be seen
}

// Sort is nodes that are alike.
type Sort struct {
	Node  host.Node // without size and target; Links is 2 for several
	Count int
	First []string // paths, the first few in order
}

// The paths that are recorded of a sort: as many as are named.
const (
	maxRefused = 20 // those that are refused are named one by one
)

// severalLinks is why a file with more than one name is not touched.
const severalLinks = "it has several hard links, so it may be another's file"

// alike is what a node has in common with others of its sort.
func alike(n host.Node) host.Node {
	links := 1
	if n.Type != host.TypeDir && n.Links > 1 {
		links = 2
	}
	return host.Node{Type: n.Type, Owner: n.Owner, Group: n.Group, Access: n.Access, Links: links, Held: n.Held & host.InTree}
}

// summing is a scan under way.
type summing struct {
	host.TreeScan
	rule    host.TreeRule
	from    string // where the rule's root really is
	predict func(path string, n host.Node) host.Node
	refused []host.Refusal
	more    int // refused ones that are not named
}

// one judges a node, unless the look ended before it.
func (s *summing) one(p string, n host.Node) {
	if slices.ContainsFunc(s.refused, func(r host.Refusal) bool { return ended(r.Why) && (p == r.Path || isBelow(p, r.Path)) }) {
		return
	}
	if speaks(s.rule, s.named(p), n.Type) {
		s.sort(Sort{Node: n, Count: 1, First: []string{p}})
	}
}

// ended reports whether a look ended at what was refused for a reason.
func ended(why string) bool {
	return why != severalLinks && !slices.Contains(heldWhys(), why) && !strings.HasPrefix(why, host.ForeignTo)
}

// heldWhys are why single nodes are left alone.
func heldWhys() []string { return []string{host.Immutable.Why(), host.AppendOnly.Why()} }

// named is a path by the name that the rule has for the root.
func (s *summing) named(p string) string { return path.Join(s.rule.Root, p[len(s.from):]) }

func (s *summing) sort(of Sort) {
	if of.Count == 0 || len(of.First) == 0 {
		return
	}
	s.Total += of.Count
	n := s.predict(of.First[0], of.Node)
	after := s.rule.Apply(n)
	if n.Owner == after.Owner && n.Group == after.Group && n.Access.Equal(after.Access) {
		return
	}
	if n.Type != host.TypeDir && n.Links > 1 {
		for _, p := range of.First {
			s.refused = append(s.refused, host.Refusal{Path: p, Why: severalLinks})
		}
		s.more += of.Count - len(of.First)
		return
	}
	if why := cmp.Or(s.rule.Foreign(n), (n.Held & host.InTree).Why()); why != "" {
		for _, p := range of.First {
			s.refused = append(s.refused, host.Refusal{Path: p, Why: why})
		}
		s.more += of.Count - len(of.First)
		return
	}
	s.Differ += of.Count
	s.Sorts = append(s.Sorts, host.TreeDiff{Path: of.First[0], Before: n, After: after, Count: of.Count})
	for _, p := range of.First {
		s.First = append(s.First, host.TreeDiff{Path: p, Before: n, After: after})
	}
}

func (s *summing) finish() *host.TreeScan {
	slices.SortFunc(s.First, func(a, b host.TreeDiff) int { return strings.Compare(a.Path, b.Path) })
	s.First = s.First[:min(len(s.First), s.rule.Names())]
	s.Sorts = host.OfEachSort(s.Sorts)
	slices.SortFunc(s.refused, func(a, b host.Refusal) int { return strings.Compare(a.Path, b.Path) })
	if more := s.more + len(s.refused) - maxRefused; more > 0 {
		s.refused = s.refused[:min(len(s.refused), maxRefused)]
		s.refused = append(s.refused, host.Refusal{Path: s.rule.Root, Why: moreRefused(more)})
	}
	s.Refused = s.refused
	return &s.TreeScan
}

// sumTrees adds the summaries of which the rule speaks. A path that the rule
// leaves alone, but the record does not tell apart, leaves the tree unknown.
func (r *Reader) sumTrees(s *summing) error {
	if _, ok := r.state.Trees[s.from]; !ok {
		return r.missing("the tree " + s.rule.Root)
	}
	pruned := make([]string, 0, len(s.rule.Prune))
	for _, p := range s.rule.Prune {
		at, known := r.apart(path.Join(s.from, strings.TrimPrefix(path.Clean(p), s.rule.Root)), true)
		if !known {
			return r.missing("the tree " + s.rule.Root + " without " + p)
		}
		pruned = append(pruned, at)
	}
	for _, p := range s.rule.Except {
		if _, known := r.apart(path.Join(s.from, strings.TrimPrefix(path.Clean(p), s.rule.Root)), false); !known {
			return r.missing("the tree " + s.rule.Root + " without " + p)
		}
	}
	isPruned := func(p string) bool {
		return slices.ContainsFunc(pruned, func(q string) bool { return p == q || isBelow(p, q) })
	}
	for _, root := range slices.Sorted(maps.Keys(r.state.Trees)) {
		if root != s.from && !isBelow(root, s.from) || isPruned(root) {
			continue
		}
		t := r.state.Trees[root]
		s.Unknown += t.Unknown
		for _, ref := range t.Refused {
			if !isPruned(ref.Path) {
				s.refused = append(s.refused, ref)
			}
		}
		for _, of := range t.Sorts {
			if speaks(host.TreeRule{Root: s.rule.Root, Owner: s.rule.Owner, Group: s.rule.Group, FileMode: s.rule.FileMode, DirMode: s.rule.DirMode, ACL: s.rule.ACL}, "", of.Node.Type) {
				s.sort(of)
			}
		}
	}
	return nil
}

// apart reports whether the record has a path by itself: recorded as what it is,
// or absent; and if it is a directory with all below it, whether that is summed up
// by itself.
func (r *Reader) apart(p string, below bool) (at string, known bool) {
	at, f, recorded, err := r.find(p, maxLinks)
	if err != nil || !recorded {
		return p, false
	}
	if _, tree := r.state.Trees[at]; below && f.Node.Type == host.TypeDir && !tree {
		return p, false
	}
	return p, true
}

func isBelow(p, dir string) bool {
	return p != dir && strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

func moreRefused(n int) string { return fmt.Sprintf("%d more below it are refused", n) }
