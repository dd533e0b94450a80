package local

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
	"opsafe/internal/words"
)

// stagePrefix begins the names of what is on its way to a name of its own. The
// dot keeps sudo, cron and run-parts from reading it.
const stagePrefix = ".opsafe-"

// treePrefix begins the names of trees from archives that are on their way. A note says
// what they are, and what of them may go: sweeping takes them away only if they are empty.
const treePrefix = stagePrefix + "tree-"

// stageName tells opsafe's own temporary names from others that begin alike.
var stageName = words.Pattern(`^\.opsafe-(tree-)?[0-9a-f]{16}$`)

// newStageName makes up a name that nobody can foresee.
func newStageName(prefix string) (string, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("cannot make up a temporary name: %w", err)
	}
	return prefix + hex.EncodeToString(b[:]), nil
}

// A stage is a file or directory under a temporary name, in the directory where
// it is to get its own. It is locked for as long as its maker lives: what is
// not locked has been left by a run that died.
type stage struct {
	dir  int // descriptor of the directory; not the stage's to close
	name string
	file *os.File
	done bool // it has its own name now
}

// newStage makes an empty file that only this process's user can read.
func newStage(dir int) (*stage, error) {
	name, err := newStageName(stagePrefix)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot make a temporary file beside it: %w", err)
	}
	return lockStage(dir, name, fd)
}

// newStageDir makes an empty directory that only this process's user can enter.
func newStageDir(dir int) (*stage, error) { return newStageDirAs(dir, stagePrefix) }

func newStageDirAs(dir int, prefix string) (*stage, error) {
	name, err := newStageName(prefix)
	if err != nil {
		return nil, err
	}
	if err := unix.Mkdirat(dir, name, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make a temporary directory beside it: %w", err)
	}
	fd, err := openMade(dir, name)
	if err != nil {
		return nil, errors.Join(err, unix.Unlinkat(dir, name, unix.AT_REMOVEDIR))
	}
	return lockStage(dir, name, fd)
}

// newStageLink makes a symbolic link. It cannot be locked; but what changes it
// does so by the descriptor, so that it is this link and no other.
func newStageLink(dir int, target string) (*stage, error) {
	name, err := newStageName(stagePrefix)
	if err != nil {
		return nil, err
	}
	if err := unix.Symlinkat(target, dir, name); err != nil {
		return nil, fmt.Errorf("cannot make a temporary link beside it: %w", err)
	}
	fd, err := openat2(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	if err != nil {
		return nil, fmt.Errorf("cannot open the temporary link: %w", err)
	}
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	is := ""
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		is, err = readlink(fd)
	}
	if err == nil && (is != target || int(st.Uid) != os.Geteuid() || st.Nlink != 1) {
		err = errors.New("somebody has exchanged it meanwhile")
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("cannot use the temporary link: %w", err)
	}
	return &stage{dir: dir, name: name, file: os.NewFile(uintptr(fd), name)}, nil //nolint:gosec // a descriptor is not negative
}

func lockStage(dir int, name string, fd int) (*stage, error) {
	s := &stage{dir: dir, name: name, file: os.NewFile(uintptr(fd), name)} //nolint:gosec // a descriptor is not negative
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		s.discard()
		return nil, fmt.Errorf("cannot lock the temporary file: %w", err)
	}
	return s, nil
}

func (s *stage) fd() int { return int(s.file.Fd()) }

// write fills the stage and makes it last.
func (s *stage) write(data []byte) error {
	if _, err := s.file.Write(data); err != nil {
		return fmt.Errorf("cannot write the temporary file: %w", err)
	}
	return s.sync()
}

func (s *stage) sync() error {
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("cannot bring the temporary file to disk: %w", err)
	}
	return nil
}

// rename gives the stage its name, in the place of what is there (flags 0) or
// of nothing (unix.RENAME_NOREPLACE), and makes sure that it is this file that
// has got it.
func (s *stage) rename(name string, flags uint) error {
	if err := s.place(name, flags); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// place is rename, without bringing the directory to disk.
func (s *stage) place(name string, flags uint) error {
	if err := unix.Renameat2(s.dir, s.name, s.dir, name, flags); err != nil {
		if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENOTEMPTY) {
			return fmt.Errorf("cannot take the place of a directory: move it away first: %w", err)
		}
		return fmt.Errorf("cannot rename the temporary file: %w", err)
	}
	s.done = true
	var mine, there unix.Stat_t
	if err := unix.Fstat(s.fd(), &mine); err != nil {
		return fmt.Errorf("cannot stat the new file: %w", err)
	}
	if err := unix.Fstatat(s.dir, name, &there, unix.AT_SYMLINK_NOFOLLOW); err != nil || !sameInode(&mine, &there) {
		return errors.New("cannot keep it in place: somebody has exchanged it meanwhile")
	}
	return nil
}

// discard removes what has not got its name, and closes it. Somebody may have
// put another under the temporary name: that one stays.
func (s *stage) discard() {
	defer s.file.Close()
	var mine, there unix.Stat_t
	if s.done || unix.Fstat(s.fd(), &mine) != nil ||
		unix.Fstatat(s.dir, s.name, &there, unix.AT_SYMLINK_NOFOLLOW) != nil || !sameInode(&mine, &there) {
		return
	}
	if mine.Mode&unix.S_IFMT == unix.S_IFDIR {
		_ = emptyStaged(s.fd())
		_ = unix.Unlinkat(s.dir, s.name, unix.AT_REMOVEDIR)
		return
	}
	_ = unix.Unlinkat(s.dir, s.name, 0) // what is left is swept by the next run
}

func sameInode(a, b *unix.Stat_t) bool { return a.Ino == b.Ino && a.Dev == b.Dev }

func syncDir(dir int) error {
	if err := unix.Fsync(dir); err != nil {
		return fmt.Errorf("cannot bring the directory to disk: %w", err)
	}
	return nil
}

// openMade opens a directory that this process has just made, and makes sure
// that nobody has put another in its place: it is this user's, closed to others,
// and empty.
func openMade(dir int, name string) (int, error) {
	fd, err := openat2(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV)
	if err != nil {
		return -1, fmt.Errorf("cannot open the new directory: %w", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("cannot stat the new directory: %w", err)
	}
	names, err := namesIn(fd)
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("cannot look into the new directory: %w", err)
	}
	if !private(&st) || len(names) > 0 {
		unix.Close(fd)
		return -1, errors.New("cannot use the new directory: somebody has exchanged it meanwhile")
	}
	return fd, nil
}

// replace writes a file atomically under name in dir. Judge, if not nil, sees
// the path of the staged file, complete with owner and access, and can refuse.
func (h *Host) replace(dir int, name string, w fileWish, judge func(staged string) error) error {
	s, err := h.stageFile(dir, w)
	if err != nil {
		return err
	}
	defer s.discard()
	if err := s.sync(); err != nil {
		return err
	}
	if judge != nil {
		dirPath, err := os.Readlink(procPath(dir))
		if err != nil {
			return fmt.Errorf("cannot name the staged file: %w", err)
		}
		if err := judge(filepath.Join(dirPath, s.name)); err != nil {
			return err
		}
	}
	if err := s.rename(name, w.flags); err != nil {
		if w.flags&unix.RENAME_NOREPLACE != 0 && errors.Is(err, unix.EEXIST) {
			return fs.ErrExist
		}
		return err
	}
	return nil
}

// stageFile makes a file in dir that is complete but for its name, and not on disk yet.
func (h *Host) stageFile(dir int, w fileWish) (_ *stage, err error) {
	if err := h.sweep(dir); err != nil {
		return nil, err
	}
	s, err := newStage(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.discard()
		}
	}()
	if _, err := s.file.Write(w.content); err != nil {
		return nil, fmt.Errorf("cannot write the temporary file: %w", err)
	}
	if err := unix.Fchown(s.fd(), w.uid, w.gid); err != nil {
		return nil, fmt.Errorf("cannot set its owner: %w", err)
	}
	return s, h.setAccessFD(s.fd(), w.access)
}

// fileWish is a file as it is to become.
type fileWish struct {
	content  []byte
	uid, gid int
	access   host.Access
	flags    uint // of renameat2(2)
}
