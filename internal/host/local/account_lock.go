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

	"opsafe/internal/words"
)

// staleLocks lists locks of shadow's tools (passwd.lock and others, which hold a
// process id) that have outlived their tools: a recycled process id, or a restart,
// makes them last for ever. While somebody holds /etc/.pwd.lock, as every tool does
// for as long as these files exist, nothing is stale.
func staleLocks(etc string) ([]string, error) {
	found, err := accountTemps(etc)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(path string) bool {
		data, err := os.ReadFile(path)
		return !isLock(path) || err != nil || lockHolderLives("/proc", data)
	})
	if len(found) == 0 || pwdLocked(etc) {
		return nil, nil
	}
	return found, nil
}

// isLock tells the lock of a database from what is on its way to be one.
func isLock(path string) bool { return strings.HasSuffix(path, ".lock") }

// clearStaleLocks removes what shadow's tools leave in /etc when they are killed
// and no such tool is at work any more, of the files that mine accepts: locks, and
// passwd.ID and passwd+, which a lock and a new database are made from. It works
// under /etc/.pwd.lock, and says what it has removed.
func clearStaleLocks(etc string, mine func(path string) bool) (removed []string, err error) {
	found, err := accountTemps(etc)
	found = slices.DeleteFunc(found, func(path string) bool { return !mine(path) })
	if err != nil || len(found) == 0 {
		return nil, err
	}
	unlock, err := lockPwd(etc)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot see whether %s is stale: %w", found[0], err)
	}
	defer unlock()
	for _, path := range found {
		what, err := removeStaleLock(path)
		if err != nil {
			return removed, err
		}
		if what != "" {
			removed = append(removed, what)
		}
	}
	return removed, nil
}

// accountsInUse reports whether somebody works on the account databases: holds
// /etc/.pwd.lock, or has lock files that are not stale.
func accountsInUse(etc string) bool {
	found, err := accountTemps(etc)
	if err != nil {
		return false
	}
	for _, path := range found {
		if data, err := os.ReadFile(path); err == nil && lockHolderLives("/proc", data) {
			return true
		}
	}
	return pwdLocked(etc)
}

// pwdLocked reports whether somebody holds /etc/.pwd.lock.
func pwdLocked(etc string) bool {
	f, err := os.Open(filepath.Join(etc, ".pwd.lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: 0}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock) == nil && lock.Type != unix.F_UNLCK
}

// accountTemp are the names that shadow's tools give to locks and to what is on
// its way to a database.
var accountTemp = words.Pattern(`^(passwd|group|shadow|gshadow|subuid|subgid)(\.lock|\.[0-9]+|\+)$`)

func accountTemps(etc string) ([]string, error) {
	dir, err := os.Open(etc)
	if err != nil {
		return nil, fmt.Errorf("cannot look for stale locks: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("cannot look for stale locks: %w", err)
	}
	var found []string
	for _, name := range names {
		if strings.IndexByte("pgs", name[0]) < 0 || !accountTemp().MatchString(name) {
			continue
		}
		path := filepath.Join(etc, name)
		if st, err := os.Lstat(path); err == nil && st.Mode().IsRegular() {
			found = append(found, path)
		}
	}
	slices.Sort(found)
	return found, nil
}

// removeStaleLock removes one of them unless the process that it names lives, and
// says so. A new database names none, nor does a lock that was cut short.
func removeStaleLock(path string) (removed string, err error) {
	said := fmt.Sprintf("removed %s, which an account tool that died has left", path)
	if !strings.HasSuffix(path, "+") {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		if err != nil {
			return "", fmt.Errorf("cannot see whether %s is stale: %w", path, err)
		}
		if lockHolderLives("/proc", data) {
			return "", nil
		}
		said = fmt.Sprintf("removed %s, a lock that has outlived its account tool: it named %q", path, bytes.Trim(data, "\x00 \n"))
	}
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot remove stale lock: %w", err)
	}
	return said, nil
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
