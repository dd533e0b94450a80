package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"opsafe/internal/debian"
	"opsafe/internal/notes"

	"golang.org/x/sys/unix"
)

// Dead is what the record of a run says that died: what it was about to change, so
// that what it has left there is opsafe's own. The zero value is no such run.
type Dead struct {
	Started            time.Time
	Accounts, Packages bool
	// Users and Groups are those that were there before it: it may have been at
	// removing them.
	Users, Groups []string
}

// Tidy clears away what a run of opsafe has left that died, and that no change
// would come across: locks and half-written copies of the account databases,
// dpkg's database in pieces, and content that was staged for checks or among
// opsafe's own records. It says what it has done. In opsafe's own directories, what
// nobody has locked any more is opsafe's own, record or not. Elsewhere, what is older than that run, or
// was none of its business, somebody else has left: it stays. What is staged beside
// the files that it was for is swept by the change of those, the account databases here,
// since others change them, too; half an account is completed by the change of that.
func (h *Host) Tidy(ctx context.Context, dead Dead) (done []string, err error) {
	since := func(path string) bool {
		st, err := os.Lstat(path)
		// Files tell seconds and fractions of them by a coarser clock.
		return err == nil && st.ModTime().After(dead.Started.Add(-time.Second))
	}
	if dead.Accounts {
		done, err = clearStaleLocks(h.accounts.root+"/etc", since)
		dropped, dropErr := h.dropHalves(ctx, dead.Users, dead.Groups)
		done, err = append(done, dropped...), errors.Join(err, dropErr, h.sweepAt(h.accounts.root+"/etc"))
	}
	staged, stagedErr := h.tidyChecks()
	tried, triedErr := tidyTrials()
	staged, stagedErr = append(staged, tried...), errors.Join(stagedErr, triedErr)
	for _, path := range staged {
		done = append(done, "removed "+path+", which a program that died has left")
	}
	var merged []string
	var packageErr error
	if dead.Packages {
		merged, packageErr = h.tidyPackages(ctx)
	}
	return slices.Concat(done, merged), errors.Join(err, stagedErr, packageErr, h.tidyOwn())
}

// dropHalves removes the lines of shadow and gshadow of accounts and groups that were
// being removed: userdel and groupdel that end between the files leave
// them, and no tool removes such a line and no other.
func (h *Host) dropHalves(ctx context.Context, users, groups []string) (done []string, err error) {
	if len(users)+len(groups) == 0 {
		return nil, nil
	}
	h.accounts.forget()
	defer h.accounts.forget()
	db, err := h.accounts.names()
	if err != nil {
		return nil, err
	}
	for _, half := range []struct {
		file  string
		names []string
		there map[string]int
	}{{debian.Shadow, users, db.userAt}, {debian.GShadow, groups, db.groupAt}} {
		names := slices.DeleteFunc(slices.Clone(half.names), func(name string) bool { _, there := half.there[name]; return there })
		dropped, dropErr := h.dropLines(ctx, half.file, names)
		for _, name := range dropped {
			done = append(done, fmt.Sprintf("removed the line of %s from %s, whose removal it had begun", name, half.file))
		}
		err = errors.Join(err, dropErr)
	}
	return done, err
}

// ownDirs are where opsafe keeps what is its own: what a dead run staged there, no
// declared change would come across.
func ownDirs() []string {
	return []string{notes.Dir, notes.History, notes.Disabled, notes.Revoked}
}

func (h *Host) tidyOwn() error {
	var errs []error
	for _, path := range ownDirs() {
		errs = append(errs, h.sweepAt(path))
	}
	return errors.Join(errs...)
}

// sweepAt sweeps a directory, if it is there.
func (h *Host) sweepAt(path string) error {
	dir, err := h.openDir(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(h.sweep(dir), unix.Close(dir))
}

// tidyTrials removes the keys of trials: a trial is a part of a run, and there is
// one run at a time.
func tidyTrials() (removed []string, err error) {
	entries, err := os.ReadDir(trialDir)
	if err != nil {
		return nil, fmt.Errorf("cannot look for what dead runs left: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(trialDir, e.Name())
		if !e.IsDir() || !strings.HasPrefix(e.Name(), trialPrefix) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return removed, fmt.Errorf("cannot remove what a dead run left: %w", err)
		}
		removed = append(removed, path)
	}
	return removed, nil
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
