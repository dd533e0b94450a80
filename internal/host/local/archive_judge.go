package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// Unpacked lists the trees that were unpacked under a name; see host.Archives.
func (h *Host) Unpacked(ctx context.Context, name string) ([]host.UnpackedTree, error) {
	all, err := h.readTrees(name)
	if err != nil {
		return nil, err
	}
	var out []host.UnpackedTree
	for _, n := range all {
		j, err := h.compareTree(ctx, n)
		if err != nil {
			return nil, unseen("what is in "+n.Path, fmt.Errorf("cannot compare %s with what was unpacked: %w", n.Path, err))
		}
		u := host.UnpackedTree{Archive: j.note.Archive, When: j.note.When, Gone: j.gone, Unfinished: n.Stage != nil, Added: j.added, InTheWay: j.inTheWay}
		slices.Sort(j.changed)
		u.Changed = j.changed
		if more := len(j.changed) - host.MaxUnpackedNames; more > 0 {
			u.Changed, u.More = j.changed[:host.MaxUnpackedNames], more
		}
		out = append(out, u)
	}
	return out, nil
}

// treeJudge compares a tree with what is noted of it.
type treeJudge struct {
	*Host
	ctx      context.Context //nolint:containedctx // of one look
	note     *treeNote
	uid, gid int
	left     map[string]noteMember // not met yet
	changed  []string              // absolute
	altered  []string              // absolute, those of changed that are not missing
	added    []string              // absolute, the first few
	inTheWay []string              // absolute, directories with content in the place of other members
	gone     bool
}

// maxAdded is how many paths are named that did not come out of an archive.
const maxAdded = 5

func (h *Host) compareTree(ctx context.Context, n *treeNote) (*treeJudge, error) {
	root, err := h.openDir(n.Path)
	if absent(err) {
		return &treeJudge{Host: h, ctx: ctx, note: n, gone: true}, nil
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(root)
	return h.compareIn(ctx, n, root)
}

// compareIn is compareTree of an open directory, wherever it is by now.
func (h *Host) compareIn(ctx context.Context, n *treeNote, root int) (*treeJudge, error) {
	there, err := inodeOf(root, ".")
	if err != nil {
		return nil, err
	}
	n = n.of(there)
	j := &treeJudge{Host: h, ctx: ctx, note: n, left: make(map[string]noteMember, len(n.Members))}
	for _, m := range n.Members {
		j.left[m.Path] = m
	}
	if j.uid, j.gid, err = h.owners(n.Owner, n.Group); err != nil {
		j.uid, j.gid = -1, -1 // whose it was is not there any more: nothing is as it was
	}
	if same, err := j.rights(root, host.AccessOf(n.Mode)); err != nil || !same {
		j.changed = append(j.changed, n.Path)
		if err != nil {
			return nil, err
		}
	}
	if err := j.dir(root, ""); err != nil {
		return nil, err
	}
	j.altered = slices.Clone(j.changed)
	for p := range j.left {
		j.changed = append(j.changed, path.Join(n.Path, p))
	}
	return j, nil
}

// rights reports whether something has the noted owner and group, and the access.
func (j *treeJudge) rights(fd int, want host.Access) (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, err
	}
	n, err := j.nodeAt(fd)
	return int(st.Uid) == j.uid && int(st.Gid) == j.gid && n.Access.Equal(want), err
}

// dir compares what is in a directory, whose descriptor is open.
func (j *treeJudge) dir(fd int, at string) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	names, err := namesIn(fd)
	if err != nil {
		return err
	}
	for _, name := range names {
		p := path.Join(at, name)
		m, known := j.left[p]
		if !known {
			j.add(p)
			continue
		}
		delete(j.left, p)
		same, err := j.one(fd, name, m)
		if err != nil && !absent(err) && !errors.Is(err, unix.ELOOP) {
			return fmt.Errorf("%s: %w", p, err)
		}
		if err != nil || !same {
			j.changed = append(j.changed, path.Join(j.note.Path, p))
		}
	}
	return nil
}

func (j *treeJudge) add(p string) {
	if bytecode := path.Base(p) == "__pycache__" || path.Ext(p) == ".pyc"; !bytecode && len(j.added) < maxAdded {
		j.added = append(j.added, path.Join(j.note.Path, p))
	}
}

// one reports whether what is under a name is the member.
func (j *treeJudge) one(dir int, name string, m noteMember) (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return false, err
	}
	if is := nodeType(st.Mode); is != m.Type {
		if is == host.TypeDir {
			return false, j.blocks(dir, name, m)
		}
		return false, nil
	}
	switch m.Type {
	case host.TypeDir:
		fd, err := openat2(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, within)
		if err != nil {
			return false, err
		}
		defer unix.Close(fd)
		same, err := j.rights(fd, m.access(j.note.Archive))
		if err != nil {
			return false, err
		}
		return same, j.dir(fd, m.Path)
	case host.TypeSymlink:
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(dir, name, buf)
		return err == nil && string(buf[:n]) == m.Target && int(st.Uid) == j.uid && int(st.Gid) == j.gid, err
	default:
		return j.file(dir, name, m, &st)
	}
}

// blocks takes what is in a directory that is where the member was.
func (j *treeJudge) blocks(dir int, name string, m noteMember) error {
	fd, err := openat2(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, within)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	names, err := namesIn(fd)
	if len(names) > 0 {
		j.inTheWay = append(j.inTheWay, path.Join(j.note.Path, m.Path))
	}
	for _, n := range names {
		j.add(path.Join(m.Path, n))
	}
	return err
}

// file reports whether a file is the member: by its times, or by all there is to it.
func (j *treeJudge) file(dir int, name string, m noteMember, st *unix.Stat_t) (bool, error) {
	if st.Size != m.Size {
		return false, nil
	}
	mine := int(st.Uid) == j.uid && int(st.Gid) == j.gid
	if st.Mtim.Nano() == m.MTime && st.Ctim.Nano() == m.CTime {
		return mine, nil
	}
	fd, err := openat2(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, within)
	if err != nil {
		return false, err
	}
	f := os.NewFile(uintptr(fd), name) //nolint:gosec // a descriptor is not negative
	defer f.Close()
	same, err := j.rights(fd, m.access(j.note.Archive))
	if err != nil || !same {
		return false, err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(f, m.Size+1)); err != nil {
		return false, err
	}
	return hex.EncodeToString(sum.Sum(nil)) == m.SHA256, nil
}

// lost is an error if something would be lost with the tree that nobody was told of: what
// was added to it, or what was changed after it was planned. The error names it below at.
func (j *treeJudge) lost(planned []string, at string) error {
	if len(j.added) == 0 {
		return j.unplanned(planned, at)
	}
	names := slices.Clone(j.added)
	for i, p := range names {
		names[i] = at + strings.TrimPrefix(p, j.note.Path)
	}
	return errAdded(names)
}

// unplanned is an error if something was changed after it was planned. The rights of the
// tree itself do not count: it is closed before it is emptied.
func (j *treeJudge) unplanned(planned []string, at string) error {
	if len(planned) >= host.MaxUnpackedNames { // there may be more, which the plan has counted
		return nil
	}
	for _, p := range j.altered {
		if p != j.note.Path && !slices.Contains(planned, p) {
			return fmt.Errorf("%s has been changed by hand since it was planned, and would be lost: move it away, or plan again", at+strings.TrimPrefix(p, j.note.Path))
		}
	}
	return nil
}

// errAdded refuses to replace or remove a tree to which something was added.
func errAdded(added []string) error {
	return fmt.Errorf("it holds %s, which did not come out of the archive: move it away first", strings.Join(added, ", "))
}
