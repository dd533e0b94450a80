// Package fault runs a command under a supervisor that counts every system call
// with which it, or any process that it starts, changes something, and that at
// a call of one's choice kills the whole tree, lets the call fail, or lets it
// write only half.
//
// The kernel stops each such call (seccomp user notification) until the
// supervisor has decided. The command is process 1 of a process namespace of
// its own: when it is killed, nothing that it has started outlives it.
package fault

import "golang.org/x/sys/unix"

// Fault is what happens at the call of one's choice.
type Fault string

// The faults. Those with "on" at the end go on for all later calls that they
// apply to, like a disk that stays full.
const (
	None     Fault = "none"
	Kill     Fault = "kill -9"
	NoSpace  Fault = "ENOSPC"
	DiskFull Fault = "ENOSPC from then on"
	IOError  Fault = "EIO"
	DiskGone Fault = "EIO from then on"
	ReadOnly Fault = "EROFS from then on"
	Short    Fault = "short write"
	PowerCut Fault = "power cut"
)

// Faults are all faults that Run injects by itself. A power cut takes a disk,
// too: see Plan.Cut.
func Faults() []Fault {
	return []Fault{Kill, NoSpace, DiskFull, IOError, DiskGone, ReadOnly, Short}
}

// Class is what a system call does.
type Class string

// The classes of counted calls.
const (
	Create Class = "create" // open for writing, mkdir, link, symlink, mknod
	Write  Class = "write"  // data of a regular file
	Sync   Class = "sync"   // fsync and its like
	Name   Class = "name"   // rename, unlink, rmdir
	Meta   Class = "meta"   // owner, mode, ACL, times, size
	Mount  Class = "mount"
	Talk   Class = "talk" // to a socket: to systemd, above all
)

// Applies reports whether a fault can befall a call: sockets and mounts know
// nothing of disks, and only what takes space can lack it.
func (f Fault) Applies(c Call) bool {
	switch f {
	case Kill, PowerCut:
		return true
	case NoSpace, DiskFull:
		return c.Class == Create || c.Class == Write || c.Class == Sync || c.takesSpace()
	case IOError, DiskGone:
		return c.Class != Talk && c.Class != Mount
	case ReadOnly:
		return c.Class != Talk && c.Class != Mount
	case Short:
		return c.Class == Write && c.bytes > 1
	case None:
	}
	return false
}

// goesOn reports whether the fault befalls later calls as well.
func (f Fault) goesOn() bool { return f == DiskFull || f == DiskGone || f == ReadOnly }

func (f Fault) errno() unix.Errno {
	switch f {
	case NoSpace, DiskFull:
		return unix.ENOSPC
	case ReadOnly:
		return unix.EROFS
	case None, Kill, IOError, DiskGone, Short, PowerCut:
	}
	return unix.EIO
}

// Call is one counted system call.
type Call struct {
	N       int    // from 1
	Name    string // such as renameat2
	Class   Class
	Program string // which program of the tree made it
	bytes   uint64 // how many a write wants to write
}

// takesSpace reports whether a call that changes metadata or names needs space
// on a disk.
func (c Call) takesSpace() bool {
	switch c.Name {
	case "rename", "renameat", "renameat2", "setxattr", "fsetxattr", "lsetxattr", "fallocate":
		return true
	}
	return false
}
