package fault

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// look says what a stopped call is, and whether it counts: what goes to a pipe,
// a terminal or a device does not, and neither does what only opens a file that
// is no file of a disk.
func (s *supervisor) look(r report) (Call, bool) {
	sc, ok := s.table[r.nr]
	if !ok {
		return Call{}, false
	}
	c := Call{Name: sc.name, Class: sc.class}
	if sc.count >= 0 {
		c.bytes = r.args[sc.count]
	}
	switch {
	case sc.name == "openat2":
		var flags [8]byte
		if peek(r.pid, r.args[2], flags[:]) != nil || binary.NativeEndian.Uint64(flags[:])&writing == 0 {
			return c, false
		}
		return c, onDisk(peekString(r.pid, r.args[1]))
	case sc.name == "openat":
		return c, onDisk(peekString(r.pid, r.args[1]))
	case sc.flags >= 0 || sc.name == "creat":
		return c, onDisk(peekString(r.pid, r.args[0]))
	case sc.fd >= 0:
		return lookFD(c, r.pid, r.args[sc.fd])
	}
	return c, true
}

// lookFD judges a call by what its descriptor stands for.
func lookFD(c Call, pid uint32, fd uint64) (Call, bool) {
	var st unix.Stat_t
	if unix.Stat(fdPath(pid, fd), &st) != nil {
		return c, false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR:
		var in unix.Statfs_t
		return c, c.Class != Talk && unix.Statfs(fdPath(pid, fd), &in) == nil && in.Type != unix.PROC_SUPER_MAGIC
	case unix.S_IFSOCK:
		c.Class = Talk
		return c, true
	}
	return c, false
}

func fdPath(pid uint32, fd uint64) string {
	return fmt.Sprintf("/proc/%d/fd/%d", pid, int32(fd)) //nolint:gosec // a descriptor is an int
}

// onDisk reports whether a path that is to be opened can be a disk's.
func onDisk(path string) bool {
	for _, dir := range []string{"/dev/", "/proc/", "/sys/"} {
		if strings.HasPrefix(path, dir) {
			return false
		}
	}
	return true
}

// programOf is the name of the program that a thread runs.
func programOf(pid uint32) string {
	var name string
	if path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		name = path[strings.LastIndexByte(path, '/')+1:]
	}
	return name
}
