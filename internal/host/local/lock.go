package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// LockPath is the file on which runs that change the host exclude each other. It
// lies in a directory that does not survive a boot, and is never removed.
const LockPath = "/run/opsafe.lock"

// Lock keeps other runs from changing the host until it is released, or the
// process ends in whatever way.
type Lock struct{ file *os.File }

// LockedError says who is at work on the host.
type LockedError struct{ Holder string }

func (e *LockedError) Error() string {
	return "another run of opsafe is at work on this host: " + e.Holder
}

// TakeLock takes the lock at path, or fails at once with a *LockedError. Taking
// it writes nothing once the file is there.
func TakeLock(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the host: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder := holderOf(f)
		f.Close()
		return nil, &LockedError{Holder: holder}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot lock %s: %w", path, err)
	}
	return &Lock{file: f}, nil
}

// Release lets other runs in.
func (l *Lock) Release() { l.file.Close() }

// holderOf finds the process that holds the lock by /proc/locks, described in
// proc_locks(5), so that nothing has to be written into the file.
func holderOf(f *os.File) string {
	const nobody = "it has just ended, try again"
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nobody
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nobody
	}
	inode := fmt.Sprintf(":%d", st.Ino)
	for line := range strings.Lines(string(locks)) {
		fields := strings.Fields(line)
		const columns = 8
		if len(fields) < columns || fields[1] != "FLOCK" || !strings.HasSuffix(fields[5], inode) {
			continue
		}
		return describeProcess(fields[4])
	}
	return nobody
}

// describeProcess names a process: its id, command line, and who started it from where.
func describeProcess(pid string) string {
	line, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
	if err != nil || len(line) == 0 {
		return "process " + pid
	}
	command := string(bytes.TrimSpace(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	return fmt.Sprintf("process %s, %q", pid, command)
}
