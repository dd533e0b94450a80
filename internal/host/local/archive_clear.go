package local

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// exchange puts a new tree in the place of the old one. It takes a while to fetch and to
// build a tree: so the old one is compared once more when nobody finds it by its name any
// longer, and gets its place back if something has come to it that would be lost.
func (h *Host) exchange(ctx context.Context, s *stage, name string, note *treeNote) error {
	swap := func() error { return unix.Renameat2(s.dir, s.name, s.dir, name, unix.RENAME_EXCHANGE) }
	if err := swap(); err != nil {
		return fmt.Errorf("cannot put the new tree in the place of the old one: %w", err)
	}
	is, err := inodeOf(s.dir, s.name)
	if err == nil && is != note.Stage.Old {
		err = errors.New("cannot put the new tree in the place of the old one: somebody has exchanged it meanwhile")
	}
	if err == nil {
		err = h.spare(ctx, s.dir, note, note.Path)
	}
	if err == nil {
		return nil
	}
	if back := swap(); back != nil {
		return errors.Join(err, fmt.Errorf("cannot put the old tree back in its place: it is %s beside it: %w", s.name, back))
	}
	return errors.Join(err, syncDir(s.dir), h.abandon(s, note, note.Stage.Old))
}

// spare is an error if what stands under the name of a note's stage is the old tree, and
// something in it would be lost with it. The error names what is in it below at.
func (h *Host) spare(ctx context.Context, dir int, n *treeNote, at string) error {
	is, err := inodeOf(dir, n.Stage.Name)
	if err != nil || is == 0 || is != n.Stage.Old {
		return err
	}
	root, err := openat2(dir, n.Stage.Name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, within)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	j, err := h.compareIn(ctx, n, root)
	if err != nil {
		return err
	}
	return j.lost(n.Stage.Changed, at)
}

// clear removes what stands under the name of a stage, if it is the stage. What of it
// cannot be removed stays closed, and in the note.
func (h *Host) clear(dir int, s treeStage) error {
	if err := h.clearAt(dir, s); err != nil {
		return errLeft(s, err)
	}
	return nil
}

func errLeft(s treeStage, err error) error {
	return fmt.Errorf("cannot remove %s beside it, which is left of an earlier version or of a run that died: %w", s.Name, err)
}

func (h *Host) clearAt(dir int, s treeStage) error {
	is, err := inodeOf(dir, s.Name)
	if err != nil || is == 0 || is != s.New && is != s.Old {
		return err
	}
	fd, err := openat2(dir, s.Name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, within)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := h.setAllFD(fd, os.Geteuid(), os.Getegid(), host.AccessOf(0o700)); err != nil {
		return err
	}
	if err := emptyStaged(fd); err != nil {
		return err
	}
	return unix.Unlinkat(dir, s.Name, unix.AT_REMOVEDIR)
}

// inodeOf is the number of what is under a name; 0: nothing is.
func inodeOf(dir int, name string) (uint64, error) {
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return 0, nil
	}
	return st.Ino, err
}
