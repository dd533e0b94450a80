package local

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// together are files or directories that are complete under temporary names and get
// their own at once: their file systems are brought to disk once before, so that nothing
// has its name that is not whole, and once afterwards.
type together struct{ ready []readied }

// readied is one of them.
type readied struct {
	staged *stage
	dir    int // descriptor of its directory
	path   string
	name   string
	flags  uint // of renameat2(2)
}

// mostOpen is how many are staged at once. Each holds two files open, of which many
// hosts let a process have 1,024.
const mostOpen = 200

// add stages one more in its directory.
func (t *together) add(h *Host, path string, flags uint, staging func(dir int) (*stage, error)) error {
	dir, name, err := h.openParent(path)
	if err != nil {
		return err
	}
	staged, err := staging(dir)
	if err != nil {
		unix.Close(dir)
		return err
	}
	t.ready = append(t.ready, readied{staged, dir, path, name, flags})
	return nil
}

// place gives all of them their names.
func (t *together) place() error {
	if err := t.sync(); err != nil {
		return err
	}
	for _, r := range t.ready {
		if err := r.staged.place(r.name, r.flags); err != nil {
			return fmt.Errorf("cannot make %s: %w", r.path, err)
		}
	}
	return t.sync()
}

// sync brings the file systems to disk on which they are.
func (t *together) sync() error {
	done := map[uint64]bool{}
	for _, r := range t.ready {
		var st unix.Stat_t
		if err := unix.Fstat(r.dir, &st); err != nil {
			return fmt.Errorf("cannot stat the directory of %s: %w", r.path, err)
		}
		if done[st.Dev] {
			continue
		}
		done[st.Dev] = true
		if err := unix.Syncfs(r.dir); err != nil {
			return fmt.Errorf("cannot bring the file system of %s to disk: %w", r.path, err)
		}
	}
	return nil
}

// discard removes those that have not got their names.
func (t *together) discard() {
	for _, r := range t.ready {
		r.staged.discard()
		unix.Close(r.dir)
	}
}

// later leaves it to the sync of all.
func later(int) error { return nil }

func (h *Host) makeDirs(s host.MakeDirs) error {
	for some := range slices.Chunk(s.Dirs, mostOpen) {
		if err := h.makeSomeDirs(some); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) makeSomeDirs(dirs []host.MakeDir) error {
	var t together
	defer t.discard()
	for _, d := range dirs {
		err := t.add(h, d.Path, unix.RENAME_NOREPLACE, func(dir int) (*stage, error) { return h.stageDir(dir, d, later) })
		if err != nil {
			return fmt.Errorf("cannot make directory %s: %w", d.Path, err)
		}
	}
	return t.place()
}

func (h *Host) writeFiles(s host.WriteFiles) error {
	for some := range slices.Chunk(s.Files, mostOpen) {
		if err := h.writeSomeFiles(some); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) writeSomeFiles(files []host.WriteFile) error {
	var t together
	defer t.discard()
	for _, f := range files {
		err := t.add(h, f.Path, 0, func(dir int) (*stage, error) { return h.stageWrite(dir, f) })
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", f.Path, err)
		}
	}
	return t.place()
}

func (h *Host) stageWrite(dir int, f host.WriteFile) (*stage, error) {
	uid, gid, err := h.owners(f.Owner, f.Group)
	if err != nil {
		return nil, err
	}
	kernels, err := isKernels(dir)
	if err == nil && (kernels || f.Check != nil) {
		err = errors.New("it is written by itself only")
	}
	if err != nil {
		return nil, err
	}
	return h.stageFile(dir, fileWish{content: f.Content.Bytes(), uid: uid, gid: gid, access: f.Access})
}
