package kind

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

// archiveLook is a tree that is made as a whole, in a directory of its version, and the
// links that lead to it.
type archiveLook struct {
	want   host.Archive
	source string // as it is declared
	links  []linkLook
	// members are paths in the tree that have to be there.
	members []string
	check   []string
	keep    *int // versions before this one; nil: all
	notify  []change.Notification
}

func (l archiveLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	trees, err := r.Unpacked(ctx, l.want.Name)
	if err != nil {
		return change.Change{}, err
	}
	var c change.Change
	if err := l.tree(r, &c, trees); err != nil {
		return change.Change{}, err
	}
	if len(c.Steps) == 0 {
		if err := l.complete(r); err != nil {
			return change.Change{}, err
		}
	}
	moved, err := l.lead(ctx, r, &c)
	if err != nil {
		return change.Change{}, err
	}
	if len(c.Steps) > 0 {
		c.Notify = l.notify
	}
	if len(l.check) > 0 && (moved || len(c.Steps) > 0) {
		c.PutBack, c.Steps = true, append(c.Steps, host.Probe{Argv: l.check})
	}
	l.prune(&c, trees)
	return c, nil
}

// tree plans the tree itself.
func (l archiveLook) tree(r host.Reader, c *change.Change, trees []host.UnpackedTree) error {
	n, err := r.Stat(l.want.Path)
	if err != nil {
		return err
	}
	var have *host.UnpackedTree
	for i := range trees {
		if trees[i].Path == l.want.Path && !trees[i].Gone {
			have = &trees[i]
		}
	}
	switch {
	case n != nil && n.Type != host.TypeDir:
		return wantType(*n, host.TypeDir)
	case n != nil && have == nil:
		return fmt.Errorf("%s is there, and opsafe has not unpacked it: move it away, or choose another path for this version", l.want.Path)
	case have == nil || n == nil:
		return l.add(r, c)
	case !have.Same(l.want):
		l.differences(c, have.Archive)
		if len(have.Added) > 0 {
			return fmt.Errorf("%s is to be unpacked anew, and holds %s, which did not come out of the archive: move it away", l.want.Path, strings.Join(have.Added, ", "))
		}
	case have.Whole():
		return nil
	case len(have.Changed) > 0:
		for _, p := range have.Changed[:min(len(have.Changed), host.MaxTreeDiffs)] {
			differ(c, "changed", strings.TrimPrefix(p, l.want.Path+"/"), "as unpacked")
		}
		if more := len(have.Changed) + have.More - host.MaxTreeDiffs; more > 0 {
			differ(c, "changed", words.Count(more, "more path"), "as unpacked")
		}
		if have.More > 0 {
			c.Irreversible = "of what was changed by hand, all but the first " + words.Count(host.MaxUnpackedNames, "path") + " is not kept"
		}
	default:
		differ(c, "unpacked", "not to its end", "whole")
	}
	c.Action = change.Modify
	return l.unpack(r, c, have.Changed)
}

func (l archiveLook) add(r host.Reader, c *change.Change) error {
	if err := wantParent(r, l.want.Path); err != nil {
		return err
	}
	c.Action = change.Add
	fresh(c, "path", l.want.Path, "source", l.source, "sha256", l.want.SHA256[:min(len(l.want.SHA256), shortDigest)],
		"owner", l.want.Owner, "group", l.want.Group, "mode", l.want.Mode.String())
	return l.unpack(r, c, nil)
}

// differences says why a tree is unpacked anew.
func (l archiveLook) differences(c *change.Change, have host.Archive) {
	differ(c, "sha256", have.SHA256[:min(len(have.SHA256), shortDigest)], l.want.SHA256[:min(len(l.want.SHA256), shortDigest)])
	differ(c, "strip", fmt.Sprint(have.Strip), fmt.Sprint(l.want.Strip))
	differ(c, "only", strings.Join(have.Only, " "), strings.Join(l.want.Only, " "))
	differ(c, "owner", have.Owner, l.want.Owner)
	differ(c, "group", have.Group, l.want.Group)
	differ(c, "mode", have.Mode.String(), l.want.Mode.String())
}

// unpack adds the step. An archive on the host has to be there; one in the repository
// is wherever that is.
func (l archiveLook) unpack(r host.Reader, c *change.Change, changed []string) error {
	if path.IsAbs(l.source) {
		n, err := r.Stat(l.source)
		if err != nil {
			return err
		}
		if n == nil {
			return missingPath(l.source, "the archive %s is not there: put it there, or add %q", l.source, "when: path "+l.source+" exists")
		}
		if err := wantType(*n, host.TypeFile); err != nil {
			return err
		}
	}
	c.Steps = append(c.Steps, host.Unpack{Archive: l.want, Changed: changed})
	return nil
}

// complete is an error if a tree that is as its archive gave it lacks what a link leads
// to.
func (l archiveLook) complete(r host.Reader) error {
	for _, m := range l.members {
		n, err := r.Stat(path.Join(l.want.Path, m))
		if host.IsUnknown(err) {
			continue
		}
		if err != nil {
			return err
		}
		if n == nil {
			return fmt.Errorf("there is no %s in the archive: look what is in %s, and correct commands", m, l.want.Path)
		}
	}
	return nil
}

// lead adds the links, which move last, and reports whether any does.
func (l archiveLook) lead(ctx context.Context, r host.Reader, c *change.Change) (bool, error) {
	moved := false
	for _, link := range l.links {
		m, err := link.Look(ctx, r)
		if err != nil {
			return false, fmt.Errorf("%s: %w", link.path, err)
		}
		if m.Empty() {
			continue
		}
		moved = true
		if c.Action == "" {
			c.Action = change.Modify
		}
		for _, a := range m.Attrs {
			if a.Name == "target" {
				a.Name = "link " + link.path
				c.Attrs = append(c.Attrs, a)
			}
		}
		c.Steps = append(c.Steps, m.Steps...)
	}
	return moved, nil
}

// prune adds the removal of old versions, and of what removals that were cut short have
// left.
func (l archiveLook) prune(c *change.Change, trees []host.UnpackedTree) {
	old := slices.DeleteFunc(slices.Clone(trees), func(u host.UnpackedTree) bool { return u.Path == l.want.Path })
	gone := slices.Clone(old)
	old = slices.DeleteFunc(old, func(u host.UnpackedTree) bool { return u.Gone })
	gone = slices.DeleteFunc(gone, func(u host.UnpackedTree) bool { return !u.Gone })
	if l.keep == nil {
		old = nil
	} else {
		old = old[:max(0, len(old)-*l.keep)]
	}
	for _, u := range append(gone, old...) {
		removeTree(c, u)
	}
}

// removeTree adds the removal of a tree, unless somebody has added something to it.
func removeTree(c *change.Change, u host.UnpackedTree) {
	if len(u.Added) > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("%s stays: it holds %s, which did not come out of the archive", u.Path, strings.Join(u.Added, ", ")))
		return
	}
	if c.Action == "" {
		c.Action = change.Modify
	}
	was := "version"
	if u.Gone {
		was = "rest of a version"
	}
	differ(c, u.Path, was, "")
	c.Steps = append(c.Steps, host.RemoveUnpacked{Name: u.Name, Path: u.Path})
}

// goneArchiveLook is an archive that is to go, with all of its versions and its links.
type goneArchiveLook struct {
	name   string
	links  []linkLook
	notify []change.Notification
}

func (l goneArchiveLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	for _, link := range slices.Backward(l.links) {
		n, err := r.Stat(link.path)
		if err != nil {
			return change.Change{}, err
		}
		if n == nil {
			continue
		}
		if n.Type != host.TypeSymlink {
			return change.Change{}, errors.New(link.path + " is no link: opsafe does not remove it as one; move it away")
		}
		differ(&c, "link "+link.path, n.Target, "")
		c.Steps = append(c.Steps, host.RemovePath{Path: link.path})
	}
	trees, err := r.Unpacked(ctx, l.name)
	if err != nil {
		return change.Change{}, err
	}
	for _, u := range trees {
		removeTree(&c, u)
	}
	if len(c.Steps) > 0 {
		c.Action, c.Notify = change.Remove, l.notify
	}
	return c, nil
}
