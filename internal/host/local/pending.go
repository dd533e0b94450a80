package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// pendingFormat is the version of the file of what is owed.
const pendingFormat = 1

type pendingFile struct {
	FormatVersion int            `json:"format_version"`
	Pending       []host.Pending `json:"pending"`
}

func (h *Host) pendingPath() string { return h.note(notes.Pending) }

// note is where a note of opsafe's own is on this machine.
func (h *Host) note(at string) string { return filepath.Join(h.options.StateDir, filepath.Base(at)) }

// Pending returns what an earlier run owed when it died, oldest first.
func (h *Host) Pending() ([]host.Pending, error) {
	h.pending.Lock()
	defer h.pending.Unlock()
	return h.readPending()
}

func (h *Host) readPending() ([]host.Pending, error) {
	data, err := h.ReadFile(h.pendingPath())
	if err != nil || data == nil {
		return nil, err
	}
	var f pendingFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("cannot read what is owed from %s: %w; move the file away after restarting what needs it", h.pendingPath(), err)
	}
	if f.FormatVersion != pendingFormat {
		return nil, fmt.Errorf("cannot read what is owed from %s: its format is %d, this opsafe knows %d", h.pendingPath(), f.FormatVersion, pendingFormat)
	}
	return f.Pending, nil
}

// owe records a restart, reload or start durably. One that is recorded already
// stays as it is; a restart includes a reload, and a start stands for itself.
func (h *Host) owe(p host.Pending) error {
	h.pending.Lock()
	defer h.pending.Unlock()
	owed, err := h.readPending()
	if err != nil {
		return err
	}
	for i, o := range owed {
		if o.Unit != p.Unit || (o.Verb == host.Start) != (p.Verb == host.Start) {
			continue
		}
		owed[i] = o.Join(p)
		if reflect.DeepEqual(owed[i], o) {
			return nil
		}
		return h.writePending(owed)
	}
	return h.writePending(append(owed, p))
}

// settle forgets what was owed to a unit, and the file when nothing is left.
func (h *Host) settle(s host.Settle) error {
	h.pending.Lock()
	defer h.pending.Unlock()
	owed, err := h.readPending()
	if err != nil {
		return err
	}
	var left []host.Pending
	for _, o := range owed {
		if !s.Settles(o) {
			left = append(left, o)
		}
	}
	switch {
	case len(left) == len(owed):
		return nil
	case len(left) == 0:
		return h.removePath(host.RemovePath{Path: h.pendingPath()})
	}
	return h.writePending(left)
}

func (h *Host) writePending(owed []host.Pending) error {
	data, err := json.MarshalIndent(pendingFile{FormatVersion: pendingFormat, Pending: owed}, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot record what is owed: %w", err)
	}
	if err := h.makeStateDir(); err != nil {
		return fmt.Errorf("cannot record what is owed: %w", err)
	}
	dir, name, err := h.openParent(h.pendingPath())
	if err != nil {
		return fmt.Errorf("cannot record what is owed: %w", err)
	}
	defer unix.Close(dir)
	wish := fileWish{content: append(data, '\n'), uid: os.Geteuid(), gid: os.Getegid(), access: host.AccessOf(pendingMode(owed))}
	if err := h.replace(dir, name, wish, nil); err != nil {
		return fmt.Errorf("cannot record what is owed in %s: %w", h.pendingPath(), err)
	}
	return nil
}

// pendingMode lets all read what is owed, unless it holds a file that not all
// could read.
func pendingMode(owed []host.Pending) host.Mode {
	const all = 0o004
	for _, o := range owed {
		for _, f := range o.Undo {
			if !f.Absent && f.Mode&all == 0 {
				return 0o600
			}
		}
	}
	return 0o644
}

// makeStateDir makes the directory of opsafe's records if it is not there: for
// all to read, so that a plan by somebody else than root sees what is owed.
func (h *Host) makeStateDir() error {
	there, err := h.Stat(h.options.StateDir)
	if err == nil && there != nil {
		return nil
	}
	err = h.makeDirAt(host.MakeDir{Path: h.options.StateDir, Access: host.AccessOf(0o755)})
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot make %s: %w", h.options.StateDir, err)
	}
	return nil
}
