package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// separationDir is the directory without which sshd says nothing. Its unit removes it when
// it stops.
const separationDir = "/run/sshd"

// separated runs f where sshd finds its directory also while it is stopped: on a thread
// with mounts of its own, of which /run holds nothing but that and what is staged. What
// sshd would make of a configuration can be asked then, and the host is not changed.
func (h *Host) separated(f func() error) error {
	if _, err := os.Lstat(separationDir); !errors.Is(err, fs.ErrNotExist) || os.Geteuid() != 0 {
		return f()
	}
	var err error
	onOwnThread(func() {
		if err = standIn(h.runDir()); err == nil {
			err = f()
		}
	})
	return err
}

// standIn covers /run for this thread, and the programs that it starts, by one in which
// there is nothing but sshd's directory and the staged one.
func standIn(staged string) error {
	fail := func(what string, err error) error {
		return fmt.Errorf("cannot ask sshd, which is stopped: %s: %w", what, err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fail("no mount namespace", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fail("cannot make mounts private", err)
	}
	fd, err := unix.Open(staged, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) // of these mounts
	if err != nil {
		return fail("cannot open "+staged, err)
	}
	defer unix.Close(fd)
	if err := unix.Mount("none", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=64k,mode=0755"); err != nil {
		return fail("cannot cover /run", err)
	}
	if err := errors.Join(os.MkdirAll(separationDir, 0o755), os.MkdirAll(staged, 0o700)); err != nil {
		return fail("cannot make directories", err)
	}
	if err := unix.Mount(fmt.Sprintf("/proc/thread-self/fd/%d", fd), staged, "", unix.MS_BIND, ""); err != nil {
		return fail("cannot show what is staged", err)
	}
	return nil
}
