package archive

import (
	"context"
	"fmt"
	"path"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// look is a tree that is made as a whole, in a directory of its version, and the
// links that lead to it. The tree of wheels is one, too.
type look struct {
	want   host.Archive
	source string // as it is declared
	links  []kind.Link
	// members are paths in the tree that have to be there.
	members []string
	check   []string
	notify  []change.Notification
}

func (l look) Look(ctx context.Context, r host.Reader) (change.Change, error) {
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
	if err := l.lead(ctx, r, &c); err != nil {
		return change.Change{}, err
	}
	if len(c.Steps) > 0 {
		c.Notify = l.notify
	}
	err = l.prove(r, &c)
	return c, err
}

// tree plans the tree itself.
func (l look) tree(r host.Reader, c *change.Change, trees []host.UnpackedTree) error {
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
		return kind.WantType(r, l.want.Path, *n, host.TypeDir)
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
	case len(have.InTheWay) > 0:
		return fmt.Errorf("%s is a directory that holds something, and the archive has a file or link there: move it away", strings.Join(have.InTheWay, ", "))
	case len(have.Changed) == 0:
		c.Differ("unpacked", "not to its end", "whole")
	}
	c.Action = change.Modify
	c.ByHand(*have, "as unpacked")
	return l.unpack(r, c, have.Changed)
}

func (l look) add(r host.Reader, c *change.Change) error {
	if err := kind.WantParent(r, l.want.Path); err != nil {
		return err
	}
	c.Action = change.Add
	c.Fresh("path", l.want.Path)
	if l.want.Python == "" {
		c.Fresh("source", l.source, "sha256", l.want.SHA256[:min(len(l.want.SHA256), kind.ShortDigest)])
	} else {
		c.Fresh("wheels", l.source, "python", l.want.Python)
		showWheels(c, nil, l.want.Wheels)
	}
	c.Fresh("owner", l.want.Owner, "group", l.want.Group, "mode", l.want.Mode.String())
	return l.unpack(r, c, nil)
}

// differences says why a tree is unpacked anew.
func (l look) differences(c *change.Change, have host.Archive) {
	if l.want.Python != "" {
		c.Differ("python", have.Python, l.want.Python)
		showWheels(c, have.Wheels, l.want.Wheels)
	}
	c.Differ("sha256", have.SHA256[:min(len(have.SHA256), kind.ShortDigest)], l.want.SHA256[:min(len(l.want.SHA256), kind.ShortDigest)])
	c.Differ("strip", fmt.Sprint(have.Strip), fmt.Sprint(l.want.Strip))
	c.Differ("only", strings.Join(have.Only, " "), strings.Join(l.want.Only, " "))
	c.Differ("owner", have.Owner, l.want.Owner)
	c.Differ("group", have.Group, l.want.Group)
	c.Differ("mode", have.Mode.String(), l.want.Mode.String())
}

// unpack adds the step. An archive on the host has to be there; one in the repository
// is wherever that is.
func (l look) unpack(r host.Reader, c *change.Change, changed []string) error {
	switch {
	case path.IsAbs(l.source) && l.want.Python != "":
		if err := wheelsThere(r, l.source, l.want); err != nil {
			return err
		}
	case path.IsAbs(l.source):
		n, err := r.Stat(l.source)
		if err != nil {
			return err
		}
		if n == nil {
			return kind.MissingPath(l.source, "the archive %s is not there: put it there, or add %q", l.source, "when: path "+l.source+" exists")
		}
		if err := kind.WantType(r, l.source, *n, host.TypeFile); err != nil {
			return err
		}
	}
	c.Steps = append(c.Steps, host.Unpack{Archive: l.want, Changed: changed})
	return nil
}

// complete is an error if a tree that is as its archive gave it lacks what a link leads
// to.
func (l look) complete(r host.Reader) error {
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

// lead adds the links, which move last.
func (l look) lead(ctx context.Context, r host.Reader, c *change.Change) error {
	for _, link := range l.links {
		m, err := link.Look(ctx, r)
		if err != nil {
			return fmt.Errorf("%s: %w", link.Path, err)
		}
		if m.Empty() {
			continue
		}
		if c.Action == "" {
			c.Action = change.Modify
		}
		for _, a := range m.Attrs {
			if a.Name == "target" {
				a.Name = "link " + link.Path
				c.Attrs = append(c.Attrs, a)
			}
		}
		c.Steps = append(c.Steps, m.Steps...)
	}
	return nil
}
