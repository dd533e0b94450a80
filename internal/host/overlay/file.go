package overlay

import (
	"fmt"
	"path"
	"slices"
	"sync"

	"opsafe/internal/host"
)

// entry is a node that steps have made, changed or removed.
type entry struct {
	node   host.Node
	absent bool
	// fresh is set when the node was made here: nothing of what the base has
	// at the path, or below it, shows through.
	fresh   bool
	content []byte
	unknown error // why the content is not known; of fresh files
	// opaque is why it is not known what is in a fresh directory; nil: it is.
	opaque error
}

// files are the predicted nodes, by canonical path.
type files struct {
	nodes       map[string]*entry
	children    map[string]map[string]bool // names of entries in a directory
	alterations []alteration
	renames     *renames            // the last of the alterations, as long as names change
	shown       map[idName][]string // paths that show a name, or have done so
	mounts      map[string]mount    // by canonical path: what was mounted here
	dirs        *dirCache
}

func newFiles() files {
	return files{nodes: map[string]*entry{}, children: map[string]map[string]bool{}, shown: map[idName][]string{}, mounts: map[string]mount{}, dirs: &dirCache{}}
}

// dirCache remembers where directories really are. Reads fill it too, so it has
// a lock of its own.
type dirCache struct {
	mu   sync.Mutex
	real map[string]string
}

func (c *dirCache) get(dir string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.real[dir]
	return r, ok
}

func (c *dirCache) put(dir, real string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real == nil {
		c.real = map[string]string{}
	}
	c.real[dir] = real
}

func (c *dirCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.real = nil
}

// untouched reports whether the base's files can be shown as they are.
func (f *files) untouched() bool {
	return len(f.nodes) == 0 && len(f.alterations) == 0 && len(f.mounts) == 0
}

// put records what is at a canonical path now.
func (f *files) put(at string, e *entry) {
	old, had := f.nodes[at]
	if !had || old.absent != e.absent || old.node.Type != e.node.Type || e.node.Type == host.TypeSymlink || e.absent {
		f.dirs.clear()
	}
	f.nodes[at] = e
	if !e.absent {
		f.show(at, e.node)
	}
	dir := path.Dir(at)
	if f.children[dir] == nil {
		f.children[dir] = map[string]bool{}
	}
	f.children[dir][path.Base(at)] = true
}

// hides reports whether the base cannot show through at the path, because a
// directory above it was made or removed here.
func (f *files) hides(at string) bool {
	for at != "/" {
		at = path.Dir(at)
		if e, ok := f.nodes[at]; ok {
			return e.absent || e.fresh
		}
	}
	return false
}

// opaque is why it is not known what is at a path below a directory that was filled
// here; nil: it is known.
func (f *files) opaque(at string) error {
	for at != "/" {
		at = path.Dir(at)
		if e, ok := f.nodes[at]; ok {
			return e.opaque
		}
	}
	return nil
}

// unlessKnown is why it is not known what is at a path of which no step was about it
// alone.
func (f *files) unlessKnown(at string, known bool) error {
	if known {
		return nil
	}
	return f.opaque(at)
}

// node gives what is at a canonical path.
func (h *Host) node(at string) (*host.Node, error) {
	if e, ok := h.files.nodes[at]; ok {
		if e.absent {
			return nil, nil
		}
		n := e.node
		return &n, nil
	}
	if h.files.hides(at) {
		return nil, h.files.opaque(at)
	}
	n, err := h.base.Stat(at)
	if n == nil || err != nil {
		return nil, err
	}
	c := h.altered(at, *n)
	return &c, nil
}

// altered is a node of the base after all alterations.
func (h *Host) altered(at string, n host.Node) host.Node {
	for _, a := range h.files.alterations {
		n = a.of(at, n)
	}
	return n
}

// Stat describes what is at the path.
func (h *Host) Stat(p string) (*host.Node, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.stat(p)
}

func (h *Host) stat(p string) (*host.Node, error) {
	if h.files.untouched() {
		return h.base.Stat(p)
	}
	at, err := h.onTheWay(p)
	if blocked(err) {
		return nil, nil
	}
	if err != nil {
		return nil, cannot("look at", p, err)
	}
	shown, err := h.mounted(at)
	if err != nil {
		return nil, cannot("look at", p, err)
	}
	n, err := h.node(shown)
	if _, here := h.files.mounts[at]; here && n != nil {
		held := *n
		held.Held |= host.Mounted
		n = &held
	}
	return n, err
}

// ReadFile gives the content of a regular file.
func (h *Host) ReadFile(p string) ([]byte, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.readFile(p)
}

func (h *Host) readFile(p string) ([]byte, error) {
	if h.files.untouched() {
		return h.base.ReadFile(p)
	}
	at, err := h.resolve(p)
	if blocked(err) {
		return nil, nil
	}
	if err != nil {
		return nil, cannot("read", p, err)
	}
	e, ok := h.files.nodes[at]
	switch {
	case !ok && h.files.hides(at), ok && e.absent:
		return nil, h.files.unlessKnown(at, ok)
	case !ok || !e.fresh:
		return h.base.ReadFile(at)
	case e.unknown != nil:
		return nil, e.unknown
	case e.node.Type != host.TypeFile:
		return nil, fmt.Errorf("cannot read %s: it is a %s, not a regular file", p, e.node.Type)
	}
	// Empty content is there all the same: nil would mean absent.
	return append([]byte{}, e.content...), nil
}

// ReadDir lists the names in a directory.
func (h *Host) ReadDir(p string) ([]string, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.readDir(p)
}

func (h *Host) readDir(p string) ([]string, error) {
	if h.files.untouched() {
		return h.base.ReadDir(p)
	}
	at, err := h.resolve(p)
	if blocked(err) {
		return nil, nil
	}
	if err != nil {
		return nil, cannot("read directory", p, err)
	}
	return h.list(at)
}

// list gives the names in the directory at a canonical path; nil for none.
func (h *Host) list(at string) ([]string, error) {
	e, ok := h.files.nodes[at]
	if !ok && h.files.hides(at) || ok && e.absent {
		return nil, h.files.unlessKnown(at, ok)
	}
	if ok && e.opaque != nil {
		return nil, e.opaque
	}
	if ok && e.node.Type != host.TypeDir {
		return nil, fmt.Errorf("cannot read directory %s: it is a %s", at, e.node.Type)
	}
	var names []string
	if !ok || !e.fresh {
		var err error
		if names, err = h.base.ReadDir(at); err != nil {
			return nil, err
		}
		if names == nil && !ok {
			return nil, nil
		}
	}
	out := make([]string, 0, len(names))
	for _, n := range names {
		if !h.files.children[at][n] {
			out = append(out, n)
		}
	}
	for n := range h.files.children[at] {
		if !h.files.nodes[path.Join(at, n)].absent {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}
