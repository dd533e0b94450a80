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
	"strings"

	"opsafe/internal/host"
)

// aptIndex is the names in the indexes that apt has fetched.
type aptIndex struct {
	names map[string]struct{}
	// unread is an index that cannot be read here; empty for none.
	unread string
	found  bool // there is any index at all
}

// candidate reads the indexes on the first question only: they are some tens of
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
	index, err := p.indexOf(arch)
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

// indexOf reads the index of an architecture, once.
func (p *packageDB) indexOf(arch string) (*aptIndex, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.index[arch]; x != nil {
		return x, nil
	}
	x, err := readIndex(p.root+"/var/lib/apt/lists", arch)
	if err != nil {
		return nil, err
	}
	if p.index == nil {
		p.index = map[string]*aptIndex{}
	}
	p.index[arch] = x
	return x, nil
}

// readIndex reads the names out of all *_Packages files of the architecture, as
// they are or compressed by gzip.
func readIndex(dir, arch string) (*aptIndex, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &aptIndex{}, nil
	}
	if err != nil {
		return nil, err
	}
	idx := &aptIndex{names: make(map[string]struct{}, 1<<16)}
	for _, e := range entries {
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
	buf := make([]byte, 1, block) // begins as if after a newline
	buf[0] = '\n'
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		rest := buf
		for {
			i := bytes.Index(rest, mark)
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
			x.names[string(bytes.TrimSpace(line[:end]))] = struct{}{}
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
