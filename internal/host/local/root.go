package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Where a program that works on the tree of a machine that does not run finds itself and
// its repository: in a directory of the tree's /run, of which nothing stays.
const (
	InRootDir     = "/run/opsafe-root"
	InRootProgram = InRootDir + "/opsafe"
	InRootSpec    = InRootDir + "/spec"
)

// policyFile is what Debian's tools ask whether a package may start its services, and
// policyText says no to all (invoke-rc.d(8), exit code 101).
const (
	policyFile = "/usr/sbin/policy-rc.d"
	policyText = "#!/bin/sh\n# opsafe works on a machine that does not run: nothing is started.\nexit 101\n"
)

// OpenRoot opens the tree of a machine that does not run, and keeps other runs of opsafe
// off it until the file is closed. It refuses this machine's own, one that is no Debian
// tree, and one that is in use.
func OpenRoot(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open the tree: %w", err)
	}
	if err := checkRoot(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another run of opsafe is at work on %s: wait for it to end: %w", dir, err), f.Close())
	}
	return f, nil
}

func checkRoot(f *os.File) error {
	here, err := os.Stat("/")
	if err != nil {
		return err
	}
	there, err := f.Stat()
	if err != nil {
		return err
	}
	if os.SameFile(here, there) {
		return fmt.Errorf("%s is this machine's own root: leave --root out", f.Name())
	}
	if st, ok := there.Sys().(*syscall.Stat_t); !ok || st.Uid != 0 || there.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others than root can write %s: chown root:root, chmod go-w", f.Name())
	}
	tree, err := os.OpenRoot(f.Name())
	if err != nil {
		return err
	}
	defer tree.Close()
	for _, name := range []string{"etc/debian_version", "var/lib/dpkg/status", "usr/bin/apt-get", "usr/bin/systemctl"} {
		if _, err := tree.Stat(name); err != nil {
			return fmt.Errorf("%s is no tree of a Debian with systemd: it has no /%s; make one with debootstrap", f.Name(), name)
		}
	}
	return unusedRoot(f.Name(), there)
}

// unusedRoot is an error if a process of this machine lives in a tree.
func unusedRoot(dir string, tree fs.FileInfo) error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.Trim(e.Name(), "0123456789") != "" {
			continue
		}
		if st, err := os.Stat("/proc/" + e.Name() + "/root"); err == nil && os.SameFile(st, tree) {
			return fmt.Errorf("a system runs in %s, process %s among others: run opsafe in it, without --root, or stop it", dir, e.Name())
		}
	}
	return nil
}

// InRoot has this program work on the tree of a machine that does not run, with these
// arguments, in a world of its own: what it mounts, the processes that it and packages'
// scripts start, and the host's name end with it. It returns the program's exit code.
func InRoot(ctx context.Context, dir string, argv []string) (int, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", argv...) //nolint:gosec // this program itself
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:  unix.SIGKILL,
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) } // it ends when its step is done
	// The child is killed when the thread ends that has started it, and has what that
	// has kept.
	var err error
	onOwnThread(func() {
		if err = dropMachine(); err == nil {
			err = cmd.Run()
		}
	})
	if swept := sweepPolicy(dir); swept != nil {
		return 1, fmt.Errorf("%s keeps services from starting, and could not be removed: %w", filepath.Join(dir, policyFile), swept)
	}
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() >= 0 {
		return ended.ExitCode(), nil
	}
	if err != nil {
		return 1, fmt.Errorf("cannot work on the tree: %w", err)
	}
	return 0, nil
}

// dropMachine takes from this thread, and from what it starts, for good what acts on the
// machine that the tree is made on, whatever root is allowed else: its network, modules of
// its kernel, its clock, and its power (capabilities(7)).
func dropMachine() error {
	for _, c := range []uintptr{unix.CAP_NET_ADMIN, unix.CAP_SYS_MODULE, unix.CAP_SYS_TIME, unix.CAP_SYS_BOOT} {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			return fmt.Errorf("cannot keep packages' scripts off this machine: %w", err)
		}
	}
	return nil
}

// sweepPolicy takes out of a tree what keeps services from starting, if it is opsafe's.
func sweepPolicy(dir string) error {
	tree, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer tree.Close()
	name := strings.TrimPrefix(policyFile, "/")
	if data, err := tree.ReadFile(name); err != nil || string(data) != policyText {
		return nil // it is not there, or is the tree's own
	}
	return tree.Remove(name)
}
