package local

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"opsafe/internal/debian"

	"golang.org/x/sys/unix"
)

// sweeps remembers which directories have been freed of what dead runs left.
type sweeps struct {
	mu   sync.Mutex
	done map[[2]uint64]bool // by device and inode
}

// sweep removes what dead runs left under temporary names in a directory, once
// for each. What it cannot remove is no reason to stop: the names are never
// used again.
func (h *Host) sweep(dir int) error {
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return fmt.Errorf("cannot stat the directory: %w", err)
	}
	h.sweeps.mu.Lock()
	defer h.sweeps.mu.Unlock()
	key := [2]uint64{st.Dev, st.Ino}
	if h.sweeps.done[key] {
		return nil
	}
	names, err := namesIn(dir)
	if err != nil {
		return fmt.Errorf("cannot look for temporary files of dead runs: %w", err)
	}
	for _, name := range names {
		if stageName().MatchString(name) && isDead(dir, name) {
			h.removeDead(dir, &st, name)
		}
	}
	if h.sweeps.done == nil {
		h.sweeps.done = map[[2]uint64]bool{}
	}
	h.sweeps.done[key] = true
	return nil
}

// namesIn lists an open directory without moving the position of dir.
func namesIn(dir int) ([]string, error) {
	fd, err := openat2(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), ".") //nolint:gosec // a descriptor is not negative
	defer f.Close()
	return f.Readdirnames(-1)
}

// isDead reports whether nobody holds the lock of a staged file or directory.
// Links cannot be locked; they exist for two system calls only.
func isDead(dir int, name string) bool {
	fd, err := openat2(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_NOFOLLOW|unix.O_CLOEXEC, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	if err != nil {
		return errors.Is(err, unix.ELOOP)
	}
	defer unix.Close(fd)
	return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil
}

// takeBack closes a staged home that already had its owner, so that nobody gets
// into it any more by its path, and reports whether nothing is in it but what is
// in the skeleton: it is such for the few calls before it gets its name.
func (h *Host) takeBack(dir int, name string) bool {
	fd, err := openat2(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	from, err := h.openDir(debian.Skeleton)
	if err != nil {
		return false
	}
	defer unix.Close(from)
	return skeletal(fd, from) && unix.Fchown(fd, os.Geteuid(), -1) == nil && unix.Fchmod(fd, 0o700) == nil
}

// skeletal reports whether all that is in an open directory is in another one,
// too, of the same type and size.
func skeletal(fd, from int) bool {
	names, err := namesIn(fd)
	if err != nil {
		return false
	}
	for _, name := range names {
		var mine, theirs unix.Stat_t
		if unix.Fstatat(fd, name, &mine, unix.AT_SYMLINK_NOFOLLOW) != nil ||
			unix.Fstatat(from, name, &theirs, unix.AT_SYMLINK_NOFOLLOW) != nil ||
			mine.Mode&unix.S_IFMT != theirs.Mode&unix.S_IFMT {
			return false
		}
		switch mine.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			if mine.Size != theirs.Size || mine.Nlink != 1 {
				return false
			}
		case unix.S_IFDIR:
			if !skeletalBelow(fd, from, name) {
				return false
			}
		}
	}
	return true
}

func skeletalBelow(fd, from int, name string) bool {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	mine, err := openat2(fd, name, flags, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	if err != nil {
		return false
	}
	defer unix.Close(mine)
	theirs, err := openat2(from, name, flags, unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return false
	}
	defer unix.Close(theirs)
	return skeletal(mine, theirs)
}

// private reports whether something is this process's user's and closed to
// everybody else.
func private(st *unix.Stat_t) bool {
	return int(st.Uid) == os.Geteuid() && st.Mode&0o077 == 0
}

// removeDead removes what a dead run left under a temporary name in dir, which
// in describes. Where others can write, they may have given that name to
// anything, somebody else's directory too: there, nothing goes but what is this
// process's user's or that of the directory's only user, and no directory that
// is not empty, but for a staged home. A tree from an archive goes by its note.
func (h *Host) removeDead(dir int, in *unix.Stat_t, name string) {
	var st unix.Stat_t
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return
	}
	safe := int(in.Uid) == os.Geteuid() && !othersWrite(in)
	own := int(st.Uid) == os.Geteuid() || st.Uid == in.Uid && !othersWrite(in)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if safe || own {
			_ = unix.Unlinkat(dir, name, 0)
		}
		return
	}
	if tree := strings.HasPrefix(name, treePrefix); safe && !tree && (private(&st) || h.takeBack(dir, name)) {
		_ = removeTree(dir, name) // what is left is swept by the next run
	} else if safe || own {
		_ = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
	}
}

// removeTree removes a name and, if it is a directory, what is in it, by
// descriptors and within the file system. Only what nobody else can get at may
// be removed so. It goes as far as it can, and the error is the first.
func removeTree(dir int, name string) error {
	if err := unix.Unlinkat(dir, name, 0); !errors.Is(err, unix.EISDIR) {
		return err
	}
	fd, err := openat2(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	if err != nil {
		return err
	}
	err = emptyStaged(fd)
	unix.Close(fd)
	if err != nil {
		return err
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}

// emptyStaged removes what is in an open directory.
func emptyStaged(fd int) error {
	names, err := namesIn(fd)
	for _, n := range names {
		if e := removeTree(fd, n); e != nil && err == nil {
			err = fmt.Errorf("%s: %w", n, e)
		}
	}
	return err
}
