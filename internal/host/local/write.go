package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// owners resolves the names of an owner and a group; -1 for one that is empty.
func (h *Host) owners(owner, group string) (uid, gid int, err error) {
	uid, gid = -1, -1
	if owner != "" {
		if uid, err = h.uid(owner); err != nil {
			return 0, 0, err
		}
	}
	if group != "" {
		if gid, err = h.gid(group); err != nil {
			return 0, 0, err
		}
	}
	return uid, gid, nil
}

func (h *Host) writeFile(ctx context.Context, s host.WriteFile) error {
	if err := h.writeFileAt(ctx, s); err != nil {
		return fmt.Errorf("cannot write %s: %w", s.Path, err)
	}
	return nil
}

func (h *Host) writeFileAt(ctx context.Context, s host.WriteFile) error {
	uid, gid, err := h.owners(s.Owner, s.Group)
	if err != nil {
		return err
	}
	dir, name, err := h.openParent(s.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	var judge func(string) error
	if s.Check != nil {
		judge = func(staged string) error { return judgeStaged(ctx, *s.Check, s.Content, staged) }
	}
	return h.replace(dir, name, fileWish{content: s.Content.Bytes(), uid: uid, gid: gid, access: s.Access}, judge)
}

func (h *Host) makeDir(s host.MakeDir) error {
	err := h.makeDirAt(s)
	if errors.Is(err, unix.EEXIST) {
		err = errors.New("something is there already")
	}
	if err != nil {
		return fmt.Errorf("cannot make directory %s: %w", s.Path, err)
	}
	return nil
}

func (h *Host) makeDirAt(s host.MakeDir) error {
	uid, gid, err := h.owners(s.Owner, s.Group)
	if err != nil {
		return err
	}
	dir, name, err := h.openParent(s.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if s.Skeleton {
		return h.makeHome(dir, name, s.Access, uid, gid)
	}
	if err := unix.Mkdirat(dir, name, 0o700); err != nil {
		return err
	}
	fd, err := openMade(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := h.setAllFD(fd, uid, gid, s.Access); err != nil {
		return errors.Join(err, unix.Unlinkat(dir, name, unix.AT_REMOVEDIR))
	}
	return errors.Join(syncDir(fd), syncDir(dir))
}

// setAllFD sets owner and group (-1: as it is), then mode and ACL of something
// open.
func (h *Host) setAllFD(fd, uid, gid int, a host.Access) error {
	if err := chownFD(fd, uid, gid); err != nil {
		return err
	}
	return h.setAccessFD(fd, a)
}

// chownFD sets owner and group (-1: as it is) of what fd, opened with O_PATH or
// otherwise, stands for.
func chownFD(fd, uid, gid int) error {
	if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("cannot set its owner: %w", err)
	}
	return nil
}

func (h *Host) makeLink(s host.MakeLink) error {
	if err := h.makeLinkAt(s); err != nil {
		return fmt.Errorf("cannot make link %s: %w", s.Path, err)
	}
	return nil
}

func (h *Host) makeLinkAt(s host.MakeLink) error {
	uid, gid, err := h.owners(s.Owner, s.Group)
	if err != nil {
		return err
	}
	dir, name, err := h.openParent(s.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := h.sweep(dir); err != nil {
		return err
	}
	staged, err := newStageName()
	if err != nil {
		return err
	}
	if err := unix.Symlinkat(s.Target, dir, staged); err != nil {
		return fmt.Errorf("cannot make a temporary link beside it: %w", err)
	}
	err = unix.Fchownat(dir, staged, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil {
		err = unix.Renameat(dir, staged, dir, name)
	}
	if err != nil {
		return errors.Join(err, unix.Unlinkat(dir, staged, 0))
	}
	return syncDir(dir)
}

func (h *Host) setOwner(s host.SetOwner) error {
	uid, gid, err := h.owners(s.Owner, s.Group)
	if err == nil {
		err = h.change(s.Path, func(fd int) error { return chownFD(fd, uid, gid) })
	}
	if err != nil {
		return fmt.Errorf("cannot set the owner of %s: %w", s.Path, err)
	}
	return nil
}

func (h *Host) setAccess(s host.SetAccess) error {
	err := h.change(s.Path, func(fd int) error { return h.setAccessFD(fd, s.Access) })
	if err != nil {
		return fmt.Errorf("cannot set the rights of %s: %w", s.Path, err)
	}
	return nil
}

// change opens (O_PATH) what is at path itself and hands it on, unless it is a
// file that somebody may have linked there from elsewhere to have it changed.
func (h *Host) change(path string, do func(fd int) error) error {
	if filepath.Clean(path) == "/" {
		fd, err := h.openNode("/", unix.O_PATH)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return do(fd)
	}
	dir, name, err := h.openParent(path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	fd, err := openat2(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var in, st unix.Stat_t
	if err := errors.Join(unix.Fstat(dir, &in), unix.Fstat(fd, &st)); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink > 1 && (in.Uid != 0 || othersWrite(&in)) {
		return fmt.Errorf("it has %d hard links, and others than root can make them there: find the others with find -inum %d and remove one", st.Nlink, st.Ino)
	}
	return do(fd)
}

func (h *Host) removePath(s host.RemovePath) error {
	if err := h.removePathAt(s.Path); err != nil {
		return fmt.Errorf("cannot remove %s: %w", s.Path, err)
	}
	return nil
}

func (h *Host) removePathAt(path string) error {
	dir, name, err := h.openParent(path)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	var st unix.Stat_t
	err = unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	flags := 0
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		flags = unix.AT_REMOVEDIR
	}
	err = unix.Unlinkat(dir, name, flags)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, os.ErrExist) {
		return fmt.Errorf("the directory is not empty: remove or move what is in it first: %w", err)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}
