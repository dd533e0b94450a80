package local

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// fixTree brings all below a root to a rule. What fails at one path does not
// keep the others from being fixed; it is told at the end.
func (h *Host) fixTree(ctx context.Context, s host.FixTree) error {
	rule := s.Rule
	f := &treeFixer{host: h, rule: h.sameNames(rule)}
	if err := f.resolve(); err != nil {
		return fmt.Errorf("cannot fix the tree %s: %w", rule.Root, err)
	}
	root, err := h.openDir(rule.Root)
	if err != nil {
		return fmt.Errorf("cannot fix the tree %s: %w", rule.Root, err)
	}
	t := &treeWalk{ctx: ctx, host: h, rule: f.rule, differs: f.fix}
	finds, err := t.run(root)
	if err != nil {
		return fmt.Errorf("cannot fix all of the tree %s: %w", rule.Root, err)
	}
	for _, r := range finds.refusals(rule.Root) {
		if s.Told {
			break
		}
		finds.fail(r.Path, fmt.Errorf("cannot touch %s: %s", r.Path, r.Why))
	}
	if finds.unknown > 0 {
		finds.fail(rule.Root, fmt.Errorf("%d could not be looked at: permission denied", finds.unknown))
	}
	if err := finds.errors.joined(); err != nil {
		return fmt.Errorf("cannot fix all of the tree %s: %w", rule.Root, err)
	}
	return nil
}

// A treeFixer changes what differs from a rule.
type treeFixer struct {
	host     *Host
	rule     host.TreeRule
	uid, gid int // of the rule; -1 where it says nothing
}

// resolve looks the rule's names up, before anything is changed.
func (f *treeFixer) resolve() error {
	var err error
	if f.uid, f.gid, err = f.host.owners(f.rule.Owner, f.rule.Group); err != nil {
		return err
	}
	if f.rule.ACL == nil {
		return nil
	}
	for _, named := range [][]host.Entry{f.rule.ACL.Access, f.rule.ACL.Default} {
		if _, err := encodeACL(host.Default{Named: named}, f.host); err != nil {
			return err
		}
	}
	return nil
}

// fix changes one node. It looks again through a descriptor of its own, since
// the name may stand for something else by now.
func (f *treeFixer) fix(w *treeWorker, e *treeEntry) error {
	path := e.path()
	fd, err := openat2(e.dir, string(e.dirent.name), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	switch {
	case errors.Is(err, unix.EXDEV):
		w.finds.refuse(path, "another file system is mounted there")
		return nil
	case err != nil:
		return err // gone: judge's caller knows that
	}
	defer unix.Close(fd)
	n, err := f.host.nodeAt(fd)
	if err != nil {
		return err
	}
	if n.Type != host.TypeDir && n.Links > 1 {
		w.finds.refuse(path, severalLinks)
		return nil
	}
	if why := f.rule.Foreign(n); why != "" {
		w.finds.refuse(path, why)
		return nil
	}
	if err := f.bring(fd, n, f.rule.Apply(n)); err != nil {
		w.finds.fail(path, fmt.Errorf("%s: %w", path, err))
	}
	return nil
}

// bring takes an open node from one state to another. Rights that it is to lose
// go before the owner changes, those that it is to gain come afterwards.
func (f *treeFixer) bring(fd int, from, to host.Node) error {
	chown := from.Owner != to.Owner || from.Group != to.Group
	access := !from.Access.Equal(to.Access)
	if chown && access {
		if both := from.Access.Mode() & to.Access.Mode(); both != from.Access.Mode() {
			if err := chmod(procPath(fd), both); err != nil {
				return err
			}
			access = both != to.Access.Mode() || !bits(from.Access) || !bits(to.Access)
		}
	}
	if chown {
		if err := chownFD(fd, f.uid, f.gid); err != nil {
			return err
		}
		// chown(2) clears the set-id bits of files; the rule may want them.
		access = access || to.Type == host.TypeFile && to.Access.Special != 0 && f.rule.FileMode != nil
	}
	if access {
		return f.host.setAccessFD(fd, to.Access)
	}
	return nil
}

// bits reports whether rights are those of the mode alone.
func bits(a host.Access) bool { return len(a.Named) == 0 && a.Mask == nil && a.Default == nil }
