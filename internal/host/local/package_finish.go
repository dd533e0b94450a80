package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// finishPackages finishes what a package manager that was stopped left half
// done. It costs nothing if there is nothing.
func (h *Host) finishPackages(ctx context.Context) error {
	status, err := h.packages.dpkg()
	if err != nil {
		return err
	}
	broken, torn := status.broken(), status.torn()
	unmerged, err := dpkgUpdates(h.packages.root + "/var/lib/dpkg")
	if err != nil {
		return fmt.Errorf("cannot see whether a dpkg has died: %w", err)
	}
	if len(broken) == 0 && len(torn) == 0 && len(unmerged) == 0 {
		return nil
	}
	defer h.packages.forget()
	err = h.configurePackages(ctx)
	if err != nil || len(torn) > 0 {
		// Dpkg has configured what it could. The others lack what they need.
		err = h.mendPackages(ctx, torn)
	}
	if err != nil {
		return fmt.Errorf("cannot finish the interrupted installation of %s: run dpkg --configure -a by hand and mend what it names: %w", strings.Join(broken, ", "), err)
	}
	return nil
}

func (h *Host) configurePackages(ctx context.Context) error {
	argv := append([]string{"dpkg"}, keepConf()...)
	return h.packageTool(ctx, append(argv, "--configure", "-a")...)
}

// mendPackages unpacks packages anew that are torn, and installs what packages need that
// are there without it. Nothing else is upgraded by it, and nothing goes.
func (h *Host) mendPackages(ctx context.Context, torn []string) error {
	args := append([]string{"--no-install-recommends", "--fix-broken", "--reinstall", changeHeld, "install", "--"}, torn...)
	sim, err := simulate(ctx, args)
	if err != nil {
		return err
	}
	sim.installs = slices.DeleteFunc(sim.installs, func(p simulated) bool { return slices.Contains(torn, p.name) })
	if err := sim.refuseInstall(torn, nil); err != nil {
		return err
	}
	return h.packageTool(ctx, aptGet(args...)...)
}

// tidyPackages has dpkg merge what a run of opsafe that died amid a step on packages
// has left of its database. Until then nobody can install anything. Nothing is
// configured: that is a change, to be planned. What others left is theirs.
func (h *Host) tidyPackages(ctx context.Context) (done []string, err error) {
	dir := h.packages.root + "/var/lib/dpkg"
	if held(dir+"/lock") || held(dir+"/lock-frontend") {
		return nil, nil // what is in pieces is somebody's work
	}
	left, err := dpkgUpdates(dir)
	if err != nil {
		return nil, err
	}
	if len(left) > 0 {
		defer h.packages.forget()
		// To set no selections is the least that has it merge.
		if err := h.packageTool(ctx, "dpkg", "--set-selections"); err != nil {
			return nil, fmt.Errorf("cannot merge what a dpkg that died has left of its database: %w", err)
		}
		done = []string{"had dpkg merge its database, which a run of opsafe that died has left in pieces"}
	}
	return done, nil
}

// held reports whether another process has a lock on a file, in the way of
// dpkg's.
func held(path string) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: 0}
	return unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lock) == nil && lock.Type != unix.F_UNLCK //nolint:gosec // a descriptor is not negative
}

// packageTool runs apt or dpkg, and brings to disk what they have written: they
// may have been told to leave that to chance (force-unsafe-io). Once begun it is
// not killed when ctx ends, since packages would be left half-configured; while
// it only waits for another's lock, it is given up.
func (h *Host) packageTool(ctx context.Context, argv ...string) error {
	argv, tell := h.followApt(argv)
	err := retry(ctx, dpkgPatience, dpkgPause, dpkgLocked, func() error {
		_, err := run(context.WithoutCancel(ctx), argv, runOptions{env: packageEnv(), status: tell})
		return err
	})
	if err != nil {
		return err
	}
	return syncDisks("/", "/etc", "/usr", "/var")
}

// syncDisks brings to disk what has been written to the file systems on which
// the paths lie.
func syncDisks(paths ...string) error {
	synced := map[uint64]bool{}
	for _, path := range paths {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil || synced[st.Dev] {
			continue
		}
		synced[st.Dev] = true
		if err := syncDisk(path); err != nil {
			return fmt.Errorf("cannot bring what is on %s to disk: %w", path, err)
		}
	}
	return nil
}

func syncDisk(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Syncfs(fd)
}
