package local

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

func (h *Host) removeUnpacked(ctx context.Context, s host.RemoveUnpacked) error {
	if err := h.removeUnpackedAt(ctx, s); err != nil {
		return fmt.Errorf("cannot remove the tree %s: %w", s.Path, err)
	}
	return nil
}

// removeUnpackedAt moves a tree out of sight, and empties it there.
func (h *Host) removeUnpackedAt(ctx context.Context, s host.RemoveUnpacked) error {
	if note, err := h.readTree(s.Name, noteName(s.Path)); err != nil {
		return err
	} else if note == nil {
		return errors.New("opsafe has not unpacked it: remove it by hand")
	}
	dir, name, err := h.openParent(s.Path)
	if absent(err) {
		return h.forgetTree(s.Name, s.Path)
	}
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	there, err := inodeOf(dir, name)
	if err != nil {
		return err
	}
	note, judged, err := h.resume(ctx, dir, s.Name, s.Path, there)
	if err != nil {
		return err
	}
	if there == 0 {
		return h.forgetTree(s.Name, s.Path)
	}
	if err := judged.lost(s.Changed, s.Path); err != nil {
		return err
	}
	aside, err := newStageName(treePrefix)
	if err != nil {
		return err
	}
	note.Stage = &treeStage{Name: aside, Old: there, Changed: s.Changed}
	if err := h.writeTree(note); err != nil {
		return err
	}
	if err := unix.Renameat2(dir, name, dir, aside, unix.RENAME_NOREPLACE); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	// It is compared once more now that nobody finds it by its name.
	if err := h.spare(ctx, dir, note, s.Path); err != nil {
		back := unix.Renameat2(dir, aside, dir, name, unix.RENAME_NOREPLACE)
		if back != nil {
			return errors.Join(err, fmt.Errorf("cannot put it back in its place: it is %s beside it: %w", aside, back))
		}
		note.Stage = nil
		return errors.Join(err, syncDir(dir), h.writeTree(note))
	}
	if err := h.clear(dir, *note.Stage); err != nil {
		return err
	}
	return h.forgetTree(s.Name, s.Path)
}
