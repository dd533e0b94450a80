package testhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// openGroups lets a container write to its control groups, as docker must.
// It waits for nspawn to have mounted them.
func openGroups(ctx context.Context, leader int) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		closed, complete, err := groupMounts(leader)
		if err != nil {
			return fmt.Errorf("cannot read the host's mounts: %w", err)
		}
		if complete {
			return remountWritable(leader, closed)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("its control groups are not mounted: %w", context.Cause(ctx))
		}
	}
}

// groupMounts lists the read-only control groups of a container, and tells
// whether nspawn is through with mounting: it closes the directory above last.
func groupMounts(leader int) (closed []string, complete bool, err error) {
	info, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", leader))
	if err != nil {
		return nil, false, err
	}
	const top = "/sys/fs/cgroup"
	for line := range strings.Lines(string(info)) {
		left, right, _ := strings.Cut(line, " - ")
		at, fs := strings.Fields(left), strings.Fields(right)
		if len(at) < 6 || len(fs) < 3 || !strings.HasPrefix(at[4]+"/", top+"/") {
			continue
		}
		readOnly := slices.Contains(strings.Split(at[5], ","), "ro")
		switch {
		case fs[0] == "tmpfs" && at[4] == top:
			complete = readOnly || slices.Contains(strings.Split(fs[2], ","), "ro")
		case fs[0] == "cgroup2" && at[4] == top:
			complete = true
		case readOnly:
			closed = append(closed, at[4])
		}
	}
	return closed, complete, nil
}

// remountWritable makes mounts of a container writable, from a thread that
// visits its mount namespace.
func remountWritable(leader int, mounts []string) error {
	var err error
	alone(func() {
		var fd int
		if fd, err = unix.Open(fmt.Sprintf("/proc/%d/ns/mnt", leader), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer func() { _ = unix.Close(fd) }()
		// The mounts are where the container sees them, whose root need not be
		// that of its mount namespace.
		root := 0
		if root, err = unix.Open(fmt.Sprintf("/proc/%d/root", leader), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer func() { _ = unix.Close(root) }()
		if err = unix.Unshare(unix.CLONE_FS); err != nil {
			return
		}
		if err = unix.Setns(fd, unix.CLONE_NEWNS); err != nil {
			return
		}
		if err = errors.Join(unix.Fchdir(root), unix.Chroot(".")); err != nil {
			return
		}
		const flags = unix.MS_REMOUNT | unix.MS_BIND | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RELATIME
		for _, m := range mounts {
			if err = unix.Mount("", m, "", flags, ""); err != nil {
				err = fmt.Errorf("%s: %w", m, err)
				return
			}
		}
	})
	if err != nil {
		return fmt.Errorf("cannot make the host's control groups writable: %w", err)
	}
	return nil
}
