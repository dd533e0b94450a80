package testhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// destroy ends the host and deletes all that is left of it. It can be called
// again, and for a host that was never finished.
func (r record) destroy() error {
	var failed []error
	if r.Leader.PID != 0 {
		// nspawn cleans up and ends by itself then.
		failed = append(failed, r.Leader.kill(10*time.Second), r.Nspawn.await(5*time.Second))
	}
	// Whoever is left was started by a boot that was interrupted.
	failed = append(failed, killGroups(r.Name, r.Owner.PID), removeNamespace(r.Name), removeGroups(r.Name))
	for _, kind := range []string{"propagate", "unix-export"} {
		failed = append(failed, removeTree(filepath.Join("/run/systemd/nspawn", kind, r.Name)))
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("cannot end host %s: %w", r.Name, err)
	}
	if err := removeTree(hostDir(r.Name)); err != nil {
		return fmt.Errorf("cannot delete host %s: %w", r.Name, err)
	}
	return nil
}

// removeTree deletes a directory tree unless something is mounted in it, which
// it unmounts first: what is mounted is not ours to delete.
func removeTree(dir string) error {
	mounts, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if err := unix.Unmount(m, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("cannot unmount %s: %w", m, err)
		}
	}
	if mounts, err = mountsBelow(dir); err != nil {
		return err
	} else if len(mounts) > 0 {
		return fmt.Errorf("something is still mounted at %v", mounts)
	}
	if err := os.RemoveAll(dir); err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	clearFlags(dir)
	return os.RemoveAll(dir)
}

// undeletable are the flags FS_IMMUTABLE_FL and FS_APPEND_FL.
const undeletable = 0x10 | 0x20

// clearFlags takes the immutable and append-only flags off, which a test may
// have left on a file and which keep even root from deleting it.
func clearFlags(dir string) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || (!e.IsDir() && !e.Type().IsRegular()) {
			return nil // what cannot be read is RemoveAll's to report
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil
		}
		defer func() { _ = unix.Close(fd) }()
		if flags, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS); err == nil && flags&undeletable != 0 {
			_ = unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, flags&^undeletable)
		}
		return nil
	})
}

// mountsBelow lists the mount points at and below dir, deepest first.
func mountsBelow(dir string) ([]string, error) {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var mounts []string
	for line := range strings.Lines(string(info)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		if m := unescape(fields[4]); m == dir || strings.HasPrefix(m, dir+"/") {
			mounts = append(mounts, m)
		}
	}
	slices.Reverse(mounts)
	return mounts, nil
}

// unescape undoes the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
