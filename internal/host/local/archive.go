package local

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

func (h *Host) unpack(ctx context.Context, s host.Unpack) error {
	if err := h.unpackAt(ctx, s); err != nil {
		return fmt.Errorf("cannot unpack %s: %w", s.Source, err)
	}
	return nil
}

// unpackAt unpacks an archive beside its place. What a run that died has left there
// goes first. A note is written before anything else is, so that the next run knows
// what is whose.
func (h *Host) unpackAt(ctx context.Context, s host.Unpack) error {
	a := s.Archive
	dir, name, err := h.openParent(a.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	there, err := inodeOf(dir, name)
	if err != nil {
		return err
	}
	note, judged, err := h.resume(ctx, dir, a.Name, a.Path, there)
	if err != nil {
		return err
	}
	if there != 0 && note == nil {
		return fmt.Errorf("something is at %s that opsafe has not unpacked: move it away first", a.Path)
	}
	repair := there != 0 && note.Same(a)
	switch {
	case repair:
		err = judged.unplanned(s.Changed, a.Path)
	case there != 0:
		err = judged.lost(s.Changed, a.Path)
	}
	if err != nil {
		return err
	}
	if repair && len(judged.changed) == 0 { // all that was left to do is done
		note.Stage = nil
		return h.writeTree(note)
	}
	fill, err := h.filling(ctx, a)
	if err != nil {
		return err
	}
	defer fill.close()
	if note == nil {
		note = &treeNote{Archive: a, When: time.Now().UTC()}
	}
	stage, err := h.beginTree(dir, note, there)
	if err != nil {
		return err
	}
	defer stage.discard()
	note.Stage.Changed = s.Changed
	members, err := h.build(ctx, stage.fd(), a, fill)
	if err != nil {
		return errors.Join(err, h.abandon(stage, note, there))
	}
	// A directory comes before what is in it.
	slices.SortFunc(members, func(a, b noteMember) int { return strings.Compare(a.Path, b.Path) })
	become := &treeNote{Archive: a, When: time.Now().UTC(), Members: members}
	if repair {
		become.When = note.When
		become.Members, err = h.repair(dir, name, stage, judged, members)
	} else {
		err = h.takePlace(ctx, stage, name, note, become)
	}
	if err != nil {
		return err
	}
	if err := h.clear(dir, *note.Stage); err != nil {
		return err
	}
	return h.writeTree(become)
}

// resume reads the note of a tree, nil for none; clears up what a run that died has left
// beside the tree, and compares the tree with the note.
func (h *Host) resume(ctx context.Context, dir int, archive, at string, there uint64) (*treeNote, *treeJudge, error) {
	note, err := h.readTree(archive, noteName(at))
	if err != nil || note == nil {
		return nil, nil, err
	}
	if note.Stage != nil {
		err := h.spare(ctx, dir, note, path.Join(path.Dir(at), note.Stage.Name))
		if err == nil {
			err = h.clearAt(dir, *note.Stage)
		}
		if err != nil {
			return nil, nil, errLeft(*note.Stage, err)
		}
	}
	note = note.of(there)
	judged, err := h.compareTree(ctx, note)
	return note, judged, err
}

// beginTree makes a directory beside a tree, and notes that it is there.
func (h *Host) beginTree(dir int, note *treeNote, there uint64) (*stage, error) {
	stage, err := newStageDirAs(dir, treePrefix)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	err = unix.Fstat(stage.fd(), &st)
	if err == nil { // nothing is inherited
		err = h.setAccessFD(stage.fd(), host.AccessOf(0o700))
	}
	if err == nil {
		note.Stage = &treeStage{Name: stage.name, New: st.Ino, Old: there}
		err = h.writeTree(note)
	}
	if err != nil {
		stage.discard()
		return nil, err
	}
	return stage, nil
}

// abandon leaves things as they were before a tree was begun.
func (h *Host) abandon(s *stage, note *treeNote, there uint64) error {
	if err := h.clear(s.dir, *note.Stage); err != nil {
		return err
	}
	if there == 0 {
		return h.forgetTree(note.Name, note.Path)
	}
	note.Stage = nil
	return h.writeTree(note)
}

// takePlace gives a new tree its name. What it is to become is noted before: from then
// on it is known what is in whichever tree has the name. It is closed until it is its
// owner's.
func (h *Host) takePlace(ctx context.Context, s *stage, name string, note, become *treeNote) error {
	note.Stage.Next = become
	if err := h.writeTree(note); err != nil {
		return err
	}
	if note.Stage.Old == 0 {
		if err := s.rename(name, unix.RENAME_NOREPLACE); err != nil {
			return err
		}
	} else if err := h.exchange(ctx, s, name, note); err != nil {
		return err
	}
	s.done = true
	uid, gid, err := h.owners(become.Owner, become.Group)
	if err != nil {
		return err
	}
	if err := h.setAllFD(s.fd(), uid, gid, host.AccessOf(become.Mode)); err != nil {
		return err
	}
	return syncDir(s.dir)
}
