package testhost

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// alone runs f on an operating system thread that nothing else uses and that
// ends when f returns, so f may change what belongs to a thread: its
// namespaces, its cgroups. A child that f starts with a parent death signal
// gets that signal when f returns, not before.
func alone(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			// The main thread cannot end, it would be parked as f left it.
			// While it is locked here, f gets another one.
			alone(f)
			runtime.UnlockOSThread()
			return
		}
		f() // not unlocked: the thread ends with the goroutine
	}()
	<-done
}

// withPrivateMounts runs f on a thread whose mounts, and those of the programs
// that f starts, are seen by nobody else and vanish with the last of them.
func withPrivateMounts(f func() error) error {
	var err error
	alone(func() {
		if err = unshareMounts(); err == nil {
			err = f()
		}
	})
	return err
}

// unshareMounts gives the calling thread a mount namespace of its own. Unmounts
// outside still reach it, its own mounts do not get out.
func unshareMounts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("cannot create a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("cannot separate the mounts: %w", err)
	}
	return nil
}

// mountOverlay mounts the layers, uppermost first, and the writable directory
// upper on root. Renaming a directory of a lower layer works (redirect_dir), as
// it would on a plain disk.
func mountOverlay(root string, layers []string, upper, work string) error {
	opts := "redirect_dir=on,lowerdir="
	for i, l := range layers {
		if i > 0 {
			opts += ":"
		}
		opts += l
	}
	opts += ",upperdir=" + upper + ",workdir=" + work
	if err := unix.Mount("overlay", root, "overlay", 0, opts); err != nil {
		return fmt.Errorf("cannot mount the host's root: %w", err)
	}
	return nil
}
