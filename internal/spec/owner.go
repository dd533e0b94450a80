package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxNamed is how many paths an error about owners names.
const maxNamed = 5

// CheckOwnership refuses a repository that others than root can write: whoever
// can change what root applies is root. It looks at everything that Load reads:
// the directory itself, developers.yaml, and all below backends/ and keys/. A
// sticky bit is no excuse.
func CheckOwnership(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("cannot find the repository: %w", err)
	}
	// The real directory counts, not a link to it.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return fmt.Errorf("cannot check who can write the repository: %w", err)
	}
	o := owners{dir: dir}
	if err := o.look(dir); err != nil {
		return err
	}
	for _, part := range []string{peopleFile, backendsDir, keysDir} {
		err := filepath.WalkDir(filepath.Join(dir, part), func(p string, _ fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return fmt.Errorf("cannot check who can write the repository: %w", err)
			}
			return o.look(p)
		})
		if err != nil {
			return err
		}
	}
	return o.err()
}

type owners struct {
	dir   string
	found []string
	more  int
}

func (o *owners) look(p string) error {
	info, err := os.Lstat(p)
	if err != nil {
		return fmt.Errorf("cannot check who can write the repository: %w", err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
		o.add(fmt.Sprintf("%s belongs to uid %d", p, st.Uid))
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return o.link(p)
	}
	if m := info.Mode().Perm(); m&0o022 != 0 {
		o.add(fmt.Sprintf("%s has mode %04o", p, m))
	}
	return nil
}

// link refuses a link out of what is checked.
func (o *owners) link(p string) error {
	target, err := filepath.EvalSymlinks(p)
	if err != nil {
		return fmt.Errorf("cannot follow the link %s: %w", p, err)
	}
	rel, err := filepath.Rel(o.dir, target)
	if err != nil || !inside(rel) {
		o.add(fmt.Sprintf("%s is a link to %s, outside of what is checked", p, target))
	}
	return nil
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

// inside reports whether a path, relative to the repository, is one of those
// that a spec is made of.
func inside(file string) bool {
	first, _, below := strings.Cut(file, "/")
	return below && (first == backendsDir || first == keysDir) || file == peopleFile
}
