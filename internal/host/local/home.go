package local

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// fillHome fills a staged home from the skeleton, all of it the new owner's.
func (h *Host) fillHome(s *stage, uid, gid int, sync syncFD) error {
	from, err := h.openDir(debian.Skeleton)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(from)
	if err := copyInto(s.fd(), from, uid, gid, sync); err != nil {
		return fmt.Errorf("cannot fill it from %s: %w", debian.Skeleton, err)
	}
	return nil
}

// syncFD brings something open to disk.
type syncFD func(fd int) error

// copyInto copies the files, directories and links in one directory into
// another, with their modes, for a new owner. What is neither is left out.
func copyInto(to, from, uid, gid int, sync syncFD) error {
	names, err := namesIn(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := copyOne(to, from, name, uid, gid, sync); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return sync(to)
}

func copyOne(to, from int, name string, uid, gid int, sync syncFD) error {
	var st unix.Stat_t
	if err := unix.Fstatat(from, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	switch nodeType(st.Mode) {
	case host.TypeSymlink:
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(from, name, buf)
		if err != nil {
			return err
		}
		if err := unix.Symlinkat(string(buf[:n]), to, name); err != nil {
			return err
		}
		return unix.Fchownat(to, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
	case host.TypeFile:
		return copyFile(to, from, name, st.Mode, uid, gid, sync)
	case host.TypeDir:
		return copyDir(to, from, name, st.Mode, uid, gid, sync)
	case host.TypeOther:
	}
	return nil
}

func copyFile(to, from int, name string, mode uint32, uid, gid int, sync syncFD) error {
	in, err := unix.Openat(from, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	src := os.NewFile(uintptr(in), name) //nolint:gosec // a descriptor is not negative
	defer src.Close()
	out, err := unix.Openat(to, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	dst := os.NewFile(uintptr(out), name) //nolint:gosec // a descriptor is not negative
	_, err = io.Copy(dst, src)
	if err == nil {
		err = finish(out, mode, uid, gid, sync)
	}
	return errors.Join(err, dst.Close())
}

func copyDir(to, from int, name string, mode uint32, uid, gid int, sync syncFD) error {
	in, err := openat2(from, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	if err := unix.Mkdirat(to, name, 0o700); err != nil {
		return err
	}
	out, err := openMade(to, name)
	if err != nil {
		return err
	}
	defer unix.Close(out)
	if err := copyInto(out, in, uid, gid, sync); err != nil {
		return err
	}
	return finish(out, mode, uid, gid, sync)
}

// finish gives a copy its owner, then its mode (chown(2) clears set-id bits),
// and brings it to disk.
func finish(fd int, mode uint32, uid, gid int, sync syncFD) error {
	if err := unix.Fchown(fd, uid, gid); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, mode&0o7777); err != nil {
		return err
	}
	return sync(fd)
}
