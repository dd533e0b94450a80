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

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// within is how names in a tree are opened: through no link, and never out of it.
const within = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV

// A builder puts members below a directory that nobody else can enter.
type builder struct {
	*Host
	root     int // descriptor
	archive  host.Archive
	uid, gid int
	made     []noteMember
	left     int64 // bytes that may still be written
}

// build unpacks what is wanted of an archive below an open directory.
func (h *Host) build(ctx context.Context, root int, a host.Archive, fill filling) ([]noteMember, error) {
	uid, gid, err := h.owners(a.Owner, a.Group)
	if err != nil {
		return nil, err
	}
	b := &builder{Host: h, root: root, archive: a, uid: uid, gid: gid, left: maxUnpacked}
	if err := fill.into(ctx, b); err != nil {
		return nil, err
	}
	if err := unix.Syncfs(root); err != nil {
		return nil, fmt.Errorf("cannot bring what is unpacked to disk: %w", err)
	}
	return b.made, nil
}

// filling is what a tree is made of: an archive, or wheels.
type filling struct {
	archive *os.File // nil: wheels
	wheels  []openWheel
}

// filling opens what a tree is made of, as copies that nobody else can change.
func (h *Host) filling(ctx context.Context, a host.Archive) (filling, error) {
	var f filling
	var err error
	if a.Python == "" {
		f.archive, err = h.fetchArchive(ctx, a)
	} else {
		f.wheels, err = h.fetchWheels(ctx, a)
	}
	return f, err
}

func (f filling) close() {
	if f.archive != nil {
		_ = f.archive.Close()
	}
	closeWheels(f.wheels)
}

func (f filling) into(ctx context.Context, b *builder) error {
	if f.archive == nil {
		return b.venv(ctx, f.wheels)
	}
	return b.all(ctx, f.archive)
}

// all makes what is wanted of the archive.
func (b *builder) all(ctx context.Context, from *os.File) error {
	which := newMembers(b.archive)
	err := readArchive(from, b.archive.Format, func(m member, content io.Reader) error {
		return b.take(ctx, which, m, content)
	})
	if err == nil {
		err = which.complete()
	}
	return err
}

// take makes a member, with the directories that its name implies, if it is wanted.
func (b *builder) take(ctx context.Context, which *members, m member, content io.Reader) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	m, implied, ok, err := which.take(m)
	if err != nil {
		return err
	}
	for _, dir := range implied {
		if err := b.dir(dir); err != nil {
			return fmt.Errorf("cannot make its directory %s: %w", dir, err)
		}
	}
	if ok {
		err = b.add(m, content)
	}
	if err != nil {
		return fmt.Errorf("cannot unpack its member %q: %w", m.raw, err)
	}
	if len(b.made) > maxMembers { // with the directories that names imply
		return errMembers()
	}
	return nil
}

func (b *builder) add(m member, content io.Reader) error {
	switch {
	case m.kind == host.TypeDir:
		return b.dir(m.name)
	case m.kind == host.TypeSymlink:
		return b.link(m)
	case m.copyOf != "":
		fd, err := openat2(b.root, m.copyOf, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, within)
		if err != nil {
			return err
		}
		first := os.NewFile(uintptr(fd), m.copyOf) //nolint:gosec // a descriptor is not negative
		defer first.Close()
		content = first
	}
	return b.file(m, content)
}

// parent opens the directory of a name.
func (b *builder) parent(name string) (int, error) {
	return openat2(b.root, path.Dir(name), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, within)
}

func (b *builder) dir(name string) error {
	in, err := b.parent(name)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	if err := unix.Mkdirat(in, path.Base(name), 0o700); err != nil {
		return err
	}
	fd, err := openMade(in, path.Base(name))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	m := noteMember{Path: name, Type: host.TypeDir}
	b.made = append(b.made, m)
	return b.setAllFD(fd, b.uid, b.gid, m.access(b.archive))
}

func (b *builder) link(m member) error {
	in, err := b.parent(m.name)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	if err := unix.Symlinkat(m.target, in, path.Base(m.name)); err != nil {
		return err
	}
	b.made = append(b.made, noteMember{Path: m.name, Type: host.TypeSymlink, Target: m.target})
	return unix.Fchownat(in, path.Base(m.name), b.uid, b.gid, unix.AT_SYMLINK_NOFOLLOW)
}

func (b *builder) file(m member, content io.Reader) error {
	in, err := b.parent(m.name)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	fd, err := unix.Openat(in, path.Base(m.name), unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), m.name) //nolint:gosec // a descriptor is not negative
	sum := sha256.New()
	// What is written counts: a hole, and what a hard link is another name of, takes no
	// room in the archive.
	room := &limited{r: content, left: b.left}
	_, err = io.Copy(io.MultiWriter(f, sum), room)
	b.left = room.left
	made := noteMember{Path: m.name, Type: host.TypeFile, Program: m.program, SHA256: hex.EncodeToString(sum.Sum(nil))}
	if err == nil {
		err = b.setAllFD(fd, b.uid, b.gid, made.access(b.archive))
	}
	var st unix.Stat_t
	if err == nil {
		err = unix.Fstat(fd, &st)
	}
	made.seen(&st)
	b.made = append(b.made, made)
	return errors.Join(err, f.Close())
}

// seen notes what tells in a moment that a file has not been changed.
func (m *noteMember) seen(st *unix.Stat_t) {
	m.Size, m.MTime, m.CTime = st.Size, st.Mtim.Nano(), st.Ctim.Nano()
}
