package fault

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets into struct seccomp_data, see seccomp(2).
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
	argSize   = 8
)

const (
	retNotify = 0x7fc00000 // SECCOMP_RET_USER_NOTIF
	retAllow  = 0x7fff0000 // SECCOMP_RET_ALLOW

	setModeFilter = 1      // SECCOMP_SET_MODE_FILTER
	newListener   = 1 << 3 // SECCOMP_FILTER_FLAG_NEW_LISTENER
)

// writing are the flags of open(2) by which something can change.
const writing = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC

// program is the filter: calls of the table are stopped, all others go through.
// Of open(2), only those that can change something are stopped.
func program() []unix.SockFilter {
	load := func(off uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off}
	}
	equal := func(k uint32, then, otherwise uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: then, Jf: otherwise}
	}
	ret := func(k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k}
	}
	p := []unix.SockFilter{load(offArch), equal(auditArch, 1, 0), ret(retAllow), load(offNumber)}
	for _, c := range sysCalls() {
		if c.flags < 0 {
			p = append(p, equal(uint32(c.nr), 0, 1), ret(retNotify))
			continue
		}
		p = append(p, equal(uint32(c.nr), 0, 5),
			load(uint32(offArgs+c.flags*argSize)),
			unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: writing},
			equal(0, 0, 1), ret(retAllow), ret(retNotify))
	}
	return append(p, ret(retAllow))
}

// install puts the filter onto the calling thread, and with it onto whatever
// that thread becomes or starts. It returns the descriptor on which the calls
// are reported.
func install() (int, error) {
	p := program()
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, newListener, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(p)
	if errno != 0 {
		return -1, fmt.Errorf("cannot have the kernel report system calls: %w", errno)
	}
	return int(fd), nil
}
