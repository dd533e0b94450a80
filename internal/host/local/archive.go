package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

func (h *Host) unpack(ctx context.Context, s host.Unpack) error {
	if err := h.unpackAt(ctx, s.Archive); err != nil {
		return fmt.Errorf("cannot unpack %s: %w", s.Source, err)
	}
	return nil
}

// unpackAt unpacks an archive beside its place. What a run that died has left there
// goes first. A note is written before anything else is, so that the next run knows
// what is whose.
func (h *Host) unpackAt(ctx context.Context, a host.Archive) error {
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
	if there != 0 && !repair && len(judged.added) > 0 {
		return errAdded(judged.added)
	}
	if repair && len(judged.changed) == 0 { // all that was left to do is done
		note.Stage = nil
		return h.writeTree(note)
	}
	from, err := h.fetchArchive(ctx, a)
	if err != nil {
		return err
	}
	defer from.Close()
	if note == nil {
		note = &treeNote{Archive: a, When: time.Now().UTC()}
	}
	stage, err := h.beginTree(dir, note, there)
	if err != nil {
		return err
	}
	defer stage.discard()
	members, err := h.build(ctx, stage.fd(), a, from)
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
		err = h.takePlace(stage, name, note, become)
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
	note = note.of(there)
	if note.Stage != nil {
		if err := h.clear(dir, *note.Stage); err != nil {
			return nil, nil, err
		}
	}
	judged, err := h.compareTree(ctx, note)
	return note, judged, err
}

// beginTree makes a directory beside a tree, and notes that it is there.
func (h *Host) beginTree(dir int, note *treeNote, there uint64) (*stage, error) {
	stage, err := newStageDir(dir)
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
func (h *Host) takePlace(s *stage, name string, note, become *treeNote) error {
	note.Stage.Next = become
	if err := h.writeTree(note); err != nil {
		return err
	}
	if note.Stage.Old == 0 {
		if err := s.rename(name, unix.RENAME_NOREPLACE); err != nil {
			return err
		}
	} else if err := unix.Renameat2(s.dir, s.name, s.dir, name, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("cannot put the new tree in the place of the old one: %w", err)
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

// clear removes what stands under the name of a stage, if it is the stage. What of it
// cannot be removed stays closed, and in the note.
func (h *Host) clear(dir int, s treeStage) error {
	err := h.clearAt(dir, s)
	if err != nil {
		err = fmt.Errorf("cannot remove %s beside it, which is left of an earlier version or of a run that died: %w", s.Name, err)
	}
	return err
}

func (h *Host) clearAt(dir int, s treeStage) error {
	is, err := inodeOf(dir, s.Name)
	if err != nil || is == 0 || is != s.New && is != s.Old {
		return err
	}
	fd, err := openat2(dir, s.Name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, within)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := h.setAllFD(fd, os.Geteuid(), os.Getegid(), host.AccessOf(0o700)); err != nil {
		return err
	}
	if err := emptyStaged(fd); err != nil {
		return err
	}
	return unix.Unlinkat(dir, s.Name, unix.AT_REMOVEDIR)
}

// inodeOf is the number of what is under a name; 0: nothing is.
func inodeOf(dir int, name string) (uint64, error) {
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return 0, nil
	}
	return st.Ino, err
}

// repair puts new members in the place of those that are missing or changed.
func (h *Host) repair(dir int, name string, s *stage, judged *treeJudge, members []noteMember) ([]noteMember, error) {
	root, err := openat2(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, within)
	if err != nil {
		return nil, fmt.Errorf("cannot mend %s: %w", judged.note.Path, err)
	}
	defer unix.Close(root)
	was := map[string]noteMember{}
	for _, m := range judged.note.Members {
		was[m.Path] = m
	}
	for i, m := range members {
		old, known := was[m.Path]
		if at := path.Join(judged.note.Path, m.Path); known && !slices.Contains(judged.changed, at) {
			members[i] = old
			continue
		}
		if err := h.mend(s.fd(), root, &members[i], judged); err != nil {
			return nil, fmt.Errorf("cannot put %s in its place: %w", path.Join(judged.note.Path, m.Path), err)
		}
	}
	if err := h.setAllFD(root, judged.uid, judged.gid, host.AccessOf(judged.note.Mode)); err != nil {
		return nil, err
	}
	return members, unix.Syncfs(root)
}

// mend puts one member in its place.
func (h *Host) mend(from, to int, m *noteMember, j *treeJudge) error {
	in, err := openat2(to, path.Dir(m.Path), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, within)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	base := path.Base(m.Path)
	if m.Type != host.TypeDir {
		out, err := openat2(from, path.Dir(m.Path), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, within)
		if err != nil {
			return err
		}
		defer unix.Close(out)
		if err := unix.Renameat2(out, base, in, base, 0); err != nil {
			return err
		}
		var st unix.Stat_t
		err = unix.Fstatat(in, base, &st, unix.AT_SYMLINK_NOFOLLOW)
		if m.Type == host.TypeFile {
			m.seen(&st)
		}
		return err
	}
	if err := unix.Mkdirat(in, base, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	fd, err := openat2(in, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, within)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return h.setAllFD(fd, j.uid, j.gid, m.access(j.note.Archive))
}
