package host

import (
	"context"
	"path"
	"slices"
	"time"
)

// Archives is what is known of trees that came out of archives.
type Archives interface {
	// Unpacked lists the trees that were unpacked under a name, the oldest first, each
	// compared with what its archive gave. None: nil.
	//
	// A file whose size, mtime and ctime are those of when it was written has not been
	// changed, since nobody can set a ctime; of any other the content is read.
	Unpacked(ctx context.Context, name string) ([]UnpackedTree, error)
}

// Archive is an archive, and where and how it is unpacked.
type Archive struct {
	Name   string `json:"name"`   // of the item: its versions share it
	Path   string `json:"path"`   // the directory that holds what is in it
	Source string `json:"source"` // a path on the machine, or the URL
	SHA256 string `json:"sha256"` // of the archive, in hexadecimal
	Format string `json:"format"` // one of ArchiveFormats
	Strip  int    `json:"strip,omitempty"`
	// Only are the members that are taken, with what is below them; nil: all.
	Only  []string `json:"only,omitempty"`
	Owner string   `json:"owner"`
	Group string   `json:"group"`
	// Mode is that of directories and of files that the archive says are programs;
	// other files have it without its execute bits.
	Mode Mode `json:"mode"`
	// Python is the version, such as 3.11, of which the tree is an environment: it is made
	// of Wheels, which lie in the directory Source. SHA256 is the digest of their list, and
	// Format is empty. Empty: it is an archive.
	Python string `json:"python,omitempty"`
	// Wheels are all that is in the environment, sorted by name.
	Wheels []Wheel `json:"wheels,omitempty"`
}

// ArchiveFormats are the formats that can be unpacked, as the ends of names.
func ArchiveFormats() []string {
	return []string{"tar", "tar.gz", "tgz", "tar.xz", "tar.zst", "zip"}
}

// Same reports whether two archives leave the same tree at the same place, wherever
// they come from.
func (a Archive) Same(b Archive) bool {
	return a.Path == b.Path && a.SHA256 == b.SHA256 && a.Strip == b.Strip && slices.Equal(a.Only, b.Only) &&
		a.Owner == b.Owner && a.Group == b.Group && a.Mode == b.Mode && a.Python == b.Python
}

// UnpackedTree is a tree that was made from an archive.
type UnpackedTree struct {
	Archive
	When time.Time `json:"when"` // it was unpacked
	// Gone says that nothing is at its path: what is left is opsafe's note of it.
	Gone bool `json:"gone,omitempty"`
	// Unfinished says that a run died while it worked on it.
	Unfinished bool `json:"unfinished,omitempty"`
	// Changed are paths that are missing, or are not as they were unpacked, and More is
	// how many there are besides; below MaxUnpackedNames, all are named.
	Changed []string `json:"changed,omitempty"`
	More    int      `json:"more,omitempty"`
	// Added are the first few paths that did not come out of the archive. Bytecode that
	// Python keeps beside its sources does not count.
	Added []string `json:"added,omitempty"`
	// InTheWay are directories that hold something, and have the place of a file or link
	// of the archive: it cannot come back before they are moved away.
	InTheWay []string `json:"in_the_way,omitempty"`
}

// MaxUnpackedNames is how many paths of a tree are named.
const MaxUnpackedNames = 100

// Whole reports whether it is as it was unpacked: nothing has to be done to it.
func (u UnpackedTree) Whole() bool { return !u.Gone && !u.Unfinished && len(u.Changed) == 0 }

// Trees from archives.
type (
	// Unpack has the directory at the archive's path hold what is in the archive. Where
	// nothing is there, or what another archive or other rules gave, the new tree is
	// staged beside it and takes its place as a whole; of a tree that is there already,
	// what differs is replaced. What was added to it stays, and is refused where the
	// tree is to be replaced; so is there what was changed and is not in Changed.
	Unpack struct {
		Archive
		Changed []string // paths that are to be replaced, to be kept before
	}
	// RemoveUnpacked removes a tree that was unpacked under a name, unless something was
	// added to it, or changed that is not in Changed, and what is known of it.
	RemoveUnpacked struct {
		Name, Path string
		Changed    []string // paths that are not as they were unpacked, to be kept before
	}
)

func (Unpack) file()         {}
func (RemoveUnpacked) file() {}

func (s Unpack) touches(context.Context, Reader) []Touch {
	return touchUnpacked(s.Name, s.Path, s.Changed)
}

func (s RemoveUnpacked) touches(context.Context, Reader) []Touch {
	return touchUnpacked(s.Name, s.Path, s.Changed)
}

// touchUnpacked names a tree last: what is touched last comes back first, and what was
// changed by hand comes back into it.
func touchUnpacked(name, at string, changed []string) []Touch {
	return append(touch(SubjectPath, changed...), Touch{Subject: Subject{SubjectPath, at}, Archive: name})
}

// UnpackedAt is the tree at a path that was unpacked under a name; nil for none.
func UnpackedAt(ctx context.Context, r Archives, name, at string) (*UnpackedTree, error) {
	all, err := r.Unpacked(ctx, name)
	for _, u := range all {
		if u.Path == path.Clean(at) {
			return &u, err
		}
	}
	return nil, err
}
