package spec

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"opsafe/internal/host"
	"opsafe/internal/words"
)

// Repository is everything that a spec repository holds: all backends, the
// people, and the key files, loaded and checked.
type Repository struct {
	Dir      string // absolute
	Backends map[string]*Backend
	People   []*Person         // in the order of developers.yaml
	KeyFiles map[string][]byte // keys/NAME, by NAME
	Lock     *Lock             // LockFile; nil: there is none
	// Sums are the SHA-256 digests of all files that were read, by path.
	Sums map[string][sha256.Size]byte
}

// Backend returns a backend by name.
func (r *Repository) Backend(name string) (*Backend, error) {
	if b, ok := r.Backends[name]; ok {
		return b, nil
	}
	return nil, noBackend(r.Dir, name, slices.Sorted(maps.Keys(r.Backends)))
}

// Person returns the entry of developers.yaml with that name, or nil.
func (r *Repository) Person(name string) *Person {
	for _, p := range r.People {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func noBackend(dir, name string, known []string) error {
	list := "none at all"
	if len(known) > 0 {
		list = strings.Join(known, ", ")
	}
	return fmt.Errorf("there is no backend %s in %s%s (there is: %s)", quote(name), dir, words.DidYouMean(name, slices.Values(known)), list)
}

// The parts of a repository.
const (
	peopleFile  = "developers.yaml"
	keysDir     = "keys"
	backendsDir = "backends"
	backendFile = "backend.yaml"
)

// maxKeyFile is the largest file of keys, in bytes.
const maxKeyFile = 64 << 10

// LoadOptions say what to load.
type LoadOptions struct {
	// Dir is the repository.
	Dir string
	// Backend is the only backend to load and check; "": all.
	Backend string
	// RootOwned refuses a repository that others than root can write, or put
	// another in the place of: what it says are root's orders.
	RootOwned bool
	// Parts are those of the kinds.
	Parts []Part
	// Version is that of this opsafe, as Go writes it: v1.2.3. With anything else it is
	// no release, and no spec wants a later one.
	Version string
}

// Load reads and checks a repository. All that is wrong with it is returned in
// one go, as Problems. Nothing outside the directory is read: no link leads
// out of it.
func Load(o LoadOptions) (*Repository, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot find the repository: %w", err)
	}
	root, err := openRepository(dir, o.RootOwned)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	l := newLoader(root, o.Parts)
	l.has = o.Version
	r := &Repository{Dir: dir, Backends: map[string]*Backend{}, Sums: l.sums}
	names := l.backendNames()
	wanted := names
	if o.Backend != "" {
		if !slices.Contains(names, o.Backend) {
			return nil, cmp.Or(l.problems.Err(), noBackend(dir, o.Backend, names))
		}
		wanted = []string{o.Backend}
	}
	r.KeyFiles = l.keyFiles()
	r.Lock = l.lock()
	r.People = l.people()
	for _, name := range wanted {
		r.Backends[name] = l.backend(name, &l.problems)
	}
	if err := l.problems.outdated().Err(); err != nil {
		return nil, err
	}
	decoded := len(l.problems)
	l.validate(r, names)
	l.problems = l.withoutEchoes(l.problems, decoded)
	if err := l.problems.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// withoutEchoes drops what validation says of values that could not be decoded
// in the first place, and of items that are no map of fields, or have a field nobody knows:
// what they lack may be just that. The first n problems are the decoder's.
func (l *loader) withoutEchoes(ps Problems, n int) Problems {
	decoded := make(map[Pos]bool, n)
	for _, p := range ps[:n] {
		decoded[p.Pos] = true
	}
	return append(ps[:n:n], slices.DeleteFunc(ps[n:], func(p Problem) bool { return decoded[p.Pos] || l.odd[p.Pos] })...)
}

// loader reads the files of a repository, each once.
type loader struct {
	root     *os.Root
	schema   *schema
	parts    []Part
	has      string // the version of this opsafe
	problems Problems
	parsed   map[string]*node // by file; nil: empty or broken
	broken   set              // files that could not be parsed
	checked  set              // files decoded by themselves
	odd      map[Pos]bool     // items that could not be read whole
	texts    map[string]textFile
	sums     map[string][sha256.Size]byte // of all files that were read
	nobody   bool                         // there is no developers.yaml
	locked   bool                         // there is a LockFile
}

func newLoader(root *os.Root, parts []Part) *loader {
	return &loader{
		root: root, schema: newSchema(parts), parts: parts,
		parsed: map[string]*node{}, broken: set{}, checked: set{}, odd: map[Pos]bool{}, texts: map[string]textFile{}, sums: map[string][sha256.Size]byte{},
	}
}

// backendNames lists the directories of backends/ that hold a backend; others
// hold what backends share.
func (l *loader) backendNames() []string {
	entries, err := fs.ReadDir(l.root.FS(), backendsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.problems.Addf(Pos{File: backendsDir}, "cannot list the backends: %v", cause(err))
	}
	var names []string
	for _, e := range entries {
		file := path.Join(backendsDir, e.Name(), backendFile)
		if _, err := l.root.Lstat(file); err == nil {
			names = append(names, e.Name())
			continue
		}
		l.misnamed(path.Dir(file), backendFile)
	}
	return names
}

// misnamed says of a file that it would be read under a name that differs from its
// own by its ending or by capitals alone.
func (l *loader) misnamed(dir, name string) {
	entries, err := fs.ReadDir(l.root.FS(), dir)
	if err != nil {
		return
	}
	stem := strings.TrimSuffix(name, path.Ext(name))
	for _, e := range entries {
		lower := strings.ToLower(e.Name())
		if e.Name() != name && (lower == name || lower == stem+".yml" || lower == stem) && !e.IsDir() {
			l.problems.Addf(Pos{File: path.Join(dir, e.Name())}, "is not read: rename it to %s", name)
		}
	}
}

// keyFiles reads keys/. A link is refused even within the repository: what a
// person may log in with is to be seen where it is looked for.
func (l *loader) keyFiles() map[string][]byte {
	files := map[string][]byte{}
	entries, err := fs.ReadDir(l.root.FS(), keysDir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			l.problems.Addf(Pos{File: keysDir}, "cannot list the keys: %v", cause(err))
		}
		return files
	}
	dir, err := l.root.OpenRoot(keysDir)
	if err != nil {
		l.problems.Addf(Pos{File: keysDir}, "cannot read the keys: %v", cause(err))
		return files
	}
	defer dir.Close()
	for _, e := range entries {
		file := path.Join(keysDir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.Type()&fs.ModeSymlink != 0:
			l.problems.Addf(Pos{File: file}, "is a symbolic link: put the keys themselves here")
		case !e.Type().IsRegular():
			l.problems.Addf(Pos{File: file}, "is no file: keys/ holds one file of public keys per name")
		case file == LockFile:
			l.locked = true
		default:
			data, err := readIn(dir, e.Name(), file, maxKeyFile)
			if err != nil {
				l.problems.Addf(Pos{File: file}, "%v", err)
				continue
			}
			files[e.Name()] = data
			l.sums[file] = sha256.Sum256(data)
		}
	}
	return files
}

// read reads a regular file of the repository of at most limit bytes.
func (l *loader) read(file string, limit int64) ([]byte, error) {
	data, err := readIn(l.root, file, file, limit)
	if err == nil {
		l.sums[file] = sha256.Sum256(data)
	}
	return data, err
}

// readIn reads a file of a directory of the repository; messages name it file.
func readIn(dir *os.Root, name, file string, limit int64) ([]byte, error) {
	// Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
	f, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, cause(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot read %s: it is no regular file", file)
	}
	// One more than there is says that this was the end; what grows meanwhile is read, too.
	data := make([]byte, min(info.Size(), limit)+1)
	n, err := io.ReadFull(f, data)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return data[:n], nil
	case err == nil:
		var more []byte
		more, err = io.ReadAll(io.LimitReader(f, limit+1-int64(n)))
		data = append(data, more...)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, cause(err))
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("cannot read %s: it is larger than %s", file, size(limit))
	}
	return data, nil
}

// cause takes the operation and the path off a file error: messages name them
// in their own words.
func cause(err error) error {
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		return err
	}
	if pe.Err.Error() == "path escapes from parent" {
		return errors.New("it leads out of the repository")
	}
	if errors.Is(pe.Err, fs.ErrNotExist) {
		return errNoFile
	}
	return pe.Err
}

var errNoFile = errors.New("there is no such file")

// maxText is the largest file beside a spec, in bytes.
const maxText = host.MaxFile

// size writes a limit as people do.
func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
