package kind

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// ACLs is the kind acl.
func ACLs() Kind {
	return Kind{
		Part:  spec.Part{Name: "acl", Plural: "ACLs", Is: "who else may read", Sections: []string{"acls"}},
		Stage: StageFiles, ByPath: true, Rules: true, Declare: declareACLs, Adopt: adoptACL,
	}
}

// declareACLs lists the declared ACLs, parents first, each followed by the rule
// for what is below it. Mode and ACL of a path are one model: directories come
// before, and declared files take the ACL that is declared for them along when
// they are written.
func declareACLs(in *Input) []Resource {
	var out []Resource
	for _, p := range slices.Sorted(maps.Keys(in.Backend.ACLs)) {
		a := in.Backend.ACLs[p]
		id := change.ID{Kind: "acl", Name: p}
		rule, err := ruleOf(a)
		_, file := in.Backend.Files[p]
		res := Resource{
			ID: id, Pos: a.Pos, When: a.When,
			Needs:  append(in.needEntries(rule), in.needPath(p)...),
			Looker: aclLook{path: p, rule: rule, bad: err, file: file, takes: in.takes(p)},
			Close:  closeACLLook{path: p, rule: rule, bad: err},
		}
		out = append(out, res)
		if spec.Is(a.Recursive) {
			tree := in.aclRule(p, rule)
			out = append(out, Resource{
				ID: change.ID{Kind: id.Kind, Name: below(p)}, Pos: a.At("recursive"), When: a.When,
				Needs:  append([]change.ID{id}, res.Needs...),
				Looker: treeLook{rule: tree, from: a.From, roots: in.takes(p), notes: in.movable(tree)},
			})
		}
	}
	return out
}

// needPath is the declared directory at p, or else the nearest above it.
func (in *Input) needPath(p string) []change.ID {
	if d, ok := in.Backend.Directories[p]; ok && d.State != Absent {
		return []change.ID{{Kind: "directory", Name: p}}
	}
	return in.NeedParent(p)
}

// needEntries lists the declared accounts that an ACL names.
func (in *Input) needEntries(rule host.ACLRule) []change.ID {
	var needs []change.ID
	for _, e := range slices.Concat(rule.Access, rule.Default) {
		if e.Tag == host.TagUser {
			needs = append(needs, in.NeedOwner(e.Name, "")...)
		} else {
			needs = append(needs, in.NeedGroup(e.Name)...)
		}
	}
	return needs
}

// ruleOf reads the entries of a declared ACL.
func ruleOf(a *spec.ACL) (host.ACLRule, error) {
	rule := host.ACLRule{Exact: spec.Is(a.Exact)}
	var bad error
	read := func(in []string) []host.Entry {
		var out []host.Entry
		for _, s := range in {
			e, err := readEntry(s)
			if err != nil {
				bad = errors.Join(bad, err)
				continue
			}
			out = append(out, e)
		}
		host.SortEntries(out)
		return out
	}
	rule.Access, rule.Default = read(a.Access), read(a.Default)
	return rule, bad
}

// readEntry reads user:NAME:rwx or group:NAME:rX.
func readEntry(s string) (host.Entry, error) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 || parts[1] == "" || parts[0] != string(host.TagUser) && parts[0] != string(host.TagGroup) {
		return host.Entry{}, fmt.Errorf("cannot read the ACL entry %q: want user:NAME:rwx or group:NAME:rX", s)
	}
	perm, err := host.ParsePerm(parts[2])
	if err != nil {
		return host.Entry{}, fmt.Errorf("cannot read the ACL entry %q: %w", s, err)
	}
	return host.Entry{Tag: host.Tag(parts[0]), Name: parts[1], Perm: perm}, nil
}

type aclLook struct {
	path string
	rule host.ACLRule
	bad  error // of the entries
	// file is set when the path is a declared file: it comes later, and brings
	// its ACL along.
	file  bool
	takes []string // whose it may be, as declared
}

func (l aclLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	if l.bad != nil {
		return change.Change{}, l.bad
	}
	if err := namesExist(r, l.rule); err != nil {
		return change.Change{}, err
	}
	n, err := r.Stat(l.path)
	switch {
	case err != nil:
		return change.Change{}, err
	case n == nil && l.file:
		return change.Change{}, nil
	case n == nil:
		return change.Change{}, MissingPath(l.path, "nothing is there to carry the ACL: if a package brings it, say so under provides of that package; else declare the path under directories, or correct it")
	case n.Type == host.TypeSymlink:
		return change.Change{}, WantType(r, l.path, *n, host.TypeDir)
	case n.Type != host.TypeDir && len(l.rule.Default) > 0:
		return change.Change{}, fmt.Errorf("it is a %s, and default entries are for directories: leave them out", n.Type)
	}
	want := l.rule.Apply(n.Access, n.Type == host.TypeDir)
	if want.Equal(n.Access) {
		return change.Change{}, nil
	}
	open := *n
	open.Access = want
	if err := mayOpen(r, l.path, *n, open, l.takes); err != nil {
		return change.Change{}, err
	}
	c := change.Change{Action: change.Modify, Steps: []host.Step{host.SetAccess{Path: l.path, Access: want, Owner: n.Owner}}}
	differAccess(&c, n.Access, want)
	if slices.Equal(n.Access.Named, want.Named) && n.Access.Mask != nil && want.Mask != nil && *n.Access.Mask != *want.Mask {
		c.Why = "the mask (the group's bits of the mode, where there is an ACL) does not let the entries through as declared"
	}
	return c, nil
}

// namesExist reports the users and groups of an ACL that the host does not
// have.
func namesExist(r host.Reader, rule host.ACLRule) error {
	var missing []string
	for _, e := range slices.Concat(rule.Access, rule.Default) {
		var there bool
		var err error
		if e.Tag == host.TagUser {
			var u *host.User
			u, err = r.User(e.Name)
			there = u != nil
		} else {
			var g *host.Group
			g, err = r.Group(e.Name)
			there = g != nil
		}
		if err != nil {
			return err
		}
		if name := string(e.Tag) + " " + e.Name; !there && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("it names %s, which the host does not have: declare it under users or groups, or correct the entry", strings.Join(missing, ", "))
	}
	return nil
}

// coverOf is an ACL that is declared for a path, by itself or by a recursive
// one above it.
type coverOf struct {
	rule host.ACLRule
	when spec.Conditions
}

// aclCovers lists the ACLs that a new file at p has to carry: its own, or that
// of the nearest directory above whose ACL is recursive.
func (in *Input) aclCovers(p string) []coverOf {
	for at := p; at != "/" && at != "."; at = path.Dir(at) {
		a, ok := in.Backend.ACLs[at]
		if !ok || at != p && !spec.Is(a.Recursive) {
			continue
		}
		rule, err := ruleOf(a)
		if err != nil || at != p && !covers(in.aclRule(at, rule), p) {
			return nil
		}
		return []coverOf{{rule: rule, when: a.When}}
	}
	return nil
}

// keepDeclared gives the access that a directory gets with a new mode, in which
// the entries that it has and that are declared for it have their effect.
func keepDeclared(ctx context.Context, r host.Reader, covers []coverOf, was, want host.Access) (host.Access, error) {
	for _, c := range covers {
		applies, _, err := Applies(ctx, r, c.when)
		if err != nil {
			return want, err
		}
		if applies {
			declared := host.ACLRule{Access: c.rule.Access}.Apply(want, true).Named
			kept := slices.DeleteFunc(slices.Clone(was.Named), func(e host.Entry) bool { return !slices.Contains(declared, e) })
			want = host.ACLRule{Access: kept}.Apply(want, true)
		}
	}
	return want, nil
}

// withACL gives the access of a file whose mode is set, with the ACL that is
// declared for it.
func withACL(ctx context.Context, r host.Reader, covers []coverOf, a host.Access) (host.Access, error) {
	for _, c := range covers {
		applies, _, err := Applies(ctx, r, c.when)
		if err != nil {
			return a, err
		}
		if applies {
			a = c.rule.Apply(a, false)
		}
	}
	return a, nil
}
