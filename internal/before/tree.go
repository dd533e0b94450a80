package before

import (
	"context"
	"fmt"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// maxTree is how many paths below a directory are kept.
const maxTree = 10_000

// Tree is the owners and rights of what below a directory is about to be
// corrected.
type Tree struct {
	Root string `json:"root"`
	// Rule tells trees of one root that are corrected in different ways.
	Rule  string     `json:"rule"`
	Nodes []TreeNode `json:"nodes,omitempty"` // by path
	// Lost says why the nodes are not here.
	Lost string `json:"lost,omitempty"`
}

// TreeNode is one path of a tree.
type TreeNode struct {
	Path   string        `json:"path"`
	Type   host.NodeType `json:"type"`
	Owner  string        `json:"owner"`
	Group  string        `json:"group"`
	Access host.Access   `json:"access"`
}

func (t *Tree) subject() host.Subject {
	return host.Subject{Type: host.SubjectTree, Name: t.Root + " " + t.Rule}
}

func (t *Tree) String() string { return "owners and rights below " + t.Root }

func (t *Tree) state() any { return t.Nodes }

// takeTree keeps what a rule is about to change, of which so many paths are known
// already: of more than are kept, none is looked at.
func takeTree(ctx context.Context, r host.Reader, rule host.TreeRule, known int) (*Tree, error) {
	t := &Tree{Root: rule.Root, Rule: rule.Name()}
	if known > maxTree {
		t.lose(known)
		return t, nil
	}
	rule.Most = maxTree
	scan, err := r.ScanTree(ctx, rule)
	if err != nil || scan == nil {
		return t, err
	}
	if scan.Differ > len(scan.First) {
		t.lose(scan.Differ)
		return t, nil
	}
	for _, d := range scan.First {
		n := d.Before
		t.Nodes = append(t.Nodes, TreeNode{Path: d.Path, Type: n.Type, Owner: n.Owner, Group: n.Group, Access: n.Access})
	}
	return t, nil
}

// lose says that none of so many paths is kept.
func (t *Tree) lose(paths int) {
	t.Lost = fmt.Sprintf("%d paths are changed there, and no more than %d are kept", paths, maxTree)
}

// again is the same tree as it is now.
func (t *Tree) again(r host.Reader) (*Tree, error) {
	now := &Tree{Root: t.Root, Rule: t.Rule}
	for _, n := range t.Nodes {
		have, err := r.Stat(n.Path)
		if err != nil {
			return nil, err
		}
		if have != nil {
			now.Nodes = append(now.Nodes, TreeNode{Path: n.Path, Type: have.Type, Owner: have.Owner, Group: have.Group, Access: have.Access})
		}
	}
	return now, nil
}

// restore gives each path its owner and rights back. One that is gone stays so.
//
// Directories are shut first, as far as they were; then what is in one comes before
// it. As long as nobody but the owner of today can write to it, nobody else can
// have put something into the place of what is given away.
func (t *Tree) restore(_ context.Context, r host.Reader) (change.Change, error) {
	if t.Lost != "" {
		return change.Change{}, fmt.Errorf("cannot bring owners and rights below %s back: %s", t.Root, t.Lost)
	}
	c := change.Change{Action: change.Modify}
	var shut, give []host.Step
	paths := 0
	for _, n := range slices.Backward(t.Nodes) {
		have, err := r.Stat(n.Path)
		if err != nil {
			return change.Change{}, err
		}
		if have == nil || have.Type != n.Type {
			continue
		}
		want, err := named(r, host.Node{Type: n.Type, Owner: n.Owner, Group: n.Group, Access: n.Access})
		if err != nil {
			return change.Change{}, err
		}
		steps := rightsSteps(n.Path, *have, *want)
		if len(steps) == 0 {
			continue
		}
		if paths++; paths <= host.MaxTreeDiffs {
			differ(&c, n.Path, rightsText(have), rightsText(want))
		}
		give = append(give, steps...)
		if s := Shut(n.Path, have, want); s != nil {
			shut = append(shut, s)
		}
	}
	if paths == 0 {
		return change.Change{}, nil
	}
	if more := paths - host.MaxTreeDiffs; more > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("and %d more paths", more))
	}
	slices.Reverse(shut)
	c.Steps = append(shut, give...)
	return c, nil
}

// Shut is the step that gives a directory its rights of then, while it is still
// its owner's of today; nil for none.
func Shut(at string, have, want *host.Node) host.Step {
	if have == nil || want == nil || have.Type != host.TypeDir || want.Type != host.TypeDir || have.Access.Equal(want.Access) {
		return nil
	}
	return host.SetAccess{Path: at, Access: want.Access}
}

func rightsText(n *host.Node) string {
	text := n.Owner + ":" + n.Group
	if n.Type == host.TypeSymlink {
		return text
	}
	text += " " + n.Access.BaseMode().String()
	for _, line := range n.Access.Lines() {
		text += " " + line
	}
	return text
}
