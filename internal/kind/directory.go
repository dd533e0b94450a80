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
)

// MadeDirMode is the mode of a directory whose declaration leaves it open, and
// of the directories that are made on the way to it.
const MadeDirMode host.Mode = 0o755

// Directories is the kind directory.
func Directories() Kind {
	return Kind{
		Part:  spec.Part{Name: "directory", Plural: "directories", Is: "directories and what is below them", Sections: []string{"directories"}},
		Stage: StageFiles, ByPath: true, Rules: true, Declare: declareDirectories, Adopt: adoptDirectory,
	}
}

// declareDirectories lists the directories that are to be there, parents first,
// each followed by the rule for what is below it. Those that are to go are
// listed by declareFiles, after the files in them.
func declareDirectories(in *Input) []Resource {
	var out []Resource
	for _, p := range slices.Sorted(maps.Keys(in.Backend.Directories)) {
		d := in.Backend.Directories[p]
		if d.State == Absent {
			continue
		}
		id := change.ID{Kind: "directory", Name: p}
		own := ownership{owner: d.Owner, group: d.Group, mode: spec.Mode(d.Mode)}
		notify := Notifications(d.Notify.Restart, d.Notify.Reload)
		out = append(out, Resource{
			ID: id, Pos: d.Pos, When: d.When,
			Needs:  append(in.NeedOwner(d.Owner, d.Group), in.NeedParent(p)...),
			Looker: directoryLook{path: p, own: own, takes: in.takes(p), covers: in.aclCovers(p), rules: in.rulesAbove(p), notify: notify},
			Close:  closeLook{path: p, own: own, node: host.TypeDir},
		})
		if d.Recurse == nil {
			continue
		}
		rule := in.directoryRule(p, d.Recurse)
		out = append(out, Resource{
			ID: change.ID{Kind: id.Kind, Name: below(p)}, Pos: d.Recurse.Pos, When: d.When,
			Needs:  append([]change.ID{id}, in.NeedOwner(d.Recurse.Owner, d.Recurse.Group)...),
			Looker: treeLook{rule: rule, from: d.Recurse.From, roots: in.takes(p), notify: notify, notes: in.movable(rule)},
			Close:  closeTreeLook{rule},
		})
	}
	return out
}

// goneDirectories lists the directories that are to go, the deepest first.
func goneDirectories(in *Input) []Resource {
	var out []Resource
	for _, p := range slices.Backward(slices.Sorted(maps.Keys(in.Backend.Directories))) {
		d := in.Backend.Directories[p]
		if d.State == Absent {
			out = append(out, Resource{
				ID: change.ID{Kind: "directory", Name: p}, Pos: d.Pos, When: d.When,
				Looker: goneDirectoryLook{path: p, notify: Notifications(d.Notify.Restart, d.Notify.Reload)},
			})
		}
	}
	return out
}

// below names everything below a directory.
func below(dir string) string { return path.Join(dir, "**") }

// conditional is a rule for a tree with its conditions.
type conditional struct {
	rule host.TreeRule
	when spec.Conditions
}

// rulesAbove are the rules for trees that p lies in: what is made on the way to it
// is theirs, and they have had their turn by then.
func (in *Input) rulesAbove(p string) []conditional {
	var rules []conditional
	for dir := path.Dir(p); dir != "/" && dir != "."; dir = path.Dir(dir) {
		if d, ok := in.Backend.Directories[dir]; ok && d.Recurse != nil && d.State != Absent {
			rules = append(rules, conditional{in.directoryRule(dir, d.Recurse), d.When})
		}
	}
	return rules
}

type directoryLook struct {
	path   string
	own    ownership
	takes  []string // whose it may be, as declared
	covers []coverOf
	rules  []conditional // of the trees above
	notify []change.Notification
}

func (l directoryLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	c := change.Change{Action: change.Modify, Notify: l.notify}
	n, err := r.Stat(l.path)
	if err != nil {
		return change.Change{}, err
	}
	if n == nil {
		if err := l.add(ctx, r, &c); err != nil {
			return change.Change{}, err
		}
		return c, nil
	}
	if err := WantType(r, l.path, *n, host.TypeDir); err != nil {
		return change.Change{}, err
	}
	want := l.own.want(*n)
	if !want.Access.Equal(n.Access) {
		if want.Access, err = keepDeclared(ctx, r, l.covers, n.Access, want.Access); err != nil {
			return change.Change{}, err
		}
	}
	if err := mayOpen(r, l.path, *n, want, l.takes); err != nil {
		return change.Change{}, err
	}
	DifferNode(&c, l.path, *n, want)
	return OrNothing(c), nil
}

// add makes the directory, and those on the way to it that nobody declares.
func (l directoryLook) add(ctx context.Context, r host.Reader, c *change.Change) error {
	var parents []string
	in := host.Node{}
	for dir := path.Dir(l.path); dir != "/"; dir = path.Dir(dir) {
		n, err := r.Stat(dir)
		if err != nil {
			return err
		}
		if n != nil {
			if n.Type == host.TypeFile || n.Type == host.TypeOther {
				return fmt.Errorf("cannot make it: %s is a %s, not a directory", dir, n.Type)
			}
			in = *n
			break
		}
		parents = append(parents, dir)
	}
	slices.Reverse(parents)
	for _, p := range parents {
		n := host.Node{Type: host.TypeDir, Owner: Root, Group: Root, Access: host.AccessOf(MadeDirMode)}
		for _, of := range l.rules {
			applies, _, err := Applies(ctx, r, of.when)
			if err != nil {
				return err
			}
			if applies && covers(of.rule, p) {
				n = of.rule.Apply(n)
			}
		}
		c.Steps = append(c.Steps, host.MakeDir{Path: p, Owner: n.Owner, Group: n.Group, Access: n.Access})
		in = n
	}
	c.Action = change.Add
	n := l.own.fresh(host.TypeDir, MadeDirMode)
	if writable(in) {
		var err error
		if n.Access, err = l.withOwnACL(ctx, r, n.Access); err != nil {
			return err
		}
	}
	c.Fresh("owner", n.Owner, "group", n.Group, "mode", n.Access.BaseMode().String(), "parents", strings.Join(parents, ", "))
	differEntries(c, "", nil, n.Access.Named, nil, n.Access.Mask)
	differDefault(c, nil, n.Access.Default)
	c.Steps = append(c.Steps, host.MakeDir{Path: l.path, Owner: n.Owner, Group: n.Group, Access: n.Access})
	_, err := maybeBrought(r, l.path, l.own, c)
	return err
}

// withOwnACL gives the access of a new directory with the ACL that is declared for it:
// where others can write, nothing is opened afterwards that they may have put there.
func (l directoryLook) withOwnACL(ctx context.Context, r host.Reader, a host.Access) (host.Access, error) {
	for _, c := range l.covers {
		applies, _, err := Applies(ctx, r, c.when)
		if err != nil {
			return a, err
		}
		if applies && namesExist(r, c.rule) == nil { // else the ACL itself says so
			a = c.rule.Apply(a, true)
		}
	}
	return a, nil
}

// WantType refuses what is in the place of something else: it is never removed
// or followed. Where a link leads is not said: not everybody may see that, and a run says
// what its plan has said, also where the plan opens what lies on the way.
func WantType(_ host.Reader, at string, n host.Node, want host.NodeType) error {
	switch n.Type {
	case want:
		return nil
	case host.TypeSymlink:
		return fmt.Errorf("a symlink is in its place, which opsafe does not follow: declare the path that it leads to (readlink -f %s), or move the link away", at)
	default:
		return fmt.Errorf("a %s is in the place of the %s: opsafe does not remove it; move it away, or correct the path", n.Type, want)
	}
}

// OrNothing gives the zero Change where there is nothing to do, keeping what is
// to be said.
func OrNothing(c change.Change) change.Change {
	if c.Empty() {
		return change.Change{Notes: c.Notes}
	}
	return c
}

type goneDirectoryLook struct {
	path   string
	notify []change.Notification
}

func (l goneDirectoryLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	n, err := r.Stat(l.path)
	if err != nil {
		return change.Change{}, err
	}
	if n == nil {
		return goneAlready(r, l.path)
	}
	if err := WantType(r, l.path, *n, host.TypeDir); err != nil {
		return change.Change{}, err
	}
	names, err := r.ReadDir(l.path)
	if err != nil {
		return change.Change{}, err
	}
	if len(names) > 0 {
		return change.Change{}, fmt.Errorf("cannot remove it: it is not empty, it holds %s: opsafe removes no tree; move what is in it away", some(names, 3))
	}
	c := change.Change{Action: change.Remove, Notify: l.notify, Steps: []host.Step{host.RemovePath{Path: l.path}}}
	c.Differ("owner", n.Owner, "")
	c.Differ("group", n.Group, "")
	c.Differ("mode", n.Access.BaseMode().String(), "")
	return c, nil
}

// some lists the first few of many.
func some(items []string, most int) string {
	if len(items) <= most {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), len(items)-most)
}
