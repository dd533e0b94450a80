package overlay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"

	"opsafe/internal/debian"
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
	at, err := h.onTheWay(p)
	if err != nil {
		return "", err
	}
	return h.mounted(at)
}

// onTheWay is resolve, but for what has been mounted at the path itself.
func (h *Host) onTheWay(p string) (string, error) {
	if !path.IsAbs(p) {
		return "", fmt.Errorf("%q is not an absolute path", p)
	}
	if p = path.Clean(p); p == "/" {
		return p, nil
	}
	dir, err := h.realDir(path.Dir(p), maxLinks)
	if err != nil {
		return "", host.OnTheWay(p, err)
	}
	return path.Join(dir, path.Base(p)), nil
}

// mounted is where a path is that something has been mounted at here: a directory
// that is shown there. Of other file systems it is not known what they hold.
func (h *Host) mounted(at string) (string, error) {
	m, ok := h.files.mounts[at]
	switch {
	case !ok:
		return at, nil
	case m.what != "":
		return m.what, nil
	}
	return "", afterApply("what lies at "+at, "it is on what "+m.unit+" mounts")
}

// mount predicts that a unit has mounted what its file says, if it is a mount.
func (h *Host) mount(ctx context.Context, u *host.Unit) {
	where := debian.MountPoint(u.Name)
	if where == "" || path.Ext(u.Name) != ".mount" {
		return
	}
	content, _ := h.readFile(u.Fragment)
	if h.mountedBefore(ctx, u, content) {
		return // it shows again what it has shown
	}
	m := mount{unit: u.Name}
	if what, bind := debian.ParseUnit(string(content)).Mounts(); bind && path.IsAbs(what) {
		m.what = path.Clean(what)
	}
	if at, err := h.resolve(where); err == nil {
		h.files.mounts[at] = m
		h.files.dirs.clear()
	}
}

// mountedBefore reports whether the base has a unit's file system mounted already, by
// the same text.
func (h *Host) mountedBefore(ctx context.Context, u *host.Unit, content []byte) bool {
	was, err := h.base.Unit(ctx, u.Name)
	if err != nil || !was.Running() || was.Fragment != u.Fragment {
		return false
	}
	text, err := h.base.ReadFile(was.Fragment)
	return err == nil && bytes.Equal(text, content)
}

func (h *Host) unmount(u *host.Unit) {
	for at, m := range h.files.mounts {
		if m.unit == u.Name {
			delete(h.files.mounts, at)
			h.files.dirs.clear()
		}
	}
}

// mount is what a unit has mounted here.
type mount struct {
	unit string
	what string // the directory that is shown; empty: something else
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
	at, err := h.mounted(path.Join(parent, path.Base(dir)))
	if err != nil {
		return "", err
	}
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
	if err := host.CheckLink(at, *n, h.node); err != nil {
		return "", err
	}
	return host.FollowLink(parent, n.Target, func(p string) (string, error) { return h.realDir(p, links-1) })
}

// cannot says what was to be done with a path, unless it is a link on the way to it
// that is refused: that says it itself, everywhere in the same words.
func cannot(do, p string, err error) error {
	var link *host.LinkError
	if errors.As(err, &link) {
		return err
	}
	return fmt.Errorf("cannot %s %s: %w", do, p, err)
}

// blocked reports whether the path cannot exist, which a read shows as absent.
func blocked(err error) bool {
	var b *blockedError
	return errors.As(err, &b)
}
