package local

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// aptIndex is the names in the indexes that apt has fetched.
type aptIndex struct {
	names map[string]struct{}
	// unread is an index that cannot be read here; empty for none.
	unread string
	found  bool // there is any index at all
	// only is the one name that has been searched for; empty: all names are here, which
	// whole says.
	only  string
	whole bool
}

// fewNames is how many names are searched for, one after the other, before all names
// are read: a run that asks for one or two does not pay for a table of 60,000.
const fewNames = 3

// candidate looks into the indexes when it is asked only: they are some tens of
// megabytes, and a host on which nothing is missing never asks.
func (p *packageDB) candidate(key string) (bool, error) {
	s, err := p.dpkg()
	if err != nil {
		return false, err
	}
	name, arch, foreign := strings.Cut(host.NativeKey(key, s.native), ":")
	if !foreign {
		arch = s.native
	}
	index, err := p.indexFor(name, arch)
	if err != nil {
		return false, unknown("the package index", err)
	}
	if _, ok := index.names[name]; ok {
		return true, nil
	}
	what := "whether " + key + " can be installed"
	if !index.found {
		return false, &host.UnknownError{What: what, Why: "the package index has never been fetched"}
	}
	if index.unread != "" {
		return false, &host.UnknownError{What: what, Why: "index " + index.unread + " is compressed in a way that is not read here"}
	}
	return false, nil
}

// indexFor is the index of an architecture, as far as it tells about a name.
func (p *packageDB) indexFor(name, arch string) (*aptIndex, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.index[arch]; x != nil {
		return x, nil
	}
	if x := p.searched[name+":"+arch]; x != nil {
		return x, nil
	}
	if len(p.searched) >= fewNames {
		name = "" // all of them
	}
	x, err := readIndex(p.root+"/var/lib/apt/lists", arch, name)
	switch {
	case err != nil:
		return nil, err
	case p.index == nil:
		p.index, p.searched = map[string]*aptIndex{}, map[string]*aptIndex{}
	}
	if name == "" || x.whole {
		p.index[arch] = x
	} else {
		p.searched[name+":"+arch] = x
	}
	return x, nil
}

// readIndex reads the names out of all *_Packages files of the architecture, as
// they are or compressed by gzip; or searches those that are not compressed for one.
func readIndex(dir, arch, name string) (*aptIndex, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &aptIndex{}, nil
	}
	if err != nil {
		return nil, err
	}
	gzipped := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), "_Packages.gz") })
	idx := &aptIndex{only: name, whole: name == "" || gzipped} // unpacking costs more than the names
	if idx.whole {
		idx.only, idx.names = "", make(map[string]struct{}, 1<<16)
	} else {
		idx.names = map[string]struct{}{}
	}
	for _, e := range entries {
		if _, ok := idx.names[name]; ok && !idx.whole {
			break
		}
		plain, compression := e.Name(), ""
		if i := strings.LastIndex(plain, "_Packages."); i >= 0 {
			plain, compression = plain[:i+len("_Packages")], plain[i+len("_Packages"):]
		}
		if !strings.HasSuffix(plain, "_Packages") || foreignIndex(plain, arch) {
			continue
		}
		idx.found = true
		if compression != "" && compression != ".gz" {
			idx.unread = e.Name()
			continue
		}
		if err := idx.addFile(filepath.Join(dir, e.Name()), compression == ".gz"); err != nil {
			return nil, err
		}
	}
	return idx, nil
}

// foreignIndex reports whether an index is of another architecture: its name
// ends in _binary-ARCH_Packages, but for flat repositories.
func foreignIndex(name, arch string) bool {
	i := strings.LastIndex(name, "_binary-")
	if i < 0 || arch == "" {
		return false
	}
	of := strings.TrimSuffix(name[i+len("_binary-"):], "_Packages")
	return of != arch && of != "all"
}

func (x *aptIndex) addFile(path string, gzipped bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var r io.Reader = f
	if gzipped {
		z, err := gzip.NewReader(bufio.NewReader(f))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		r = z
	}
	if err := x.add(r); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// add takes the names out of a stream, in blocks: memory does not grow with the
// index.
func (x *aptIndex) add(r io.Reader) error {
	const block = 256 << 10
	mark := []byte("\n" + packageField)
	if x.only != "" {
		mark = append(mark, x.only...)
	}
	buf := make([]byte, 1, block) // begins as if after a newline
	buf[0] = '\n'
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		rest := buf
		for {
			i := indexLine(rest, mark)
			if i < 0 {
				rest = rest[max(0, len(rest)-len(mark)):] // a mark may go on in the next block
				break
			}
			line := rest[i+len(mark):]
			end := bytes.IndexByte(line, '\n')
			if end < 0 && err == nil {
				rest = rest[i:]
				break
			}
			if end < 0 {
				end = len(line)
			}
			switch name := bytes.TrimSpace(line[:end]); {
			case x.only == "":
				x.names[string(name)] = struct{}{}
			case len(name) == 0: // the name that is searched for, and not the beginning of another
				x.names[x.only] = struct{}{}
				return nil
			}
			rest = line[end:]
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(rest) == cap(buf) {
			return errors.New("a line is longer than an index can have")
		}
		buf = buf[:copy(buf[:cap(buf)], rest)]
	}
}

// indexLine is where mark is, which begins with the end of a line. What follows that end
// begins with a capital P, which is rarer by far, and is looked for.
func indexLine(data, mark []byte) int {
	for from := 1; from <= len(data); {
		i := bytes.Index(data[from:], mark[1:])
		if i < 0 {
			return -1
		}
		if data[from+i-1] == '\n' {
			return from + i - 1
		}
		from += i + 1
	}
	return -1
}
