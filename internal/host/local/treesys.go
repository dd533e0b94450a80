package local

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// direntName is where the name begins in a struct linux_dirent64, after inode,
// offset, length and type; see getdents64(2).
const direntName = 19

// A dirent is one entry of a getdents64(2) buffer; it is good until the buffer
// is filled anew.
type dirent struct {
	kind uint8  // unix.DT_*
	name []byte // with the NUL at its end beyond len
}

// nextDirent takes the first entry off a buffer.
func nextDirent(buf []byte) (dirent, []byte) {
	size := int(binary.NativeEndian.Uint16(buf[16:]))
	name := buf[direntName:size]
	return dirent{kind: buf[18], name: name[:bytes.IndexByte(name, 0)]}, buf[size:]
}

func (d dirent) dots() bool {
	return len(d.name) <= 2 && d.name[0] == '.' && (len(d.name) == 1 || d.name[1] == '.')
}

// statEntry is statx(2) on an entry, without copying its name: with millions of
// them, that is what the time goes to.
func statEntry(dir int, d dirent, st *unix.Statx_t) error {
	const flags = unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
	_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(dir), uintptr(unsafe.Pointer(&d.name[0])), //nolint:gosec // the name ends with NUL
		flags, unix.STATX_BASIC_STATS, uintptr(unsafe.Pointer(st)), 0) //nolint:gosec // as statx(2) wants it
	if errno != 0 {
		return errno
	}
	return nil
}

// The names of the attributes as system calls want them.
const (
	accessXattrZ  = accessXattr + "\x00"
	defaultXattrZ = defaultXattr + "\x00"
)

// withOwnDirectory runs f in a thread with a working directory of its own, if
// own says so: then fchdir(2) is the quickest safe way to where names are good.
// The thread ends with the calling goroutine, which therefore has to end.
func withOwnDirectory(f func(own bool)) {
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		own := unix.Unshare(unix.CLONE_FS) == nil
		if !own {
			runtime.UnlockOSThread()
		}
		f(own)
		return
	}
	// The main thread never ends. While this goroutine waits in it, another
	// has to run elsewhere.
	defer runtime.UnlockOSThread()
	var wg sync.WaitGroup
	wg.Go(func() { withOwnDirectory(f) })
	wg.Wait()
}

// An xattrReader reads attributes of the entries of a directory by way of the
// directory's descriptor: relative to the thread's own working directory, in
// half the time that the way through /proc takes, where that is refused.
type xattrReader struct {
	own         bool   // the thread has a working directory of its own
	path        []byte // NAME or /proc/self/fd/N/NAME, with NUL
	prefix      int    // bytes of it up to the name
	unsupported bool   // the file system keeps no ACLs
}

// keepsNoACLs reports whether the file system of an open file or directory has
// no ACLs at all.
func keepsNoACLs(fd int) bool {
	_, err := unix.Fgetxattr(fd, accessXattr, nil)
	return err == unix.ENOTSUP
}

// enter turns to the entries of a directory.
func (x *xattrReader) enter(dir int) {
	if x.own && unix.Fchdir(dir) == nil {
		x.prefix = 0
		return
	}
	x.path = strconv.AppendInt(append(x.path[:0], "/proc/self/fd/"...), int64(dir), 10)
	x.path = append(x.path, '/')
	x.prefix = len(x.path)
}

// read reads the attribute, whose name ends with NUL, of an entry itself into
// buf. Nil: there is none.
func (x *xattrReader) read(d dirent, attr string, buf []byte) ([]byte, error) {
	if x.unsupported {
		return nil, nil
	}
	x.path = append(append(x.path[:x.prefix], d.name...), 0)
	n, _, errno := unix.Syscall6(unix.SYS_LGETXATTR, uintptr(unsafe.Pointer(&x.path[0])), //nolint:gosec // the path ends with NUL
		uintptr(unsafe.Pointer(unsafe.StringData(attr))), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0) //nolint:gosec // so does the name
	switch errno {
	case 0:
		return buf[:n], nil
	case unix.ENODATA, unix.ENOTSUP:
		// A link that somebody has just put in the place of the entry has no
		// ACL. That says nothing about the next entry.
		return nil, nil
	case unix.ERANGE:
		return getxattr(unix.Lgetxattr, string(x.path[:len(x.path)-1]), attr[:len(attr)-1], buf)
	}
	return nil, errno
}
