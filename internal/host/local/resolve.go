package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// maxLinks is how many links a path may lead through, as in the kernel.
const maxLinks = 40

// cleanPath checks that a path is one that steps may name: absolute, without
// NUL. It is cleaned by its text, so that ".." never leads through a link.
func cleanPath(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("cannot use %q: it is not an absolute path", path)
	}
	if strings.ContainsRune(path, 0) {
		return "", fmt.Errorf("cannot use %q: it holds a NUL byte", path)
	}
	return filepath.Clean(path), nil
}

// openNode opens what is at path itself, by descriptor and without following a
// link in a place that others than root can write. The last component is never
// followed: with unix.O_PATH in flags it may be a link, else that is an error.
// Errors match fs.ErrNotExist and its like.
func (h *Host) openNode(path string, flags int) (int, error) {
	path, err := cleanPath(path)
	if err != nil {
		return -1, err
	}
	flags |= unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := openat2(unix.AT_FDCWD, path, flags, unix.RESOLVE_NO_SYMLINKS)
	if !errors.Is(err, unix.ELOOP) {
		return fd, pathErr("open", path, err)
	}
	dir, name := filepath.Split(path)
	parent, err := h.walk(filepath.Clean(dir))
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	fd, err = openat2(parent, name, flags, unix.RESOLVE_NO_SYMLINKS)
	if errors.Is(err, unix.ELOOP) {
		return -1, fmt.Errorf("cannot open %s: it is a symbolic link", path)
	}
	return fd, pathErr("open", path, err)
}

// openDir opens a directory for reading its names and for the *at calls.
func (h *Host) openDir(path string) (int, error) {
	return h.openNode(path, unix.O_RDONLY|unix.O_DIRECTORY)
}

// openParent opens the directory that holds path, following links of root's on
// the way, and returns it with the last component. The directory is good for
// the *at calls and for fsync.
func (h *Host) openParent(path string) (dir int, name string, err error) {
	path, err = cleanPath(path)
	if err != nil {
		return -1, "", err
	}
	parent, name := filepath.Split(path)
	if name == "" {
		return -1, "", fmt.Errorf("cannot change %s: it is the root of the file system", path)
	}
	parent = filepath.Clean(parent)
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC
	fd, err := openat2(unix.AT_FDCWD, parent, flags, unix.RESOLVE_NO_SYMLINKS)
	if errors.Is(err, unix.ELOOP) {
		var through int
		if through, err = h.walk(parent); err != nil {
			return -1, "", err
		}
		defer unix.Close(through)
		fd, err = openat2(through, ".", flags, unix.RESOLVE_NO_SYMLINKS)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return -1, "", fmt.Errorf("cannot reach %s: its parent directory %s does not exist: %w", path, parent, err)
	}
	return fd, name, pathErr("open", parent, err)
}

// A walker goes down a path component by component.
type walker struct {
	host    *Host
	path    string // the path as it was asked for
	at      int    // descriptor of the directory reached
	trusted bool   // nobody but root can have put it there
	rest    []string
	links   int
}

// walk opens (O_PATH) the directory at a clean path in which there are links.
// It follows a link only if root owns it, and the directory that holds it, and
// nobody else can write there or replace a directory on the way.
func (h *Host) walk(path string) (int, error) {
	w := &walker{host: h, path: path}
	if err := w.restart(splitPath(path)); err != nil {
		return -1, err
	}
	for len(w.rest) > 0 {
		name := w.rest[0]
		w.rest = w.rest[1:]
		if err := w.step(name); err != nil {
			unix.Close(w.at)
			return -1, err
		}
	}
	return w.at, nil
}

func splitPath(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// restart goes back to the root, with rest before it.
func (w *walker) restart(rest []string) error {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return pathErr("open", "/", err)
	}
	w.at, w.rest, w.trusted = fd, rest, true
	return nil
}

// step goes one component down, up for "..", or through a link.
func (w *walker) step(name string) error {
	next, err := openat2(w.at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return pathErr("open", w.path, err)
	}
	var dir, st unix.Stat_t
	if err := errors.Join(unix.Fstat(w.at, &dir), unix.Fstat(next, &st)); err != nil {
		unix.Close(next)
		return pathErr("stat", w.path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		// In a sticky directory nobody can replace what is root's.
		w.trusted = w.trusted && dir.Uid == 0 && (!othersWrite(&dir) || dir.Mode&unix.S_ISVTX != 0 && st.Uid == 0)
		unix.Close(w.at)
		w.at = next
		return nil
	}
	defer unix.Close(next)
	if !w.trusted || st.Uid != 0 || dir.Uid != 0 || othersWrite(&dir) {
		return w.refuse(&dir, &st)
	}
	if w.links++; w.links > maxLinks {
		return pathErr("open", w.path, unix.ELOOP)
	}
	return w.follow(next)
}

func (w *walker) follow(link int) error {
	target, err := readlink(link)
	if err != nil {
		return pathErr("readlink", w.path, err)
	}
	rest := append(splitPath(target), w.rest...)
	if !strings.HasPrefix(target, "/") {
		w.rest = rest
		return nil
	}
	old := w.at
	if err := w.restart(rest); err != nil {
		return err
	}
	unix.Close(old)
	return nil
}

// refuse says why a link is not followed, and who could have put it there.
func (w *walker) refuse(dir, link *unix.Stat_t) error {
	where := w.path
	if parts := splitPath(w.path); w.links == 0 {
		where = "/" + strings.Join(parts[:len(parts)-len(w.rest)], "/")
	}
	return &host.LinkError{At: where, Why: host.OthersLink(w.host.userName(int(link.Uid)), w.host.userName(int(dir.Uid)), othersWrite(dir))}
}

// othersWrite reports whether more than the owner may write to it. With an ACL
// the group's bits are its mask, so named entries are covered.
func othersWrite(st *unix.Stat_t) bool { return st.Mode&0o022 != 0 }

// openat2 is openat2(2), begun again when a signal interrupts it or a rename
// elsewhere disturbs it.
func openat2(dir int, path string, flags int, resolve uint64) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags), Resolve: resolve} //nolint:gosec // flags are not negative
	for range 128 {
		fd, err := unix.Openat2(dir, path, &how)
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return fd, err
		}
	}
	return -1, unix.EAGAIN
}

// readlink reads the target of a link that is open with O_PATH.
func readlink(fd int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// procPath is a path to an open descriptor, for the calls that do not take one
// opened with O_PATH.
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// pathErr names what was done to which path; nil stays nil.
func pathErr(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: "cannot " + op, Path: path, Err: err}
}

// absent reports whether err says that there is nothing at a path.
func absent(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
}

// unseen turns a refusal by permissions into an *host.UnknownError about what.
func unseen(what string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return &host.UnknownError{What: what, Why: "permission denied", Err: err}
	}
	return err
}
