package local

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// clearStaleLocks removes the lock files of shadow's tools (/etc/passwd.lock
// and others, which hold a process id) whose process is gone or is no account
// tool: they outlive a tool that was killed, and a recycled process id, or a
// restart, makes them last for ever. It works under /etc/.pwd.lock, which every
// tool holds for as long as its lock files exist; while somebody holds that,
// nothing is stale.
//
// It tells of what it has removed.
func clearStaleLocks(etc string, tell func(string)) error {
	var found []string
	for _, db := range []string{"passwd", "group", "shadow", "gshadow", "subuid", "subgid"} {
		path := filepath.Join(etc, db+".lock")
		if _, err := os.Lstat(path); err == nil {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(etc, ".pwd.lock"), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("cannot see whether %s is stale: %w", found[0], err)
	}
	defer f.Close()
	// An open file description's lock conflicts with the process locks of
	// lckpwdf(3), but is not lost when another part of this process closes
	// the file.
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: 0}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot lock %s: %w", f.Name(), err)
	}
	for _, path := range found {
		if err := removeStaleLock(path, tell); err != nil {
			return err
		}
	}
	return nil
}

func removeStaleLock(path string, tell func(string)) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot see whether %s is stale: %w", path, err)
	}
	if lockHolderLives("/proc", data) {
		return nil
	}
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot remove stale lock: %w", err)
	}
	tell(fmt.Sprintf("removed %s, a lock that has outlived its account tool: it named %q", path, bytes.Trim(data, "\x00 \n")))
	return nil
}

// accountTools are the programs that make lock files in /etc. The kernel cuts
// names to 15 characters; all of these are shorter.
func accountTools() []string {
	return []string{
		"chage", "chfn", "chgpasswd", "chpasswd", "chsh", "gpasswd", "groupadd", "groupdel",
		"groupmems", "groupmod", "grpck", "grpconv", "grpunconv", "newusers", "passwd", "pwck",
		"pwconv", "pwunconv", "useradd", "userdel", "usermod", "vigr", "vipw",
	}
}

// lockHolderLives reports whether a lock file's content names a process that
// runs and is an account tool. Content that is no process id has no holder.
func lockHolderLives(proc string, content []byte) bool {
	pid, err := strconv.Atoi(string(bytes.Trim(content, "\x00 \n")))
	if err != nil || pid <= 0 {
		return false
	}
	comm, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "comm"))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESRCH)
	}
	return slices.Contains(accountTools(), strings.TrimSpace(string(comm)))
}
