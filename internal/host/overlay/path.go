package overlay

import (
	"errors"
	"fmt"
	"path"

	"opsafe/internal/host"
)

// maxLinks bounds how many links are followed on the way to one path, as the
// kernel does.
const maxLinks = 40

// blockedError tells that a path cannot exist: a directory on the way to it is
// missing, or is no directory.
type blockedError struct {
	at   string
	what host.NodeType // empty: nothing is there
}

func (e *blockedError) Error() string {
	if e.what == "" {
		return fmt.Sprintf("the directory %s does not exist", e.at)
	}
	return fmt.Sprintf("%s is a %s, not a directory", e.at, e.what)
}

// resolve gives the path without links on the way to it. What is at the path
// itself may be a link or missing. Links that others than root could have made
// are refused.
func (h *Host) resolve(p string) (string, error) {
	if !path.IsAbs(p) {
		return "", fmt.Errorf("%q is not an absolute path", p)
	}
	if p = path.Clean(p); p == "/" {
		return p, nil
	}
	dir, err := h.realDir(path.Dir(p), maxLinks)
	if err != nil {
		return "", err
	}
	return path.Join(dir, path.Base(p)), nil
}

func (h *Host) realDir(dir string, links int) (string, error) {
	if dir == "/" {
		return dir, nil
	}
	if real, ok := h.files.dirs.get(dir); ok {
		return real, nil
	}
	parent, err := h.realDir(path.Dir(dir), links)
	if err != nil {
		return "", err
	}
	at := path.Join(parent, path.Base(dir))
	n, err := h.node(at)
	if err != nil {
		return "", err
	}
	real := at
	switch {
	case n == nil:
		return "", &blockedError{at: at}
	case n.Type == host.TypeSymlink:
		if real, err = h.follow(at, parent, n, links); err != nil {
			return "", err
		}
	case n.Type != host.TypeDir:
		return "", &blockedError{at: at, what: n.Type}
	}
	h.files.dirs.put(dir, real)
	return real, nil
}

// follow gives the directory that a link leads to.
func (h *Host) follow(at, parent string, n *host.Node, links int) (string, error) {
	if links == 0 {
		return "", fmt.Errorf("too many links on the way to %s", at)
	}
	safe, err := h.onlyRoots(parent, n)
	if err != nil {
		return "", err
	}
	if !safe {
		return "", fmt.Errorf("%s is a symbolic link that others than root can make or change", at)
	}
	target := n.Target
	if !path.IsAbs(target) {
		target = path.Join(parent, target)
	}
	return h.realDir(path.Clean(target), links-1)
}

// onlyRoots reports whether nobody but root can have put the link into the
// directory: root owns both, and nobody else can write there or replace a
// directory on the way (in a sticky one, nobody can replace what is root's).
func (h *Host) onlyRoots(dir string, link *host.Node) (bool, error) {
	below := link
	for at := dir; ; at = path.Dir(at) {
		n, err := h.node(at)
		if err != nil {
			return false, err
		}
		if n != nil {
			sticky := at != dir && n.Access.Special&0o1000 != 0
			open := n.Access.Mode()&0o022 != 0 && !sticky
			if n.Owner != "root" || below.Owner != "root" || open {
				return false, nil
			}
			below = n
		}
		if at == "/" {
			return true, nil
		}
	}
}

// blocked reports whether the path cannot exist, which a read shows as absent.
func blocked(err error) bool {
	var b *blockedError
	return errors.As(err, &b)
}
