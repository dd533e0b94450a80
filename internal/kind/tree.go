package kind

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// treeLook is a rule for everything below a directory.
type treeLook struct {
	rule   host.TreeRule
	notify []change.Notification
	notes  []string // what is to be said of the rule whenever there is a tree
}

func (l treeLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	root, err := r.Stat(l.rule.Root)
	if root == nil || err != nil {
		return change.Change{}, err // there is nothing below what is not there
	}
	if root.Type != host.TypeDir {
		return change.Change{}, wantType(*root, host.TypeDir)
	}
	if l.rule.ACL != nil {
		if err := namesExist(r, *l.rule.ACL); err != nil {
			return change.Change{}, err
		}
	}
	scan, err := r.ScanTree(ctx, l.rule)
	if err != nil {
		return change.Change{}, err
	}
	unseen := fmt.Sprintf("%s below %s cannot be seen", count(scan.Unknown, "path", "paths"), l.rule.Root)
	if scan.Differ == 0 {
		switch {
		case len(scan.Refused) > 0:
			return change.Change{}, refused(scan.Refused)
		case scan.Unknown > 0:
			return change.Change{}, &host.UnknownError{What: "the tree " + l.rule.Root, Why: unseen}
		}
		return change.Change{Notes: l.notes}, nil
	}
	c := change.Change{Action: change.Modify, Notes: slices.Clone(l.notes), Notify: l.notify, Steps: []host.Step{host.FixTree{Rule: l.rule}}}
	c.Attrs = append(c.Attrs, change.Attr{
		Name:   "differ",
		Before: change.Text(fmt.Sprintf("%s of %s", thousands(scan.Differ), count(scan.Total, "path", "paths"))),
		After:  change.Text("none"),
	})
	for _, d := range scan.First {
		c.Attrs = append(c.Attrs, treeDiff(d))
	}
	if scan.Unknown > 0 {
		c.Notes = append(c.Notes, unseen)
	}
	return c, nil
}

// treeDiff says in one attribute what differs at one path of a tree.
func treeDiff(d host.TreeDiff) change.Attr {
	var c change.Change
	differ(&c, "owner", d.Before.Owner, d.After.Owner)
	differ(&c, "group", d.Before.Group, d.After.Group)
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
	return change.Attr{Name: d.Path, Before: change.Text(list(before)), After: change.Text(list(after))}
}

// refused is the error for paths that opsafe will not touch.
func refused(rs []host.Refusal) error {
	names := make([]string, 0, len(rs))
	for _, r := range rs {
		names = append(names, r.Path+" ("+r.Why+")")
	}
	return fmt.Errorf("opsafe does not touch %s: remove or copy what is there, or declare the path on its own", some(names, host.MaxTreeDiffs))
}

// count writes a number of things: 3,401 paths.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands writes a number with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// directoryRule is what a directory's recurse says of everything below it. What
// is declared on its own is left alone, with all below it if that has a rule of
// its own.
func (in *Input) directoryRule(root string, rec *spec.Recurse) host.TreeRule {
	rule := host.TreeRule{
		Root:  root,
		Owner: rec.Owner, Group: rec.Group,
		FileMode: spec.Mode(rec.Files), DirMode: spec.Mode(rec.Directories),
		Prune: in.private(root),
	}
	for p, d := range in.Backend.Directories {
		switch {
		case !isBelow(p, root):
		case d.Recurse != nil && d.State != stateAbsent:
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
	rule.Except = append(rule.Except, in.dropIns(root)...)
	return sorted(rule)
}

// aclRule is what a recursive ACL says of everything below a path. Directories
// and files that are declared on their own are covered, since they say nothing
// of an ACL; paths with an ACL of their own are not.
func (in *Input) aclRule(root string, acl host.ACLRule) host.TreeRule {
	rule := host.TreeRule{Root: root, ACL: &acl, Prune: in.private(root)}
	for p, a := range in.Backend.ACLs {
		switch {
		case !isBelow(p, root):
		case spec.Is(a.Recursive):
			rule.Prune = append(rule.Prune, p)
		default:
			rule.Except = append(rule.Except, p)
		}
	}
	rule.Except = append(rule.Except, in.dropIns(root)...)
	return sorted(rule)
}

// private lists what no rule for a tree may open up: the .ssh directories of
// accounts whose keys are managed, and key pairs.
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
	for p := range in.Backend.KeyPairs {
		paths = append(paths, p, p+".pub")
	}
	return slices.DeleteFunc(paths, func(p string) bool { return !isBelow(p, root) })
}

// dropIns lists the files of the sudoers and sshd kinds.
func (in *Input) dropIns(root string) []string {
	var paths []string
	for name := range in.Backend.Sudoers {
		paths = append(paths, sudoersPath(name))
	}
	for name := range in.Backend.Sshd {
		paths = append(paths, sshdPath(name))
	}
	return slices.DeleteFunc(paths, func(p string) bool { return !isBelow(p, root) })
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
