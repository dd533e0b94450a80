package testhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openat opens a path of the host. Links, absolute ones too, lead within the
// host, as they do for a program there.
func (h *Host) openat(path string, flags int, mode fs.FileMode) (*os.File, error) {
	root, err := unix.Open(h.Root(), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("host %s does not run: %w", h.name, err)
	}
	defer func() { _ = unix.Close(root) }()
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_IN_ROOT}
	if flags&unix.O_CREAT != 0 {
		how.Mode = uint64(mode.Perm())
	}
	for {
		fd, err := unix.Openat2(root, path, &how)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR): // something was renamed on the way
			continue
		case err != nil:
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		return os.NewFile(uintptr(fd), path), nil
	}
}

// mkdirAll opens a directory of the host, making it and its parents.
func (h *Host) mkdirAll(path string) (*os.File, error) {
	f, err := h.openat(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(path) == path {
		return f, err
	}
	parent, err := h.mkdirAll(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = parent.Close() }()
	if err := unix.Mkdirat(int(parent.Fd()), filepath.Base(path), 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	if f, err = h.openat(path, unix.O_RDONLY|unix.O_DIRECTORY, 0); err != nil {
		return nil, err
	}
	if err := f.Chmod(0o755); err != nil { // whatever the umask
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// WriteFile writes a file of the host, root's, with exactly this mode. Missing
// directories on the way are made.
func (h *Host) WriteFile(path string, content []byte, mode fs.FileMode) error {
	path = filepath.Join("/", path)
	dir, err := h.mkdirAll(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = dir.Close()
	f, err := h.openat(path, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Chmod(mode), f.Close())
}

// ReadFile reads a file of the host.
func (h *Host) ReadFile(path string) ([]byte, error) {
	f, err := h.openat(path, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(f)
}

// Install copies a file or a directory tree of the outer machine into the
// host, to exactly that path. The copies are root's and keep their modes; what
// is there already is replaced, and nothing is removed.
func (h *Host) Install(ctx context.Context, hostPath, guestPath string) error {
	source, err := filepath.EvalSymlinks(hostPath)
	if err != nil {
		return fmt.Errorf("cannot copy into host %s: %w", h.name, err)
	}
	err = filepath.WalkDir(source, func(path string, e fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		return h.installOne(path, e, filepath.Join("/", guestPath, rel))
	})
	if err != nil {
		return fmt.Errorf("cannot copy %s into host %s: %w", hostPath, h.name, err)
	}
	return nil
}

func (h *Host) installOne(path string, e fs.DirEntry, dest string) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	switch {
	case e.IsDir():
		f, err := h.mkdirAll(dest)
		if err != nil {
			return err
		}
		return errors.Join(f.Chmod(info.Mode()), f.Close())
	case e.Type() == fs.ModeSymlink:
		return h.installLink(path, dest)
	case e.Type().IsRegular():
		return h.installFile(path, dest, info.Mode())
	}
	return nil // sockets and devices are nobody's files
}

func (h *Host) installLink(path, dest string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	return h.replace(dest, func(dir int, name string) error { return unix.Symlinkat(target, dir, name) })
}

// installFile goes through a new file, so that a program that is running can
// be replaced.
func (h *Host) installFile(path, dest string, mode fs.FileMode) error {
	src, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	return h.replace(dest, func(dir int, name string) error {
		fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return err
		}
		dst := os.NewFile(uintptr(fd), dest)
		_, err = io.Copy(dst, src)
		return errors.Join(err, dst.Chmod(mode), dst.Close())
	})
}

// replace makes something under another name and renames it to its place.
func (h *Host) replace(dest string, create func(dir int, name string) error) error {
	dir, err := h.mkdirAll(filepath.Dir(dest))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	fd, tmp := int(dir.Fd()), ".new-"+uniqueName()
	if err := create(fd, tmp); err != nil {
		_ = unix.Unlinkat(fd, tmp, 0)
		return &fs.PathError{Op: "create", Path: dest, Err: err}
	}
	if err := unix.Renameat(fd, tmp, fd, filepath.Base(dest)); err != nil {
		_ = unix.Unlinkat(fd, tmp, 0)
		return &fs.PathError{Op: "rename", Path: dest, Err: err}
	}
	return nil
}
