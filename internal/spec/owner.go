package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxNamed is how many paths an error about owners names.
const maxNamed = 5

// checkOwners refuses a repository that others than root can write: whoever
// can change what root applies is root. It looks at everything that is read of
// it, through the descriptor that it is read from: the directory itself,
// developers.yaml, and all below backends/ and keys/. A sticky bit is no
// excuse. The directory's path, dir, is for messages.
func checkOwners(root *os.Root, dir string) error {
	o := owners{root: root, dir: dir}
	for _, part := range []string{".", peopleFile, backendsDir, keysDir} {
		if err := o.part(part); err != nil {
			return err
		}
	}
	return o.err()
}

type owners struct {
	root  *os.Root
	dir   string
	found []string
	more  int
}

// part looks at the directory itself, or at a name in it and all below, also if that is
// a link.
func (o *owners) part(name string) error {
	info, err := o.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) && name != "." {
		return nil
	}
	if err != nil {
		return unchecked(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return unchecked(errors.ErrUnsupported)
	}
	if err := o.look(name, st.Uid, st.Mode); err != nil || name == "." {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR, unix.S_IFLNK:
		return o.below(name)
	}
	return nil
}

// below looks at all in a directory, in the order of the names, through the descriptor
// by which it is read.
func (o *owners) below(p string) error {
	dir, err := o.root.OpenFile(p, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENOTDIR) {
		return nil // a link to a file
	}
	if err != nil {
		return o.unlisted(err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return o.unlisted(err)
	}
	slices.Sort(names)
	for _, name := range names {
		var st unix.Stat_t
		err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return unchecked(fmt.Errorf("%s/%s: %w", p, name, err))
		}
		if err := o.look(p+"/"+name, st.Uid, st.Mode); err != nil {
			return err
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			if err := o.below(p + "/" + name); err != nil {
				return err
			}
		}
	}
	return nil
}

// unlisted is the error about a directory that cannot be listed, unless there is
// enough to refuse.
func (o *owners) unlisted(err error) error {
	if len(o.found) > 0 {
		return nil
	}
	return unchecked(err)
}

func unchecked(err error) error {
	return fmt.Errorf("cannot check who can write the repository: %w", err)
}

// look judges one path, by its owner and its mode.
func (o *owners) look(p string, uid, mode uint32) error {
	if uid != 0 {
		o.add(fmt.Sprintf("%s belongs to uid %d", filepath.Join(o.dir, p), uid))
	}
	if mode&unix.S_IFMT == unix.S_IFLNK {
		return o.link(p)
	}
	if mode&0o022 != 0 {
		o.add(fmt.Sprintf("%s has mode %04o", filepath.Join(o.dir, p), mode&0o777))
	}
	return nil
}

// link refuses a link out of what is checked. What it leads through is in there
// and looked at, too, so that the text of the link tells where it leads; but for
// "..", after the name of another link.
func (o *owners) link(p string) error {
	target, err := o.root.Readlink(p)
	if err != nil {
		return fmt.Errorf("cannot check who can write the repository: %w", err)
	}
	name, to := filepath.Join(o.dir, p), path.Join(path.Dir(p), target)
	switch {
	case path.IsAbs(target):
		o.add(fmt.Sprintf("%s is a link to %s, outside of what is checked", name, target))
	case ups(target) != ups(path.Clean(target)):
		o.add(fmt.Sprintf("%s is a link to %s, which goes down and up again: nobody can tell where to", name, target))
	case !inside(to):
		o.add(fmt.Sprintf("%s is a link to %s, outside of what is checked", name, filepath.Join(o.dir, to)))
	default:
		if _, err := o.root.Stat(p); err != nil {
			return fmt.Errorf("cannot follow the link %s: %w", name, cause(err))
		}
	}
	return nil
}

// ups counts how often a path goes up.
func ups(p string) int {
	n := 0
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			n++
		}
	}
	return n
}

func (o *owners) add(s string) {
	if len(o.found) == maxNamed {
		o.more++
		return
	}
	o.found = append(o.found, s)
}

func (o *owners) err() error {
	if len(o.found) == 0 {
		return nil
	}
	list := strings.Join(o.found, "; ")
	if o.more > 0 {
		list += fmt.Sprintf("; and %d more", o.more)
	}
	return fmt.Errorf("refusing the repository %s: others than root can write it: %s: mend it with: chown -R root:root %[1]s && chmod -R go-w %[1]s", o.dir, list)
}

// ownerOf is the uid of what was looked at.
func ownerOf(info fs.FileInfo) uint32 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ^uint32(0)
	}
	return st.Uid
}

// inside reports whether a path, relative to the repository, is one of those
// that a spec is made of.
func inside(file string) bool {
	first, _, below := strings.Cut(file, "/")
	return below && (first == backendsDir || first == keysDir) || file == peopleFile
}
