package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxLinks is how many links the path of a repository may lead through, as in
// path_resolution(7).
const maxLinks = 40

// openTrusted opens a directory, by an absolute path, and refuses a way to it on
// which others than root could put another directory in its place. Each
// directory is looked at through the descriptor in which the next one is opened,
// so that nothing can be exchanged in between. It also returns the path without
// links.
func openTrusted(dir string) (*os.Root, string, error) {
	top, err := os.OpenRoot("/")
	if err != nil {
		return nil, "", fmt.Errorf("cannot open the repository: %w", err)
	}
	w := &way{wanted: dir, at: []*os.Root{top}}
	defer w.close()
	rest := components(dir)
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			w.up()
			continue
		}
		target, err := w.down(name)
		if err != nil {
			return nil, "", err
		}
		if target == "" {
			continue
		}
		if w.links++; w.links > maxLinks {
			return nil, "", fmt.Errorf("cannot open the repository: %s leads through too many links", dir)
		}
		if path.IsAbs(target) {
			for len(w.names) > 0 {
				w.up()
			}
		}
		rest = append(components(target), rest...)
	}
	root := w.at[len(w.at)-1]
	w.at = w.at[:len(w.at)-1]
	return root, w.path(), nil
}

// components are the names in a path.
func components(p string) []string {
	var names []string
	for name := range strings.SplitSeq(p, "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return names
}

// way is how far a path has been walked: its open directories from / on, and the
// names of all but the first.
type way struct {
	wanted string
	at     []*os.Root
	names  []string
	links  int
}

func (w *way) path() string { return "/" + strings.Join(w.names, "/") }

func (w *way) close() {
	for _, r := range w.at {
		r.Close()
	}
}

func (w *way) up() {
	if len(w.names) == 0 {
		return
	}
	w.at[len(w.at)-1].Close()
	w.at, w.names = w.at[:len(w.at)-1], w.names[:len(w.names)-1]
}

// down goes into a directory; a link it does not follow: it returns its target.
func (w *way) down(name string) (target string, err error) {
	if err := w.trusted(); err != nil {
		return "", err
	}
	here, full := w.at[len(w.at)-1], path.Join(w.path(), name)
	info, err := here.Lstat(name)
	if err != nil {
		return "", fmt.Errorf("cannot open the repository: %s: %w", full, cause(err))
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		// In a sticky directory others cannot exchange root's links, but theirs.
		if uid := ownerOf(info); uid != 0 {
			return "", fmt.Errorf("refusing the repository %s: the link %s on the way to it belongs to uid %d, who can lead it elsewhere: mend it with: chown -h root:root %[2]s", w.wanted, full, uid)
		}
		target, err := here.Readlink(name)
		if err != nil {
			return "", fmt.Errorf("cannot open the repository: %s: %w", full, cause(err))
		}
		return target, nil
	}
	next, err := here.OpenRoot(name)
	if err != nil {
		return "", fmt.Errorf("cannot open the repository: %s: %w", full, cause(err))
	}
	w.at, w.names = append(w.at, next), append(w.names, name)
	// What was looked at is what was opened.
	opened, err := next.Stat(".")
	if err != nil {
		return "", fmt.Errorf("cannot open the repository: %s: %w", full, cause(err))
	}
	if !os.SameFile(info, opened) {
		return "", errors.New("cannot open the repository: " + full + " was exchanged meanwhile")
	}
	return "", nil
}

// trusted refuses the directory that the way has come to, if others than root
// can exchange what is in it. Where it is sticky and root's, such as /tmp, they
// cannot exchange what is root's: the next name is looked at for itself.
func (w *way) trusted() error {
	info, err := w.at[len(w.at)-1].Stat(".")
	if err != nil {
		return fmt.Errorf("cannot open the repository: %s: %w", w.path(), cause(err))
	}
	dir, m := w.path(), info.Mode()
	var why, mend []string
	if uid := ownerOf(info); uid != 0 {
		why = append(why, fmt.Sprintf("belongs to uid %d", uid))
		mend = append(mend, "chown root:root "+dir)
	}
	if m.Perm()&0o022 != 0 && (m&fs.ModeSticky == 0 || len(why) > 0) {
		why = append(why, fmt.Sprintf("has mode %04o", m.Perm()))
		mend = append(mend, "chmod go-w "+dir)
	}
	if len(why) == 0 {
		return nil
	}
	return fmt.Errorf("refusing the repository %s: others than root can put another in its place: %s above it %s: mend it with: %s, or move the repository to where only root can write",
		w.wanted, dir, strings.Join(why, " and "), strings.Join(mend, " && "))
}

// openRepository opens a repository by an absolute path.
func openRepository(dir string, rootOwned bool) (*os.Root, error) {
	if !rootOwned {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, fmt.Errorf("cannot open the repository: %w", err)
		}
		return root, nil
	}
	root, real, err := openTrusted(dir)
	if err != nil {
		return nil, err
	}
	if err := checkOwners(root, real); err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}
