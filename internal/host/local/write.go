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
	kernels, err := isKernels(dir)
	if err != nil {
		return err
	}
	if kernels {
		return writeInPlace(dir, name, s.Content.Bytes())
	}
	var judge func(string) error
	if s.Check != nil {
		judge = func(string) error { return h.judgeWrite(ctx, *s.Check, s.Content) }
	}
	return h.replace(dir, name, fileWish{content: s.Content.Bytes(), uid: uid, gid: gid, access: s.Access}, judge)
}

// isKernels reports whether a directory is of proc(5).
func isKernels(dir int) (bool, error) {
	var s unix.Statfs_t
	if err := unix.Fstatfs(dir, &s); err != nil {
		return false, fmt.Errorf("cannot tell its file system: %w", err)
	}
	return s.Type == unix.PROC_SUPER_MAGIC, nil
}

// writeInPlace hands a value to the kernel, in one call. Nothing can take the place
// of such a file, and its owner and access are the kernel's.
func writeInPlace(dir int, name string, value []byte) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("the kernel does not let it be written: %w", err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, value); err != nil {
		return fmt.Errorf("the kernel does not take the value: %w", err)
	}
	return nil
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
	dir, name, err := h.openParent(s.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	staged, err := h.stageDir(dir, s, unix.Fsync)
	if err != nil {
		return err
	}
	defer staged.discard()
	if err := staged.sync(); err != nil {
		return err
	}
	return staged.rename(name, unix.RENAME_NOREPLACE)
}

// stageDir makes a directory in dir that is complete but for its name. It is staged, so
// that a home is there whole or not at all, and closed to everybody but root until it is
// complete. What is in it has been brought to disk by sync.
func (h *Host) stageDir(dir int, s host.MakeDir, sync syncFD) (_ *stage, err error) {
	uid, gid, err := h.owners(s.Owner, s.Group)
	if err != nil {
		return nil, err
	}
	if err := h.sweep(dir); err != nil {
		return nil, err
	}
	staged, err := newStageDir(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			staged.discard()
		}
	}()
	if s.Skeleton {
		if err := h.fillHome(staged, uid, gid, sync); err != nil {
			return nil, err
		}
	}
	return staged, h.setAllFD(staged.fd(), uid, gid, s.Access)
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
	staged, err := newStageLink(dir, s.Target)
	if err != nil {
		return err
	}
	defer staged.discard()
	if err := chownFD(staged.fd(), uid, gid); err != nil {
		return err
	}
	return staged.rename(name, 0)
}

func (h *Host) setOwner(s host.SetOwner) error {
	uid, gid, err := h.owners(s.Owner, s.Group)
	from := -1
	if err == nil {
		from, _, err = h.owners(s.From, "")
	}
	if err == nil {
		err = h.change(s.Path, func(n *found) error {
			if err := h.stillOf(n, from, s.From); err != nil {
				return err
			}
			if n.st.Mode&unix.S_IFMT == unix.S_IFREG && int(n.st.Uid) != uid {
				if err := h.mayGive(n); err != nil {
					return err
				}
			}
			return chownFD(n.fd, uid, gid)
		})
	}
	if err != nil {
		return fmt.Errorf("cannot set the owner of %s: %w", s.Path, err)
	}
	return nil
}

func (h *Host) setAccess(s host.SetAccess) error {
	owner, _, err := h.owners(s.Owner, "")
	if err != nil {
		return fmt.Errorf("cannot set the rights of %s: %w", s.Path, err)
	}
	err = h.change(s.Path, func(n *found) error {
		if err := h.stillOf(n, owner, s.Owner); err != nil {
			return err
		}
		if n.st.Mode&unix.S_IFMT == unix.S_IFREG && n.st.Uid == 0 {
			if more, err := h.opens(n.fd, s.Access); err != nil {
				return err
			} else if more {
				if err := h.mayGive(n); err != nil {
					return err
				}
			}
		}
		return h.setAccessFD(n.fd, s.Access)
	})
	if err != nil {
		return fmt.Errorf("cannot set the rights of %s: %w", s.Path, err)
	}
	return nil
}

// found is something to be changed, open with O_PATH, and the directory in which
// it was found; the root of the file system is its own.
type found struct {
	fd     int
	in, st unix.Stat_t
}

// stillOf refuses what belongs to somebody else than when it was looked at; a negative
// number stands for anybody.
func (h *Host) stillOf(n *found, uid int, name string) error {
	if uid < 0 || int(n.st.Uid) == uid {
		return nil
	}
	return fmt.Errorf("it belongs to %s now, and belonged to %s when opsafe looked: somebody has put something else there; see what it is", h.userName(int(n.st.Uid)), name)
}

// mayGive refuses to give away, or to open to more people, a file that somebody
// may have moved to its place for that: one of root's or of a third person's,
// where others than its owner decide which file has the name.
func (h *Host) mayGive(n *found) error {
	who := "others than root"
	switch {
	case n.in.Uid != 0 && othersWrite(&n.in):
		who = h.userName(int(n.in.Uid)) + " and others"
	case n.in.Uid != 0:
		who = h.userName(int(n.in.Uid))
	case !othersWrite(&n.in):
		return nil
	}
	if n.st.Uid == n.in.Uid && !othersWrite(&n.in) {
		return nil // it is that of the only one who can have put it there
	}
	return fmt.Errorf("it belongs to %s, in a directory that %s can write: opsafe does not give it away; look whose it is; if it came with a former number of the account, chown it or list its directory under reown, else move it away",
		h.userName(int(n.st.Uid)), who)
}

// opens reports whether a file lets anybody do more with new rights than with
// those it has. An ACL counts as more, unless it is there already.
func (h *Host) opens(fd int, to host.Access) (bool, error) {
	n, err := h.nodeAt(fd)
	if err != nil || n.Access.Equal(to) {
		return false, err
	}
	return len(to.Named) > 0 || len(n.Access.Named) > 0 || to.Mode()&^n.Access.Mode() != 0, nil
}

// change opens (O_PATH) what is at path itself and hands it on, unless it is a
// file that somebody may have linked there from elsewhere to have it changed.
func (h *Host) change(path string, do func(*found) error) error {
	if filepath.Clean(path) == "/" {
		fd, err := h.openNode("/", unix.O_PATH)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return do(&found{fd: fd})
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
	n := &found{fd: fd}
	if err := errors.Join(unix.Fstat(dir, &n.in), unix.Fstat(fd, &n.st)); err != nil {
		return err
	}
	if n.st.Mode&unix.S_IFMT != unix.S_IFDIR && n.st.Nlink > 1 && (n.in.Uid != 0 || othersWrite(&n.in)) {
		return fmt.Errorf("it has %d hard links, and others than root can make them there: find the others with find -inum %d and remove one", n.st.Nlink, n.st.Ino)
	}
	return do(n)
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
