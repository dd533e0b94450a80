package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// OutFile is where a name that the operator gave leads to: what is there decides how
// it is written.
type OutFile struct {
	name string      // behind all links
	fd   int         // one of the process's own, as /dev/stdout is; -1: none
	Info fs.FileInfo // nil: nothing is there
}

// mostLinks is how many links are followed, as the kernel does.
const mostLinks = 40

// FindOut follows a name. A link that another user has made is not followed, be it on
// the way or in the end: they would choose what is overwritten.
func FindOut(name string) (OutFile, error) {
	at, left, followed := "/", names(name), 0
	if !filepath.IsAbs(name) {
		dir, err := os.Getwd()
		if err != nil {
			return OutFile{}, err
		}
		left = append(names(dir), left...)
	}
	for len(left) > 0 {
		next := filepath.Join(at, left[0]) // where ".." is, no link is left
		left = left[1:]
		if fd, err := strconv.Atoi(filepath.Base(next)); err == nil && len(left) == 0 && holdsDescriptors(at) {
			return OutFile{name: name, fd: fd}, nil
		}
		info, err := os.Lstat(next)
		switch {
		case errors.Is(err, fs.ErrNotExist) && len(left) == 0:
			return OutFile{name: next, fd: -1}, nil
		case err != nil:
			return OutFile{}, err
		case info.Mode()&fs.ModeSymlink == 0 && len(left) == 0:
			return OutFile{name: next, fd: -1, Info: info}, nil
		case info.Mode()&fs.ModeSymlink == 0:
			at = next
			continue
		case !ours(info):
			return OutFile{}, fmt.Errorf("%s is a link that another user has made: give the name that it leads to", next)
		}
		if followed++; followed > mostLinks {
			return OutFile{}, &fs.PathError{Op: "open", Path: name, Err: syscall.ELOOP}
		}
		target, err := os.Readlink(next)
		if err != nil {
			return OutFile{}, err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		left = append(names(target), left...)
	}
	return OutFile{}, &fs.PathError{Op: "write", Path: name, Err: syscall.EISDIR}
}

// holdsDescriptors reports whether a directory is where this process finds what it has
// open.
func holdsDescriptors(dir string) bool {
	own := fmt.Sprintf("/proc/%d/", os.Getpid())
	return dir == own+"fd" || strings.HasPrefix(dir, own+"task/") && filepath.Base(dir) == "fd"
}

// Regular reports whether there is nothing yet, or a regular file without another
// name: what can be replaced.
func (o OutFile) Regular() bool {
	return o.Info == nil || o.Info.Mode().IsRegular() && links(o.Info) == 1
}

// names are the names that a path consists of.
func names(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// ours reports whether something belongs to root or to whoever runs this.
func ours(info fs.FileInfo) bool {
	sys, ok := info.Sys().(*syscall.Stat_t)
	return ok && (sys.Uid == 0 || int(sys.Uid) == os.Geteuid())
}

// IsStdout reports whether a name leads to the standard output: what else is said
// must not stand in between.
func IsStdout(name string) bool {
	to, err := FindOut(name)
	return err == nil && to.fd == unix.Stdout
}

// WriteOut writes to a name that the operator gave. A regular file is replaced as a
// whole, or not at all; one that has other names, too, and what is no regular file,
// is written into.
func WriteOut(ctx context.Context, name string, data []byte, mode fs.FileMode) error {
	to, err := FindOut(name)
	if err != nil {
		return err
	}
	switch {
	case to.fd >= 0:
		return to.toDescriptor(ctx, data)
	case to.Regular():
		return to.replace(data, mode)
	case !ours(to.Info):
		return fmt.Errorf("%s belongs to another user, who would be given what is written: choose another name", to.name)
	case to.Info.IsDir():
		return fmt.Errorf("%s is a directory: want the name of a file", to.name)
	case to.Info.Mode().IsRegular():
		return to.through(data, mode)
	}
	return to.into(ctx, data)
}

func links(info fs.FileInfo) uint64 {
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(sys.Nlink)
	}
	return 1
}

// directory opens the directory of what was looked at, in which no link can have been
// put since.
func (o OutFile) directory() (*os.Root, error) {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	for _, name := range names(filepath.Dir(o.name)) {
		if err != nil {
			break
		}
		var next int
		next, err = unix.Openat(fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		unix.Close(fd)
		fd = next
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: filepath.Dir(o.name), Err: err}
	}
	defer unix.Close(fd)
	return os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", fd))
}

// replace replaces a file as a whole, or not at all.
func (o OutFile) replace(data []byte, mode fs.FileMode) error {
	dir, err := o.directory()
	if err != nil {
		return err
	}
	return errors.Join(ReplaceIn(dir, filepath.Base(o.name), data, mode), dir.Close())
}

// open opens what was looked at, and nothing that has taken its place.
func (o OutFile) open() (*os.File, error) {
	dir, err := o.directory()
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := dir.OpenFile(filepath.Base(o.name), os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !os.SameFile(info, o.Info) {
		return nil, errors.Join(fmt.Errorf("%s has been replaced meanwhile", o.name), err, f.Close())
	}
	return f, nil
}

// through writes into a file that has several names, under all of which it is to be
// found.
func (o OutFile) through(data []byte, mode fs.FileMode) error {
	f, err := o.open()
	if err != nil {
		return err
	}
	return errors.Join(Overwrite(f, data, mode), f.Close())
}

// Overwrite writes into a regular file that is open.
func Overwrite(f *os.File, data []byte, mode fs.FileMode) error {
	err := errors.Join(f.Chmod(mode), f.Truncate(0))
	if err == nil {
		_, err = f.Write(data)
	}
	return errors.Join(err, f.Sync())
}

// into writes into a device or a pipe. Somebody has to read from a pipe, and may not
// do so yet: that can be given up.
func (o OutFile) into(ctx context.Context, data []byte) error {
	return givenUp(ctx, func() error {
		f, err := o.open()
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return errors.Join(err, f.Close())
	})
}

// toDescriptor writes to what is open already, where it stands.
func (o OutFile) toDescriptor(ctx context.Context, data []byte) error {
	fd, err := unix.FcntlInt(uintptr(o.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: o.name, Err: err}
	}
	return givenUp(ctx, func() error {
		f := os.NewFile(uintptr(fd), o.name)
		_, err := f.Write(data)
		return errors.Join(err, f.Close())
	})
}

// givenUp waits for something that may take as long as somebody else likes.
func givenUp(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ReplaceIn writes beside the file, under a name that the loader leaves alone,
// and then renames.
func ReplaceIn(dir *os.Root, name string, data []byte, mode fs.FileMode) error {
	// What is there under this name was left by a process that is gone.
	temp := fmt.Sprintf(".%s.%d", name, os.Getpid())
	if err := dir.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = dir.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, dir.Remove(temp))
	}
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
