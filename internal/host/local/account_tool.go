package local

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

const (
	// lockPatience is how long another account tool is waited for. Shadow's
	// tools wait up to 15 s each by themselves.
	lockPatience = 15 * time.Second
	lockPause    = 250 * time.Millisecond
)

// accountTool runs one of shadow's tools. It waits for others that hold the
// databases' locks, and clears locks that nobody holds any more, which the plan has
// shown. The tool is not killed when ctx ends: it works for milliseconds, and is to end whole.
func (h *Host) accountTool(ctx context.Context, argv ...string) error {
	return h.retryLocked(ctx, func() error {
		return badNameAllowed(argv, func(argv []string) error {
			_, err := run(context.WithoutCancel(ctx), argv, runOptions{})
			return err
		})
	})
}

// retryLocked repeats an account tool while the databases are locked by
// another, for lockPatience at most. Where nobody holds a lock it is the disk
// that refuses one, and waiting does not help: then the tool is repeated once
// only, for one who has just let go.
func (h *Host) retryLocked(ctx context.Context, tool func() error) error {
	etc := h.accounts.root + "/etc"
	free := 0
	again := func(err error) bool {
		if !accountsLocked(err) {
			return false
		}
		if !accountsInUse(etc) {
			free++
		}
		return free < 2
	}
	return retry(ctx, lockPatience, lockPause, again, func() error {
		// The tools say of a file system that takes nothing that they cannot lock.
		if readOnly(etc) {
			return fmt.Errorf("cannot change accounts: %s is on a read-only file system: see why (dmesg), and have it mounted for writing again", etc)
		}
		removed, err := clearStaleLocks(etc, isLock)
		for _, what := range removed {
			h.tell(what)
		}
		if err != nil {
			return err
		}
		if err := h.clearingOwn(etc, tool); err != nil {
			return err
		}
		return syncPath(etc)
	})
}

// clearingOwn runs a tool and removes what that tool has left of its own in /etc: a
// disk that refuses it the removal of a lock does not make it fail.
func (h *Host) clearingOwn(etc string, tool func() error) error {
	before, err := accountTemps(etc)
	if err != nil {
		return err
	}
	err = tool()
	removed, clearErr := clearStaleLocks(etc, func(path string) bool { return !slices.Contains(before, path) })
	for _, what := range removed {
		h.tell(what)
	}
	return errors.Join(err, clearErr)
}

// wholly runs a tool that removes accounts or groups. One that fails between the
// databases leaves lines that are nobody's any more: they go too.
func (h *Host) wholly(ctx context.Context, users, groups []string, argv ...string) error {
	err := h.accountTool(ctx, argv...)
	if err == nil {
		return nil
	}
	done, dropErr := h.dropHalves(context.WithoutCancel(ctx), users, groups)
	for _, what := range done {
		h.tell(what)
	}
	return errors.Join(err, dropErr)
}

// syncPath brings a directory to disk: shadow's tools rename new databases to
// their places, and a power cut would undo that after success has been reported.
func syncPath(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return syncDir(int(d.Fd()))
}

// readOnly reports whether a directory is on a file system that takes nothing.
func readOnly(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Flags&unix.ST_RDONLY != 0
}

// retry repeats do every pause while it fails with an error that again accepts,
// until limit has passed. The last error is returned.
func retry(ctx context.Context, limit, pause time.Duration, again func(error) bool, do func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := do()
		if err == nil || !again(err) || time.Now().After(deadline) {
			return err
		}
		if ctxErr := pauseFor(ctx, pause); ctxErr != nil {
			return errors.Join(err, ctxErr)
		}
	}
}

// pauseFor waits, or returns the context's error if that ends first.
func pauseFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// accountsLocked recognises "useradd: cannot lock /etc/passwd; try again
// later.", which every tool of shadow says in these words.
func accountsLocked(err error) bool {
	var re *runError
	return errors.As(err, &re) && strings.Contains(re.Output, "cannot lock /etc/")
}

// saneName is what opsafe takes for a name: a letter or _, then letters, digits,
// _ and -, 32 at most. Newer releases of shadow refuse capitals, which names
// from GitHub have, unless told otherwise.
func saneName(name string) bool {
	for i, c := range []byte(name) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != "" && len(name) <= 32
}

// badNameAllowed repeats useradd or groupadd with the option that its refusal of a name
// recommends (--badname or --badnames, by version), if the name is sane.
func badNameAllowed(argv []string, runTool func([]string) error) error {
	err := runTool(argv)
	var re *runError
	if !errors.As(err, &re) || !strings.HasSuffix(argv[0], "add") || !saneName(argv[len(argv)-1]) {
		return err
	}
	for _, option := range []string{"--badnames", "--badname"} {
		if strings.Contains(re.Output, option) {
			return runTool(append([]string{argv[0], option}, argv[1:]...))
		}
	}
	return err
}

// accountToolBlind is accountTool in a mount namespace of its own in which the
// directories in hide are empty and root's. Usermod re-owns a home only if the
// directory itself belongs to the old or the new uid. Nothing of this outlives
// the tool, however it ends.
func (h *Host) accountToolBlind(ctx context.Context, hide []string, argv ...string) error {
	return h.retryLocked(ctx, func() error {
		var err error
		onOwnThread(func() { // which takes its namespace with it
			if err = hideDirs(hide); err == nil {
				_, err = run(context.WithoutCancel(ctx), argv, runOptions{})
			}
		})
		return err
	})
}

// hideDirs covers directories with empty ones, for this thread and the
// programs that it starts. Root's own directories stay: no tool re-owns them,
// and the home of a system user can be / or /usr/sbin.
func hideDirs(dirs []string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("cannot keep usermod from re-owning files: no mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot keep usermod from re-owning files: cannot make mounts private: %w", err)
	}
	for _, dir := range dirs {
		var st unix.Stat_t
		if dir == "" || dir[0] != '/' || unix.Stat(dir, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			continue
		}
		if st.Uid == 0 && dir != "/var/mail" {
			continue
		}
		if err := unix.Mount("none", dir, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, "size=4k,mode=0700"); err != nil {
			return fmt.Errorf("cannot keep usermod from re-owning files: cannot cover %s: %w", dir, &os.PathError{Op: "mount", Path: dir, Err: err})
		}
	}
	return nil
}
