package overlay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"opsafe/internal/host"
)

// fixTree records the rule for all nodes below its root, be they copied or only
// in the base.
func (h *Host) fixTree(rule host.TreeRule) error {
	at, e, err := h.touch(rule.Root)
	if err != nil {
		return err
	}
	if e.node.Type != host.TypeDir {
		return fmt.Errorf("it is a %s, not a directory", e.node.Type)
	}
	if e.node.Held&host.ReadOnly != 0 {
		return e.node.MayAlter(rule.Root)
	}
	if rule.ACL != nil {
		if err := e.node.MayHave(rule.ACL.Apply(e.node.Access, true)); err != nil {
			return err
		}
	}
	if rule.Owner != "" {
		if rule.Owner, err = h.ownerName(kindUser, rule.Owner); err != nil {
			return err
		}
	}
	if rule.Group != "" {
		if rule.Group, err = h.ownerName(kindGroup, rule.Group); err != nil {
			return err
		}
	}
	if rule.ACL != nil {
		for _, e := range slices.Concat(rule.ACL.Access, rule.ACL.Default) {
			if _, err := h.ownerName(idKind(e.Tag), e.Name); err != nil {
				return err
			}
		}
	}
	rule = canonical(rule, at)
	h.files.alter(alteration{rule: &rule, of: func(p string, n host.Node) host.Node {
		if !covers(rule, p) || n.Type != host.TypeDir && n.Links > 1 || rule.Foreign(n) != "" || (n.Held&host.InTree).Why() != "" {
			return n
		}
		return rule.Apply(n)
	}})
	return nil
}

// canonical moves a rule to where its root really is.
func canonical(rule host.TreeRule, at string) host.TreeRule {
	move := func(ps []string) []string {
		out := make([]string, 0, len(ps))
		for _, p := range ps {
			if rest, ok := strings.CutPrefix(p, rule.Root+"/"); ok {
				p = path.Join(at, rest)
			}
			out = append(out, p)
		}
		return out
	}
	rule.Except, rule.Prune = move(rule.Except), move(rule.Prune)
	rule.Root = at
	return rule
}

// covers reports whether the rule speaks about a path.
func covers(rule host.TreeRule, p string) bool {
	if !below(p, rule.Root) || slices.Contains(rule.Except, p) {
		return false
	}
	return !slices.ContainsFunc(rule.Prune, func(q string) bool { return p == q || below(p, q) })
}

// speaksOf reports whether the rule says anything about nodes of a type.
func speaksOf(rule host.TreeRule, t host.NodeType) bool {
	switch {
	case rule.Owner != "" || rule.Group != "":
		return true
	case t == host.TypeFile:
		return rule.FileMode != nil || rule.ACL != nil
	case t == host.TypeDir:
		return rule.DirMode != nil || rule.ACL != nil
	}
	return false
}

func below(p, dir string) bool {
	return dir == "/" && p != "/" || len(p) > len(dir) && p[len(dir)] == '/' && p[:len(dir)] == dir
}

// ScanTree counts what would differ from the rule.
func (h *Host) ScanTree(ctx context.Context, rule host.TreeRule) (*host.TreeScan, error) {
	if known := h.trees.again(rule); known != nil {
		return known, nil
	}
	found, err := h.scanTree(ctx, rule, nil)
	h.trees.look(rule, found)
	return found, err
}

// ScanTreeWith is ScanTree where more is predicted of each node: for an overlay above
// this one.
func (h *Host) ScanTreeWith(ctx context.Context, rule host.TreeRule, predicted *host.Prediction) (*host.TreeScan, error) {
	return h.scanTree(ctx, rule, predicted)
}

func (h *Host) scanTree(ctx context.Context, rule host.TreeRule, then *host.Prediction) (*host.TreeScan, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.files.untouched() && then == nil {
		return h.base.ScanTree(ctx, rule)
	}
	at, err := h.resolve(rule.Root)
	if blocked(err) {
		return nil, nil
	}
	if err != nil {
		return nil, cannot("scan", rule.Root, err)
	}
	s := &scan{host: h, rule: canonical(rule, at), then: then, seen: map[string]bool{}}
	n, err := h.node(at)
	if n == nil || err != nil {
		return nil, err
	}
	if n.Type != host.TypeDir {
		return nil, fmt.Errorf("cannot scan %s: it is a %s, not a directory", rule.Root, n.Type)
	}
	if e, ok := h.files.nodes[at]; (!ok || !e.fresh) && !h.files.hides(at) {
		if err := s.base(ctx); err != nil {
			return nil, err
		}
	}
	return s.rest().Renamed(at, rule.Root), nil
}

// scan composes what the base finds with what only exists here.
type scan struct {
	host.TreeScan
	host *Host
	rule host.TreeRule
	then *host.Prediction // nil: nothing more happens to a node

	mu   sync.Mutex
	seen map[string]bool // entries that the base has shown
	gone int             // nodes of the base that are removed here
}

func (s *scan) base(ctx context.Context) error {
	b, ok := s.host.base.(host.TreeScanner)
	if !ok {
		return errors.New("cannot scan a tree after predicted changes: the base host cannot do that")
	}
	predicted := &host.Prediction{Node: s.predict}
	if s.then == nil || s.then.Alike != nil {
		predicted.Alike = s.alike
	}
	got, err := b.ScanTreeWith(ctx, s.rule, predicted)
	if err != nil {
		return err
	}
	if got != nil {
		s.TreeScan = *got
	}
	s.Total -= s.gone
	return nil
}

func (s *scan) predict(p string, n host.Node) host.Node {
	h := s.host
	e, ok := h.files.nodes[p]
	if !ok {
		if h.files.hides(p) {
			return s.drop(n)
		}
		return s.after(p, h.altered(p, n))
	}
	s.mu.Lock()
	s.seen[p] = true
	s.mu.Unlock()
	if e.absent {
		return s.drop(n)
	}
	return s.after(p, e.node)
}

// after is a node with what happens to it above this overlay.
func (s *scan) after(p string, n host.Node) host.Node {
	if s.then == nil {
		return n
	}
	return s.then.Node(p, n)
}

// drop makes a node that is gone agree with the rule, so that the base counts no
// difference and asks only once, and remembers to take it off the total.
func (s *scan) drop(n host.Node) host.Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone++
	return s.rule.Apply(n)
}

// rest adds the nodes that the base has not shown.
func (s *scan) rest() *host.TreeScan {
	for p, e := range s.host.files.nodes {
		if e.absent || s.seen[p] || !covers(s.rule, p) || !speaksOf(s.rule, e.node.Type) {
			continue
		}
		s.Total++
		before := s.after(p, e.node)
		after := s.rule.Apply(before)
		if before.Owner == after.Owner && before.Group == after.Group && before.Access.Equal(after.Access) {
			continue
		}
		if why := cmp.Or(s.rule.Foreign(before), (before.Held & host.InTree).Why()); why != "" {
			s.Refused = append(s.Refused, host.Refusal{Path: p, Why: why})
			continue
		}
		s.Differ++
		s.First = append(s.First, host.TreeDiff{Path: p, Before: before, After: after})
		s.Sorts = append(s.Sorts, host.TreeDiff{Path: p, Before: before, After: after, Count: 1})
	}
	slices.SortFunc(s.First, func(a, b host.TreeDiff) int { return strings.Compare(a.Path, b.Path) })
	s.First = s.First[:min(len(s.First), s.rule.Names())]
	slices.SortStableFunc(s.Refused, func(a, b host.Refusal) int { return strings.Compare(a.Path, b.Path) })
	s.Sorts = host.OfEachSort(s.Sorts)
	return &s.TreeScan
}
