package fault

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// report is struct seccomp_notif: a thread is stopped at a system call.
type report struct {
	id    uint64
	pid   uint32 // of the thread, as this process sees it
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

// verdict is struct seccomp_notif_resp: what becomes of the call.
type verdict struct {
	id    uint64
	value int64
	errno int32 // negative, or 0
	flags uint32
}

const (
	ioctlReceive  = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	ioctlAnswer   = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	ioctlSetFlags = 0x40082104 // SECCOMP_IOCTL_NOTIF_SET_FLAGS

	syncWakeUp  = 1 // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
	letContinue = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// errGone is what has become of a listener when nobody is left who could stop.
var errGone = errors.New("all processes have ended")

// prefer asks for quick changes between the stopped and this process. Kernels
// before 6.6 cannot, and work all the same.
func prefer(listener int) {
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listener), ioctlSetFlags, syncWakeUp)
}

// receive waits for the next stopped call.
func receive(listener int) (report, error) {
	for {
		fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return report{}, fmt.Errorf("cannot wait for system calls: %w", err)
		}
		if fds[0].Revents&unix.POLLIN == 0 {
			return report{}, errGone
		}
		var r report
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), ioctlReceive, uintptr(unsafe.Pointer(&r)))
		switch errno {
		case 0:
			return r, nil
		case unix.EINTR, unix.ENOENT: // it was killed while it waited
		default:
			return report{}, fmt.Errorf("cannot learn of a system call: %w", errno)
		}
	}
}

// answer lets the stopped thread go on. One that has been killed meanwhile
// needs no answer.
func answer(listener int, v verdict) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), ioctlAnswer, uintptr(unsafe.Pointer(&v)))
	if errno != 0 && errno != unix.ENOENT {
		return fmt.Errorf("cannot answer a system call: %w", errno)
	}
	return nil
}

// peek copies from the memory of a stopped thread.
func peek(pid uint32, at uint64, into []byte) error {
	if len(into) == 0 {
		return nil
	}
	local := []unix.Iovec{{Base: &into[0]}}
	local[0].SetLen(len(into))
	remote := []unix.RemoteIovec{{Base: uintptr(at), Len: len(into)}}
	n, err := unix.ProcessVMReadv(int(pid), local, remote, 0)
	if err == nil && n < len(into) {
		err = unix.EFAULT
	}
	return err
}

// peekString copies a string that ends with a zero byte; what cannot be read is
// empty.
func peekString(pid uint32, at uint64) string {
	var s []byte
	for len(s) < unix.PathMax {
		// Up to the end of a page: the next may not be there.
		const page = 4096
		part := make([]byte, min(page-at%page, 256))
		if peek(pid, at, part) != nil {
			return ""
		}
		for i, c := range part {
			if c == 0 {
				return string(append(s, part[:i]...))
			}
		}
		s, at = append(s, part...), at+uint64(len(part))
	}
	return ""
}
