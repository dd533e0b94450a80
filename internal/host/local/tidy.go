package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Tidy clears away what runs and account tools that died have left behind and
// that no change would come across: stale locks of the account databases,
// accounts that are in one of two databases only, dpkg's database in pieces, and
// content that was staged for checks. It says what it has done. What is staged beside the files that it
// was for is swept by the change of those.
func (h *Host) Tidy(ctx context.Context) (done []string, err error) {
	done, err = clearStaleLocks(h.accounts.root + "/etc")
	staged, stagedErr := h.tidyChecks()
	for _, path := range staged {
		done = append(done, "removed "+path+", which a program that died has left")
	}
	completed, shadowErr := h.tidyShadow(ctx)
	merged, packageErr := h.tidyPackages(ctx)
	return slices.Concat(done, completed, merged), errors.Join(err, stagedErr, shadowErr, packageErr, h.tidyOwn())
}

// ownDirs are where opsafe keeps what is its own: what a dead run staged there, no
// declared change would come across.
func ownDirs() []string {
	const own = "/var/lib/opsafe"
	return []string{own, own + "/history", own + "/disabled"}
}

func (h *Host) tidyOwn() error {
	var errs []error
	for _, path := range ownDirs() {
		dir, err := h.openDir(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = errors.Join(h.sweep(dir), unix.Close(dir))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// tidyShadow makes shadow agree with passwd and gshadow with group, if a name is
// in one of the two only: so an account tool leaves them that was killed, or that
// ran out of space, between the two. A line that is added lets nobody in.
func (h *Host) tidyShadow(ctx context.Context) (done []string, err error) {
	for _, db := range []struct{ main, shadow, tool string }{{"passwd", "shadow", "pwconv"}, {"group", "gshadow", "grpconv"}} {
		etc := h.accounts.root + "/etc/"
		only, shadowErr := disagreement(etc+db.main, etc+db.shadow)
		if shadowErr != nil || len(only) == 0 {
			err = errors.Join(err, shadowErr)
			continue
		}
		if toolErr := h.convert(ctx, db.tool, only); toolErr != nil {
			err = errors.Join(err, toolErr)
			continue
		}
		done = append(done, fmt.Sprintf("ran %s, since a program that died has left %s in one of /etc/%s and /etc/%s only",
			db.tool, strings.Join(only, ", "), db.main, db.shadow))
	}
	return done, err
}

// convert runs pwconv or grpconv. Pwconv gives an account that had no line in
// shadow a password field that matches nothing, but does not look locked.
func (h *Host) convert(ctx context.Context, tool string, names []string) error {
	defer h.accounts.forget()
	if err := h.accountTool(ctx, tool); err != nil || tool != "pwconv" {
		return err
	}
	h.accounts.forget()
	for _, name := range names {
		if u, err := h.User(name); err != nil || u == nil {
			continue
		}
		if err := h.accountTool(ctx, "usermod", "-p", "!", "--", name); err != nil {
			return err
		}
	}
	return nil
}

// disagreement lists names that are in one of two databases only; of the first,
// those that point to the second. None, if there is no second one.
func disagreement(main, shadow string) ([]string, error) {
	behind, err := os.ReadFile(shadow)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot see whether account databases agree: %w", err)
	}
	front, err := os.ReadFile(main)
	if err != nil {
		return nil, fmt.Errorf("cannot see whether account databases agree: %w", err)
	}
	in := map[string]bool{}
	for line := range strings.Lines(string(behind)) {
		if f := fields(line); len(f) > 1 {
			in[f[0]] = true
		}
	}
	var only []string
	for line := range strings.Lines(string(front)) {
		f := fields(line)
		if len(f) > 1 && f[1] == "x" && !in[f[0]] {
			only = append(only, f[0])
		}
		if len(f) > 1 {
			delete(in, f[0])
		}
	}
	return append(only, slices.Sorted(maps.Keys(in))...), nil
}

// tidyChecks removes directories of checks that nobody has locked.
func (h *Host) tidyChecks() (removed []string, err error) {
	runDir := h.runDir()
	entries, err := os.ReadDir(runDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look for what dead runs left: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(runDir, e.Name())
		if !e.IsDir() || !strings.HasPrefix(e.Name(), checkPrefix) || inUse(path) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return removed, fmt.Errorf("cannot remove what a dead run left: %w", err)
		}
		removed = append(removed, path)
	}
	return removed, nil
}

// inUse reports whether somebody has locked a directory, or it cannot be told.
func inUse(dir string) bool {
	d, err := os.Open(dir)
	if err != nil {
		return true
	}
	defer d.Close()
	return unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil
}
