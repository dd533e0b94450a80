package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
)

// versionsLook removes old versions of an archive, and what removals that were cut short
// have left, once the declared one is in place. It is a change of its own: a removal that
// fails must not have the links lead back.
type versionsLook struct {
	name, path string      // of the archive, and of the declared version
	first      kind.Looker // the declared version itself
	keep       *int        // versions before this one; nil: all
}

func (l versionsLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	trees, err := r.Unpacked(ctx, l.name)
	if err != nil {
		return change.Change{}, err
	}
	var gone, old []host.UnpackedTree
	for _, u := range trees {
		switch {
		case u.Path == l.path:
		case u.Gone:
			gone = append(gone, u)
		default:
			old = append(old, u)
		}
	}
	if l.keep == nil {
		old = nil
	} else {
		old = old[:max(0, len(old)-*l.keep)]
	}
	var c change.Change
	for _, u := range slices.Concat(gone, old) {
		removeTree(&c, u)
	}
	if len(c.Steps) > 0 {
		c.Action = change.Modify
		if first, err := l.first.Look(ctx, r); err != nil || !first.Empty() {
			return change.Change{}, nil //nolint:nilerr // the archive itself says what is wrong
		}
	}
	return c, nil
}

// removeTree adds the removal of a tree, unless somebody has added something to it.
func removeTree(c *change.Change, u host.UnpackedTree) {
	if len(u.Added) > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("%s stays: it holds %s, which did not come out of the archive", u.Path, strings.Join(u.Added, ", ")))
		return
	}
	was := "version"
	if u.Gone {
		was = "rest of a version"
	}
	c.Differ(u.Path, was, "")
	c.ByHand(u, "")
	c.Steps = append(c.Steps, host.RemoveUnpacked{Name: u.Name, Path: u.Path, Changed: u.Changed})
}

// goneLook is an archive that is to go, with all of its versions and its links.
type goneLook struct {
	name   string
	links  []kind.Link
	notify []change.Notification
}

func (l goneLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	for _, link := range slices.Backward(l.links) {
		n, err := r.Stat(link.Path)
		if err != nil {
			return change.Change{}, err
		}
		if n == nil {
			continue
		}
		if n.Type != host.TypeSymlink {
			return change.Change{}, errors.New(link.Path + " is no link: opsafe does not remove it as one; move it away")
		}
		c.Differ("link "+link.Path, n.Target, "")
		c.Steps = append(c.Steps, host.RemovePath{Path: link.Path})
	}
	trees, err := r.Unpacked(ctx, l.name)
	if err != nil {
		return change.Change{}, err
	}
	for _, u := range trees {
		removeTree(&c, u)
	}
	owed, err := notes.Remove(r, uncheckedPath(l.name))
	if err != nil {
		return change.Change{}, err
	}
	if len(owed) > 0 {
		c.Differ("check", "owed", "")
	}
	c.Steps = append(c.Steps, owed...)
	if len(c.Steps) > 0 {
		c.Action, c.Notify = change.Remove, l.notify
	}
	return c, nil
}
