package local

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

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
	if err := makeWay(in, base, m.Type); err != nil {
		return err
	}
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

// makeWay removes what has the name of a member, and is of another type than it, where
// the member cannot simply take its place.
func makeWay(in int, name string, want host.NodeType) error {
	var st unix.Stat_t
	err := unix.Fstatat(in, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	is := nodeType(st.Mode)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return err
	case is == want || is != host.TypeDir && want != host.TypeDir:
		return nil
	case is != host.TypeDir:
		return unix.Unlinkat(in, name, 0)
	}
	err = unix.Unlinkat(in, name, unix.AT_REMOVEDIR)
	if errors.Is(err, unix.ENOTEMPTY) {
		return errors.New("a directory that holds something is there: move it away first")
	}
	return err
}
