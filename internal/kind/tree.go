package kind

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// treeLook is a rule for everything below a directory.
type treeLook struct {
	rule   host.TreeRule
	from   []string // whose may be taken over, as declared
	roots  []string // whose the directory itself may be, as declared
	notify []change.Notification
	notes  []string // what is to be said of the rule whenever there is a tree
}

func (l treeLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	root, err := r.Stat(l.rule.Root)
	if root == nil || err != nil {
		return change.Change{}, err // there is nothing below what is not there
	}
	if root.Type != host.TypeDir {
		return change.Change{}, WantType(r, l.rule.Root, *root, host.TypeDir)
	}
	if l.rule.ACL != nil {
		if err := namesExist(r, *l.rule.ACL); err != nil {
			return change.Change{}, err
		}
	}
	if l.rule.From, err = l.takes(r, *root); err != nil {
		return change.Change{}, err
	}
	scan, err := r.ScanTree(ctx, l.rule)
	if err != nil {
		return change.Change{}, err
	}
	unseen := fmt.Sprintf("%s below %s cannot be seen", words.Count(scan.Unknown, "path"), l.rule.Root)
	if scan.Differ == 0 {
		switch {
		case len(scan.Refused) > 0:
			return change.Change{Notes: l.notes, Open: refused(scan.Refused)}, nil
		case scan.Unknown > 0:
			return change.Change{}, &host.UnknownError{What: "the tree " + l.rule.Root, Why: unseen}
		}
		return change.Change{Notes: l.notes}, nil
	}
	c := change.Change{Action: change.Modify, Notes: slices.Clone(l.notes), Notify: l.notify, Steps: []host.Step{host.FixTree{Rule: l.rule, Told: len(scan.Refused) > 0, Differ: scan.Differ}}}
	if len(scan.Refused) > 0 {
		c.Open = refused(scan.Refused)
	}
	c.Attrs = append(c.Attrs, change.Attr{
		Name:   "differ",
		Before: change.Text(fmt.Sprintf("%s of %s", words.Number(scan.Differ), words.Count(scan.Total, "path"))),
		After:  change.Text("none"),
	})
	for _, d := range scan.First {
		c.Attrs = append(c.Attrs, treeDiff(d))
	}
	for _, d := range scan.Sorts {
		c.Samples = append(c.Samples, change.Sample{Path: d.Path, Count: d.Count})
	}
	if scan.Unknown > 0 {
		c.Notes = append(c.Notes, unseen)
	}
	return c, nil
}

// treeDiff says in one attribute what differs at one path of a tree.
func treeDiff(d host.TreeDiff) change.Attr {
	var c change.Change
	c.Differ("owner", d.Before.Owner, d.After.Owner)
	c.Differ("group", d.Before.Group, d.After.Group)
	differAccess(&c, d.Before.Access, d.After.Access)
	var before, after []string
	for _, a := range c.Attrs {
		if a.Before.Kind != change.Absent {
			before = append(before, a.Name+" "+a.Before.Text)
		}
		if a.After.Kind != change.Absent {
			after = append(after, a.Name+" "+a.After.Text)
		}
	}
	return change.Attr{Name: d.Path, Before: change.Text(strings.Join(before, ", ")), After: change.Text(strings.Join(after, ", "))}
}

// refused is the error for paths that opsafe will not touch.
func refused(rs []host.Refusal) error {
	names := make([]string, 0, len(rs))
	foreign, held := false, false
	for _, r := range rs {
		names = append(names, r.Path+" ("+r.Why+")")
		held = held || r.Why == host.Immutable.Why() || r.Why == host.AppendOnly.Why()
		foreign = foreign || strings.HasPrefix(r.Why, host.ForeignTo)
	}
	way := "see whose it is; move it elsewhere, or declare the path on its own"
	switch {
	case held && !foreign:
		way = "take that from it with chattr, or declare the path on its own"
	case foreign:
		way = "somebody may have moved it there: see whose it is; chown it, list its owner under from, or declare the path on its own"
	}
	return fmt.Errorf("opsafe does not touch %s: %s", some(names, host.MaxTreeDiffs), way)
}

// takes lists whose files the rule may change: its own owner's, those of the
// directory's unless that may have been moved there itself, and of those that the
// spec lists.
func (l treeLook) takes(r host.Reader, root host.Node) ([]string, error) {
	out, err := accounts(r, l.from)
	if err != nil {
		return nil, err
	}
	if l.rule.Owner != "" {
		out = append(out, l.rule.Owner)
	}
	moved, err := movedIn(r, l.rule.Root, root, slices.Concat(out, l.roots))
	if err != nil {
		return nil, err
	}
	if !moved {
		out = append(out, root.Owner)
	}
	slices.Sort(out)
	return slices.Compact(out), nil // not nil, which would be everybody
}

// accounts puts the members of groups in the place of their names (group:NAME).
func accounts(r host.Reader, names []string) ([]string, error) {
	out := []string{}
	for _, name := range names {
		group, ok := strings.CutPrefix(name, "group:")
		if !ok {
			out = append(out, name)
			continue
		}
		members, err := membersOf(r, group)
		if err != nil {
			return nil, err
		}
		out = append(out, members...)
	}
	return out, nil
}

// membersOf lists those who are in a group, also by their primary one.
func membersOf(r host.Reader, name string) ([]string, error) {
	g, err := r.Group(name)
	if g == nil || err != nil {
		return nil, err
	}
	users, err := r.Users()
	if err != nil {
		return nil, err
	}
	members := slices.Clone(g.Members)
	for _, u := range users {
		if u.GID == g.GID {
			members = append(members, u.Name)
		}
	}
	return members, nil
}

// directoryRule is what a directory's recurse says of everything below it. What
// is declared on its own is left alone, with all below it if that has a rule of
// its own.
func (in *Input) directoryRule(root string, rec *spec.Recurse) host.TreeRule {
	rule := host.TreeRule{
		Root:  root,
		Owner: rec.Owner, Group: rec.Group,
		FileMode: spec.Mode(rec.Files), DirMode: spec.Mode(rec.Directories),
		Prune: append(in.private(root), leftOut(root, rec.Except)...),
	}
	for p, d := range in.Backend.Directories {
		switch {
		case !isBelow(p, root):
		case d.Recurse != nil && d.State != Absent:
			rule.Prune = append(rule.Prune, p)
		default:
			rule.Except = append(rule.Except, p)
		}
	}
	for p := range in.Backend.Files {
		if isBelow(p, root) {
			rule.Except = append(rule.Except, p)
		}
	}
	rule.Except = append(rule.Except, in.owned(root)...)
	return sorted(rule)
}

// leftOut are the subtrees that a rule for a tree leaves alone.
func leftOut(root string, except []string) []string {
	out := make([]string, 0, len(except))
	for _, p := range except {
		out = append(out, path.Join(root, p))
	}
	return out
}

// aclRule is what a recursive ACL says of everything below a path. Directories
// and files that are declared on their own are covered, since they say nothing
// of an ACL; paths with an ACL of their own are not.
func (in *Input) aclRule(root string, acl host.ACLRule) host.TreeRule {
	rule := host.TreeRule{Root: root, ACL: &acl, Prune: in.private(root)}
	if a := in.Backend.ACLs[root]; a != nil {
		rule.Prune = append(rule.Prune, leftOut(root, a.Except)...)
	}
	for p, a := range in.Backend.ACLs {
		switch {
		case !isBelow(p, root):
		case spec.Is(a.Recursive):
			rule.Prune = append(rule.Prune, p)
		default:
			rule.Except = append(rule.Except, p)
		}
	}
	rule.Except = append(rule.Except, in.owned(root)...)
	return sorted(rule)
}

// private lists what no rule for a tree may open up: the .ssh directories of
// accounts whose keys are managed, and what kinds have as private.
func (in *Input) private(root string) []string {
	var paths []string
	if in.Roster != nil {
		for _, m := range in.Roster.Members {
			paths = append(paths, "/home/"+m.Name+"/.ssh")
		}
	}
	for name := range in.Backend.AuthorizedKeys {
		home := "/home/" + name
		if u, ok := in.Backend.Users[name]; ok {
			home = homeOf(name, u)
		}
		paths = append(paths, path.Join(home, ".ssh"))
	}
	paths = append(paths, in.Backend.Private()...)
	return slices.DeleteFunc(paths, func(p string) bool { return !isBelow(p, root) })
}

// owned lists the files that kinds of their own put below a directory.
func (in *Input) owned(root string) []string {
	return slices.DeleteFunc(slices.Clone(in.Backend.Owned()), func(p string) bool { return !isBelow(p, root) })
}

func sorted(rule host.TreeRule) host.TreeRule {
	rule.Except, rule.Prune = unique(rule.Except), unique(rule.Prune)
	return rule
}

func unique(paths []string) []string {
	set := map[string]bool{}
	for _, p := range paths {
		set[p] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// covers reports whether a rule speaks about a path.
func covers(rule host.TreeRule, p string) bool {
	if !isBelow(p, rule.Root) || slices.Contains(rule.Except, p) {
		return false
	}
	return !slices.ContainsFunc(rule.Prune, func(q string) bool { return p == q || isBelow(p, q) })
}

// isBelow reports whether p is somewhere below dir, but not dir itself.
func isBelow(p, dir string) bool {
	return p != dir && strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}
