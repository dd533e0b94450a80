package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"opsafe/internal/fault"
)

const (
	ioctlShutdown = 0x8004587d // EXT4_IOC_SHUTDOWN
	withoutFlush  = 2          // EXT4_GOING_FLAGS_NOLOGFLUSH: what is not on the disk yet never gets there

	diskSize = 64 << 20
)

// cutPower runs the scenario with its changes on a disk of their own that stops
// dead at a call; what has not been brought to it by then is lost. The disk is
// then mounted anew, as after a boot.
func (l *lab) cutPower(ctx context.Context, at int) (fault.Outcome, error) {
	disk, where := l.in("disk.img"), l.in("disk")
	if err := l.newDisk(disk, where); err != nil {
		return fault.Outcome{}, err
	}
	if err := errors.Join(l.begin(where), bringToDisk(where)); err != nil {
		return fault.Outcome{}, err
	}
	out, err := fault.Run(ctx, l.command(), fault.Plan{Fault: fault.PowerCut, At: at, Cut: func() error { return cut(where) }})
	if err != nil {
		return out, err
	}
	if out.Struck == nil { // it ended before: the power goes now
		if err := cut(where); err != nil {
			return out, err
		}
	}
	if err := errors.Join(l.unmount(), unix.Unmount(where, 0)); err != nil {
		return out, fmt.Errorf("cannot take the disk away: %w", err)
	}
	if err := mountDisk(disk, where); err != nil {
		return out, err
	}
	return out, l.mount(where)
}

// newDisk mounts an empty file system.
func (l *lab) newDisk(disk, where string) error {
	if err := loopDevices(); err != nil {
		return err
	}
	if err := os.MkdirAll(where, 0o755); err != nil {
		return err
	}
	if unix.Unmount(where, unix.MNT_DETACH) == nil { // of the point before
		if err := os.Remove(disk); err != nil {
			return err
		}
	}
	empty := l.in("empty.img")
	if _, err := os.Lstat(empty); err != nil {
		if err := os.WriteFile(empty, nil, 0o600); err != nil {
			return err
		}
		if err := os.Truncate(empty, diskSize); err != nil {
			return err
		}
		if out, err := exec.Command("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", empty).CombinedOutput(); err != nil { //nolint:gosec // a test's own path
			return fmt.Errorf("cannot make a file system: %w: %s", err, out)
		}
	}
	if out, err := exec.Command("cp", "--sparse=always", empty, disk).CombinedOutput(); err != nil { //nolint:gosec // a test's own path
		return fmt.Errorf("cannot copy a file system: %w: %s", err, out)
	}
	return mountDisk(disk, where)
}

// loopDevices makes the device files of loop devices, which throwaway hosts lack.
func loopDevices() error {
	const control, loops, most = 10<<8 | 237, 7, 64
	err := unix.Mknod("/dev/loop-control", unix.S_IFCHR|0o600, control)
	for i := range most {
		if err != nil && !errors.Is(err, unix.EEXIST) {
			break
		}
		err = unix.Mknod(fmt.Sprintf("/dev/loop%d", i), unix.S_IFBLK|0o600, loops<<8|i)
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("cannot make loop devices: %w", err)
	}
	return nil
}

func mountDisk(disk, where string) error {
	if out, err := exec.Command("mount", "-o", "loop", disk, where).CombinedOutput(); err != nil { //nolint:gosec // a test's own path
		return fmt.Errorf("cannot mount a disk: %w: %s", err, out)
	}
	return nil
}

// bringToDisk makes what has been set up so far outlast a power cut.
func bringToDisk(path string) error {
	d, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}

// cut stops the disk on which a path lies.
func cut(path string) error {
	d, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.IoctlSetPointerInt(int(d.Fd()), ioctlShutdown, withoutFlush); err != nil {
		return fmt.Errorf("cannot stop the disk: %w", err)
	}
	return nil
}
