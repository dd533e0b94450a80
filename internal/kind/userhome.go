package kind

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// lookHome makes the home and keeps it the user's. A home that an account of
// somebody else left behind is not given away.
func (l userLook) lookHome(r host.Reader, u *host.User, c *change.Change) error {
	mode := spec.Mode(l.homeMode)
	n, err := r.Stat(l.home)
	if host.AfterApply(err) {
		// It lies on what is to be mounted. The account does not wait for that.
		if c.Action == "" {
			c.Action, c.Deferred = change.Modify, err.Error()
		}
		c.Attrs = append(c.Attrs, change.Attr{Name: "home " + l.home, After: change.Later()})
		return nil
	}
	if err != nil {
		return err
	}
	group := cmp.Or(l.group, l.name)
	if u != nil && l.group == "" {
		if group, err = GroupOfGID(r, u.GID); err != nil {
			return err
		}
	}
	if n == nil {
		if mode == nil {
			// Also of an account that is there: a run may have died before
			// it made the home.
			if l.system {
				return nil
			}
			private := host.Mode(0o700)
			mode = &private
		}
		return l.makeHome(r, group, *mode, c)
	}
	if n.Type != host.TypeDir {
		return fmt.Errorf("its home %s is a %s", l.home, n.Type)
	}
	if owner := l.ownerThen(u, n.Owner); owner != l.name {
		if u == nil && !slices.Contains(l.reown, l.home) {
			return fmt.Errorf("its home %s is there already and belongs to %s: move it away and copy back what is wanted; that of a service account is given to %s if it is listed under reown", l.home, owner, l.name)
		}
		if u != nil && mode != nil {
			c.Action = cmp.Or(c.Action, change.Modify)
			c.Differ("owner of "+l.home, owner, l.name)
			c.Steps = append(c.Steps, host.SetOwner{Path: l.home, Owner: l.name})
		}
	}
	if mode != nil && n.Access.BaseMode() != *mode {
		c.Action = cmp.Or(c.Action, change.Modify)
		c.Differ("mode of "+l.home, n.Access.BaseMode().String(), mode.String())
		c.Steps = append(c.Steps, host.SetAccess{Path: l.home, Access: n.Access.WithMode(*mode)})
	}
	return nil
}

func (l userLook) makeHome(r host.Reader, group string, mode host.Mode, c *change.Change) error {
	dir := path.Dir(l.home)
	parent, err := r.Stat(dir)
	if err != nil {
		return err
	}
	if _, declared := l.above[dir]; parent == nil && declared {
		// The directory may be the account's own, so it cannot come first as a whole.
		if err := needDeclared(r, c, dir, l.above); err != nil {
			return err
		}
	} else if parent == nil {
		return MissingPath(path.Dir(l.home), "cannot make its home %s: there is no directory %s: if a package brings it, say so with directories under provides of that package; else declare it under directories", l.home, path.Dir(l.home))
	}
	c.Action = cmp.Or(c.Action, change.Modify)
	c.Fresh("home mode", mode.String())
	c.Steps = append(c.Steps, host.MakeDir{Path: l.home, Owner: l.name, Group: group, Access: host.AccessOf(mode), Skeleton: true})
	return nil
}

// lookReown gives the listed directories and all that is in them to the user.
func (l userLook) lookReown(ctx context.Context, r host.Reader, u *host.User, c *change.Change) error {
	for _, dir := range l.reown {
		n, err := r.Stat(dir)
		if err != nil {
			return err
		}
		if n == nil {
			continue
		}
		if owner := l.ownerThen(u, n.Owner); owner != l.name && !reowned(*c, dir) {
			c.Action = cmp.Or(c.Action, change.Modify)
			c.Differ("owner of "+dir, owner, l.name)
			c.Steps = append(c.Steps, host.SetOwner{Path: dir, Owner: l.name})
		}
		rule := host.TreeRule{Root: dir, Owner: l.name}
		if u == nil || l.renumbered(u) {
			// What is there now cannot be compared with a number to come.
			c.Attrs = append(c.Attrs, change.Attr{Name: "owner below " + dir, Before: change.Text("whoever it is"), After: change.Text(l.name)})
			c.Steps = append(c.Steps, host.FixTree{Rule: rule})
			continue
		}
		scan, err := r.ScanTree(ctx, rule)
		if err != nil {
			return err
		}
		if scan.Differ > 0 {
			c.Action = cmp.Or(c.Action, change.Modify)
			c.Differ("owner below "+dir, fmt.Sprintf("%d of %d belong to somebody else", scan.Differ, scan.Total), l.name)
			c.Steps = append(c.Steps, host.FixTree{Rule: rule})
		}
	}
	return nil
}

// reowned reports whether a change gives a path to somebody already.
func reowned(c change.Change, path string) bool {
	return slices.ContainsFunc(c.Steps, func(s host.Step) bool { o, ok := s.(host.SetOwner); return ok && o.Path == path })
}

// renumbered reports whether the account gets another uid.
func (l userLook) renumbered(u *host.User) bool { return u != nil && l.uid != nil && *l.uid != u.UID }

// ownerThen is the owner that a path will show once the account has its declared
// number: files keep theirs.
func (l userLook) ownerThen(u *host.User, owner string) string {
	switch {
	case l.renumbered(u) && owner == l.name:
		return fmt.Sprintf("#%d", u.UID)
	case l.uid != nil && owner == fmt.Sprintf("#%d", *l.uid):
		return l.name
	}
	return owner
}
