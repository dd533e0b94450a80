package fault

import "golang.org/x/sys/unix"

// auditArch is the architecture whose numbers of system calls these are.
const auditArch = unix.AUDIT_ARCH_X86_64

// oldCalls are those that younger architectures do not have.
func oldCalls() []sysCall {
	return []sysCall{
		{unix.SYS_OPEN, "open", Create, -1, 1, -1},
		plain(unix.SYS_CREAT, "creat", Create),
		plain(unix.SYS_MKDIR, "mkdir", Create),
		plain(unix.SYS_MKNOD, "mknod", Create),
		plain(unix.SYS_LINK, "link", Create),
		plain(unix.SYS_SYMLINK, "symlink", Create),
		plain(unix.SYS_RENAME, "rename", Name),
		plain(unix.SYS_UNLINK, "unlink", Name),
		plain(unix.SYS_RMDIR, "rmdir", Name),
		plain(unix.SYS_CHMOD, "chmod", Meta),
		plain(unix.SYS_CHOWN, "chown", Meta),
		plain(unix.SYS_LCHOWN, "lchown", Meta),
		plain(unix.SYS_UTIME, "utime", Meta),
		plain(unix.SYS_UTIMES, "utimes", Meta),
		plain(unix.SYS_FUTIMESAT, "futimesat", Meta),
	}
}
