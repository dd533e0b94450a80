package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// countStarted runs a program under ptrace(2) and counts the processes that it
// and its children fork and the programs that they execute. Threads do not
// count: the kernel tells them apart.
func countStarted(argv []string) (int, error) {
	// Only the thread that traces may wait.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	fd := null.Fd()
	pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{fd, fd, fd}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return 0, err
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != nil {
		return 0, err
	}
	const options = unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
		unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL
	if err := unix.PtraceSetOptions(pid, options); err != nil {
		return 0, err
	}
	return follow(pid)
}

// follow lets the traced process and what it starts run to their ends.
func follow(first int) (started int, err error) {
	pid := first
	signal := 0
	for {
		// What was killed meanwhile is no longer there to go on.
		if err := unix.PtraceCont(pid, signal); err != nil && !errors.Is(err, unix.ESRCH) {
			return started, err
		}
		for {
			var status unix.WaitStatus
			pid, err = unix.Wait4(-1, &status, unix.WALL, nil)
			switch {
			case errors.Is(err, unix.EINTR):
				continue
			case errors.Is(err, unix.ECHILD):
				return started, nil
			case err != nil:
				return started, err
			}
			if pid == first && (status.Signaled() || status.ExitStatus() > 0) {
				return started, fmt.Errorf("it failed: %v", status)
			}
			if status.Stopped() {
				n, pass := judge(status)
				started += n
				signal = pass
				break
			}
		}
	}
}

// judge says how many processes or programs a stop stands for, and which signal
// has to be passed on.
func judge(status unix.WaitStatus) (started, signal int) {
	switch status.TrapCause() {
	case unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK, unix.PTRACE_EVENT_EXEC:
		return 1, 0
	case unix.PTRACE_EVENT_CLONE:
		return 0, 0
	}
	if s := status.StopSignal(); s != unix.SIGTRAP && s != unix.SIGSTOP {
		return 0, int(s)
	}
	return 0, 0
}
