package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
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
	defer o.close()
	if _, err := o.look("."); err != nil {
		return err
	}
	for _, part := range []string{peopleFile, backendsDir, keysDir} {
		err := fs.WalkDir(root.FS(), part, func(p string, _ fs.DirEntry, err error) error {
			// WalkDir follows a part that is a link: what is there is looked at here.
			there, look := o.look(p)
			if look != nil || !there {
				return look
			}
			if err != nil && len(o.found) == 0 {
				return fmt.Errorf("cannot check who can write the repository: %w", err)
			}
			return nil
		})
		if err != nil {
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

	// in is the directory whose names are looked at, at the path at: nil for the root.
	in *os.Root
	at string
}

func (o *owners) close() {
	if o.in != nil {
		o.in.Close()
	}
	o.in, o.at = nil, ""
}

// lstat looks at p. The names of a directory come one after the other, and its path is
// gone through for the first of them only.
func (o *owners) lstat(p string) (fs.FileInfo, error) {
	dir, name := path.Split(p)
	if dir == "" {
		return o.root.Lstat(p)
	}
	if dir != o.at || o.in == nil {
		o.close()
		var err error
		if o.in, err = o.root.OpenRoot(path.Clean(dir)); err != nil {
			o.in = nil
			return o.root.Lstat(p)
		}
		o.at = dir
	}
	return o.in.Lstat(name)
}

func (o *owners) look(p string) (there bool, err error) {
	info, err := o.lstat(p)
	if errors.Is(err, fs.ErrNotExist) && p != "." {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot check who can write the repository: %w", err)
	}
	name := filepath.Join(o.dir, p)
	if uid := ownerOf(info); uid != 0 {
		o.add(fmt.Sprintf("%s belongs to uid %d", name, uid))
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return true, o.link(p)
	}
	if m := info.Mode().Perm(); m&0o022 != 0 {
		o.add(fmt.Sprintf("%s has mode %04o", name, m))
	}
	return true, nil
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
