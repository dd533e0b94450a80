package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// treeFormat is the version of a note of a tree.
const treeFormat = 1

// treeNote is what is known of a tree that was unpacked: enough to tell whether it is
// still as its archive gave it. Root alone can write it.
type treeNote struct {
	FormatVersion int `json:"format_version"`
	host.Archive
	When time.Time `json:"when"`
	// Stage is set while somebody works on the tree.
	Stage   *treeStage   `json:"stage,omitempty"`
	Members []noteMember `json:"members"` // sorted by path
}

// treeStage is a directory beside a tree: the new one until it takes the tree's place,
// the old one from then on.
type treeStage struct {
	Name string `json:"name"`
	// New is the inode of the new tree, Old that of what it replaces; 0: of none.
	New uint64 `json:"new,omitempty"`
	Old uint64 `json:"old,omitempty"`
	// Changed are the paths of the old tree that were known to be changed by hand, so
	// that they may go.
	Changed []string `json:"changed,omitempty"`
	// Next is the note of the new tree, once it is complete.
	Next *treeNote `json:"next,omitempty"`
}

// of is the note about a tree by the inode of its directory: where a run died when the
// new one had just taken its place, that of the new one.
func (n *treeNote) of(there uint64) *treeNote {
	if n.Stage == nil || n.Stage.Next == nil || n.Stage.New != there {
		return n
	}
	next := *n.Stage.Next
	next.Stage = &treeStage{Name: n.Stage.Name, Old: n.Stage.Old}
	return &next
}

// noteMember is a file, directory or link of a tree, as it was unpacked.
type noteMember struct {
	Path    string        `json:"path"` // relative to the tree
	Type    host.NodeType `json:"type"`
	Program bool          `json:"program,omitempty"`
	Target  string        `json:"target,omitempty"`
	SHA256  string        `json:"sha256,omitempty"`
	Size    int64         `json:"size,omitempty"`
	// MTime and CTime are nanoseconds since 1970.
	MTime int64 `json:"mtime,omitempty"`
	CTime int64 `json:"ctime,omitempty"`
}

// access is what a member's rights are.
func (m noteMember) access(a host.Archive) host.Access {
	if m.Type == host.TypeFile && !m.Program {
		return host.AccessOf(a.Mode &^ 0o111)
	}
	return host.AccessOf(a.Mode)
}

// noteName is the file for the tree at a path.
func noteName(at string) string {
	const short = 16
	return host.NewContent([]byte(at)).Digest()[:short] + ".json"
}

func (h *Host) noteDir(name string) string {
	return filepath.Join(h.options.StateDir, filepath.Base(notes.Unpacked), name)
}

// openNoteDir makes and opens the directory of the notes of an archive's trees.
func (h *Host) openNoteDir(name string) (int, string, error) {
	if err := h.makeStateDir(); err != nil {
		return -1, "", err
	}
	at := h.noteDir(name)
	for _, dir := range []string{filepath.Dir(at), at} {
		there, err := h.Stat(dir)
		if err == nil && there == nil {
			err = h.makeDirAt(host.MakeDir{Path: dir, Access: host.AccessOf(0o755)})
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return -1, "", fmt.Errorf("cannot make %s: %w", dir, err)
		}
	}
	fd, err := h.openDir(at)
	return fd, at, err
}

// readTree reads a note; nil: there is none.
func (h *Host) readTree(name, file string) (*treeNote, error) {
	at := filepath.Join(h.noteDir(name), file)
	data, err := h.ReadFile(at)
	if err != nil || data == nil {
		return nil, err
	}
	var n treeNote
	if err := json.Unmarshal(data, &n); err != nil {
		return nil, fmt.Errorf("cannot read what was unpacked from %s: %w; move the file and the tree that it is about away", at, err)
	}
	if n.FormatVersion != treeFormat {
		return nil, fmt.Errorf("cannot read what was unpacked from %s: its format is %d, this opsafe knows %d", at, n.FormatVersion, treeFormat)
	}
	return &n, nil
}

// readTrees reads all notes of an archive, the oldest tree first.
func (h *Host) readTrees(name string) ([]*treeNote, error) {
	files, err := h.ReadDir(h.noteDir(name))
	if err != nil {
		return nil, err
	}
	var out []*treeNote
	for _, file := range files {
		if strings.HasPrefix(file, stagePrefix) {
			continue
		}
		n, err := h.readTree(name, file)
		if err != nil {
			return nil, err
		}
		if n != nil {
			out = append(out, n)
		}
	}
	slices.SortStableFunc(out, func(a, b *treeNote) int { return a.When.Compare(b.When) })
	return out, nil
}

func (h *Host) writeTree(n *treeNote) error {
	n.FormatVersion = treeFormat
	if n.Members == nil {
		n.Members = []noteMember{}
	}
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("cannot note what is unpacked: %w", err)
	}
	dir, at, err := h.openNoteDir(n.Name)
	if err != nil {
		return fmt.Errorf("cannot note what is unpacked: %w", err)
	}
	defer unix.Close(dir)
	wish := fileWish{content: append(data, '\n'), uid: os.Geteuid(), gid: os.Getegid(), access: host.AccessOf(0o644)}
	if err := h.replace(dir, noteName(n.Path), wish, nil); err != nil {
		return fmt.Errorf("cannot note what is unpacked in %s: %w", at, err)
	}
	return nil
}

// forgetTree removes the note of a tree, and the directory if it was the last one.
func (h *Host) forgetTree(name, at string) error {
	dir := h.noteDir(name)
	if err := h.removePathAt(filepath.Join(dir, noteName(at))); err != nil {
		return err
	}
	left, err := h.ReadDir(dir)
	if err == nil && len(left) == 0 {
		err = h.removePathAt(dir)
	}
	return err
}
