package fault

import "golang.org/x/sys/unix"

// sysCall is a system call that changes something.
type sysCall struct {
	nr    uintptr
	name  string
	class Class
	fd    int // which argument is the descriptor that it writes to or changes; -1: none
	flags int // which argument has the flags of open(2); -1: none
	count int // which argument says how many bytes; -1: none
}

func plain(nr uintptr, name string, c Class) sysCall { return sysCall{nr, name, c, -1, -1, -1} }

func onFD(nr uintptr, name string, c Class) sysCall { return sysCall{nr, name, c, 0, -1, -1} }

// sysCalls are all that are counted. Reading ones are never stopped.
func sysCalls() []sysCall {
	return append(oldCalls(),
		sysCall{unix.SYS_OPENAT, "openat", Create, -1, 2, -1},
		plain(unix.SYS_OPENAT2, "openat2", Create),
		sysCall{unix.SYS_WRITE, "write", Write, 0, -1, 2},
		sysCall{unix.SYS_PWRITE64, "pwrite64", Write, 0, -1, 2},
		onFD(unix.SYS_WRITEV, "writev", Write),
		onFD(unix.SYS_PWRITEV, "pwritev", Write),
		onFD(unix.SYS_SENDFILE, "sendfile", Write),
		sysCall{unix.SYS_COPY_FILE_RANGE, "copy_file_range", Write, 2, -1, -1},
		sysCall{unix.SYS_SPLICE, "splice", Write, 2, -1, -1},
		onFD(unix.SYS_SENDMSG, "sendmsg", Talk),
		onFD(unix.SYS_SENDTO, "sendto", Talk),
		plain(unix.SYS_MKDIRAT, "mkdirat", Create),
		plain(unix.SYS_MKNODAT, "mknodat", Create),
		plain(unix.SYS_LINKAT, "linkat", Create),
		plain(unix.SYS_SYMLINKAT, "symlinkat", Create),
		plain(unix.SYS_RENAMEAT, "renameat", Name),
		plain(unix.SYS_RENAMEAT2, "renameat2", Name),
		plain(unix.SYS_UNLINKAT, "unlinkat", Name),
		onFD(unix.SYS_FCHMOD, "fchmod", Meta),
		plain(unix.SYS_FCHMODAT, "fchmodat", Meta),
		plain(unix.SYS_FCHMODAT2, "fchmodat2", Meta),
		onFD(unix.SYS_FCHOWN, "fchown", Meta),
		plain(unix.SYS_FCHOWNAT, "fchownat", Meta),
		plain(unix.SYS_SETXATTR, "setxattr", Meta),
		plain(unix.SYS_LSETXATTR, "lsetxattr", Meta),
		plain(unix.SYS_FSETXATTR, "fsetxattr", Meta),
		plain(unix.SYS_REMOVEXATTR, "removexattr", Meta),
		plain(unix.SYS_LREMOVEXATTR, "lremovexattr", Meta),
		plain(unix.SYS_FREMOVEXATTR, "fremovexattr", Meta),
		plain(unix.SYS_TRUNCATE, "truncate", Meta),
		onFD(unix.SYS_FTRUNCATE, "ftruncate", Meta),
		onFD(unix.SYS_FALLOCATE, "fallocate", Meta),
		plain(unix.SYS_UTIMENSAT, "utimensat", Meta),
		onFD(unix.SYS_FSYNC, "fsync", Sync),
		onFD(unix.SYS_FDATASYNC, "fdatasync", Sync),
		onFD(unix.SYS_SYNC_FILE_RANGE, "sync_file_range", Sync),
		onFD(unix.SYS_SYNCFS, "syncfs", Sync),
		plain(unix.SYS_MOUNT, "mount", Mount),
		plain(unix.SYS_UMOUNT2, "umount2", Mount),
	)
}
