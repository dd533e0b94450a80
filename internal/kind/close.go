package kind

import (
	"context"
	"fmt"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

// closeLook takes from a file or directory what its declared mode does not give
// to its group and to others. Whoever owns it may do what they could.
type closeLook struct {
	path string
	own  ownership
	node host.NodeType
}

func (l closeLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	n, err := r.Stat(l.path)
	if err != nil || n == nil || n.Type != l.node || l.own.mode == nil {
		return c, err
	}
	mode := *l.own.mode
	if l.own.group != "" && l.own.group != n.Group {
		mode &^= 0o070 // it is another group that would have the rights
	}
	want := *n
	// Its owner keeps its rights, or what runs as it would stop.
	want.Access = n.Access.WithMode(mode | n.Access.BaseMode()&0o700 | n.Access.Special).Within(n.Access)
	DifferNode(&c, l.path, *n, want)
	if len(c.Steps) > 0 {
		c.Action = change.Modify
	}
	return c, nil
}

// closeACLLook takes from a path what its declared ACL does not give: entries that an
// exact rule lacks, and rights that its entries do not have. No entry is added.
type closeACLLook struct {
	path string
	rule host.ACLRule
	bad  error // the rule cannot be read
}

func (l closeACLLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	n, err := r.Stat(l.path)
	if err != nil || n == nil || n.Type == host.TypeSymlink || l.bad != nil {
		return c, err
	}
	// What is made in a directory must not be more open without its default entries.
	rule := host.ACLRule{Exact: l.rule.Exact}
	for _, e := range l.rule.Access {
		has := func(have host.Entry) bool { return have.Tag == e.Tag && have.Name == e.Name }
		if slices.ContainsFunc(n.Access.Named, has) {
			rule.Access = append(rule.Access, e)
		}
	}
	want := *n
	want.Access = rule.Apply(n.Access, false).Within(n.Access)
	want.Access.Default = n.Access.Default
	DifferNode(&c, l.path, *n, want)
	if len(c.Steps) > 0 {
		c.Action = change.Modify
	}
	return c, nil
}

// closeTreeLook does so below a directory, by what a rule says of modes.
type closeTreeLook struct{ rule host.TreeRule }

func (l closeTreeLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	rule := l.rule
	rule.Owner, rule.Group, rule.Tighten = "", "", true
	if rule.FileMode == nil && rule.DirMode == nil {
		return c, nil
	}
	root, err := r.Stat(rule.Root)
	if err != nil || root == nil || root.Type != host.TypeDir {
		return c, err
	}
	scan, err := r.ScanTree(ctx, rule)
	if err != nil || scan == nil || scan.Differ == 0 {
		return c, err
	}
	c.Action = change.Modify
	c.Differ("open", fmt.Sprintf("%s of %s", words.Number(scan.Differ), words.Count(scan.Total, "path")), "none")
	for _, d := range scan.First {
		c.Attrs = append(c.Attrs, treeDiff(d))
	}
	c.Steps = []host.Step{host.FixTree{Rule: rule, Told: true}}
	return c, nil
}
