package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// dropLines removes the lines of names from an account database, and says which were
// there. It holds the lock under which shadow's tools work.
func (h *Host) dropLines(ctx context.Context, file string, names []string) (dropped []string, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	unlock, err := lockPwd(h.accounts.root + "/etc")
	if err != nil {
		return nil, err
	}
	defer unlock()
	path := h.accounts.root + file
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot remove lines of accounts that are gone: %w", err)
	}
	var kept strings.Builder
	for line := range strings.Lines(string(data)) {
		if f := fields(line); len(f) > 1 && slices.Contains(names, f[0]) {
			dropped = append(dropped, f[0])
			continue
		}
		kept.WriteString(line)
	}
	if len(dropped) == 0 {
		return nil, nil
	}
	n, err := h.Stat(path)
	if err != nil || n == nil {
		return nil, errors.Join(fmt.Errorf("cannot remove lines from %s", path), err)
	}
	return dropped, h.writeFile(ctx, host.WriteFile{
		Path: path, Content: host.NewContent([]byte(kept.String())), Owner: n.Owner, Group: n.Group, Access: n.Access,
	})
}

// lockPwd takes /etc/.pwd.lock, as lckpwdf(3) does, or fails at once.
func lockPwd(etc string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(etc, ".pwd.lock"), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the account databases: %w", err)
	}
	// An open file description's lock conflicts with the process locks of
	// lckpwdf(3), but is not lost when another part of this process closes
	// the file.
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: 0}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}
