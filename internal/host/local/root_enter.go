package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// EnterRoot makes the tree of a machine that does not run this process's own root, with
// the repository at InRootSpec and the program at InRootProgram. It is for a process
// that InRoot has started: process 1 of its own world.
func EnterRoot(dir, repository string) error {
	if os.Getpid() != 1 {
		return errors.New("it is for opsafe itself: say --root DIR")
	}
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("cannot find the program that runs: %w", err)
	}
	mounts := []struct {
		what, source, target, kind string
		flags                      uintptr
		data                       string
	}{
		{"keep its mounts to itself", "", "/", "", unix.MS_REC | unix.MS_PRIVATE, ""},
		{"make the tree a mount", dir, dir, "", unix.MS_BIND | unix.MS_REC, ""},
		{"mount /proc", "proc", dir + "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		// The kernel's settings are those of this machine.
		{"have /proc/sys by itself", dir + "/proc/sys", dir + "/proc/sys", "", unix.MS_BIND, ""},
		{"protect /proc/sys", "", dir + "/proc/sys", "", unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"mount /sys", "sysfs", dir + "/sys", "sysfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY, ""},
		{"mount /dev", "tmpfs", dir + "/dev", "tmpfs", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=755,size=1m"},
		{"mount /run", "tmpfs", dir + "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=755"},
	}
	for _, m := range mounts {
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("cannot %s: %w", m.what, err)
		}
	}
	if err := devices(dir + "/dev"); err != nil {
		return err
	}
	if err := bringIn(dir, program, repository); err != nil {
		return err
	}
	if err := unix.Chroot(dir); err != nil {
		return fmt.Errorf("cannot enter the tree: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return fmt.Errorf("cannot enter the tree: %w", err)
	}
	name, err := os.ReadFile("/etc/hostname")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := unix.Sethostname([]byte(firstWord(string(name), "localhost"))); err != nil {
		return fmt.Errorf("cannot take the tree's hostname: %w", err)
	}
	return nil
}

func firstWord(text, otherwise string) string {
	if words := strings.Fields(text); len(words) > 0 {
		return words[0]
	}
	return otherwise
}

// devices makes what every program may count on.
func devices(dev string) error {
	for _, d := range []struct {
		name         string
		major, minor uint32
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}} {
		at := filepath.Join(dev, d.name)
		if err := unix.Mknod(at, unix.S_IFCHR|0o666, int(unix.Mkdev(d.major, d.minor))); err != nil { //nolint:gosec // small numbers
			return fmt.Errorf("cannot make the device %s: %w", d.name, err)
		}
		if err := os.Chmod(at, 0o666); err != nil { //nolint:gosec // as everywhere
			return err
		}
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"} {
		if err := os.Symlink(to, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	for name, mount := range map[string][2]string{"pts": {"devpts", "newinstance,ptmxmode=0666,mode=620"}, "shm": {"tmpfs", "mode=1777"}} {
		at := filepath.Join(dev, name)
		if err := os.Mkdir(at, 0o755); err != nil { //nolint:gosec // as everywhere
			return err
		}
		if err := unix.Mount(name, at, mount[0], unix.MS_NOSUID|unix.MS_NOEXEC, mount[1]); err != nil {
			return fmt.Errorf("cannot mount /dev/%s: %w", name, err)
		}
	}
	return nil
}

// bringIn makes the program and the repository visible in the tree, to be read only.
func bringIn(dir, program, repository string) error {
	for _, d := range []string{InRootDir, InRootSpec, "/run/lock", "/run/sshd"} {
		if err := os.Mkdir(dir+d, 0o755); err != nil { //nolint:gosec // nothing secret is in it
			return err
		}
	}
	if err := os.WriteFile(dir+InRootProgram, nil, 0o755); err != nil { //nolint:gosec // a place for the program
		return err
	}
	for from, to := range map[string]string{program: InRootProgram, repository: InRootSpec} {
		if err := unix.Mount(from, dir+to, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot have %s in the tree: %w", from, err)
		}
		if err := unix.Mount("", dir+to, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("cannot have %s in the tree: %w", from, err)
		}
	}
	return nil
}

// ForbidServices has Debian's tools start no service, as long as the process lives that
// has entered a tree: InRoot takes it away.
func ForbidServices() error {
	f, err := os.OpenFile(policyFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o755) //nolint:gosec // a program
	if errors.Is(err, fs.ErrExist) {
		return nil // the tree has its own rules
	}
	if err != nil {
		return fmt.Errorf("cannot keep services from starting: %w", err)
	}
	_, err = f.WriteString(policyText)
	return errors.Join(err, f.Close())
}
