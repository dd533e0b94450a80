package spec

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // it is how git names what it keeps
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Checkout is what git's own files say of a repository. No program is run.
type Checkout struct {
	Dir    string
	Commit string // empty: there is none, or it cannot be told
	Branch string // empty: none is checked out
	// Upstream is what a remote's branch is called here, and the commit at which it
	// was seen last; empty for none.
	Upstream, Remote string
	// Changed are how many of the spec's files are not as in git's index.
	Changed int
	// Unsure says that the index may hold what the commit does not: it has been
	// changed since a commit was made of it, as far as git has noted that in it.
	Unsure bool
}

// Parts are what of a repository belongs to the spec.
func Parts() []string { return []string{backendsDir, peopleFile, keysDir} }

// AddStaged counts files, too, that the index has otherwise than the commit.
func (c *Checkout) AddStaged(files []string) {
	if len(files) == 0 {
		return
	}
	git, _ := gitDirs(c.Dir)
	all := changed(c.Dir, filepath.Join(git, "index"))
	for _, f := range files {
		if !strings.HasPrefix(path.Base(f), ".") {
			all[f] = true
		}
	}
	c.Changed = len(all)
}

// LookAtCheckout reads it.
func LookAtCheckout(dir string) Checkout {
	c := Checkout{Dir: dir, Commit: Commit(dir)}
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil || c.Commit == "" {
		return c
	}
	git, dirs := gitDirs(dir)
	if ref, ok := strings.CutPrefix(gitFile(filepath.Join(git, "HEAD")), "ref: refs/heads/"); ok {
		c.Branch = ref
	}
	for _, ref := range []string{"refs/remotes/origin/" + c.Branch, "refs/remotes/origin/HEAD"} {
		if c.Remote = resolveRef(dirs, ref); c.Remote != "" {
			c.Upstream = strings.TrimPrefix(ref, "refs/remotes/")
			break
		}
	}
	index := filepath.Join(git, "index")
	c.Changed, c.Unsure = len(changed(dir, index)), unsure(index, dirs, c.Commit)
	return c
}

// gitDirs are git's directory for this worktree, and all in which refs are.
func gitDirs(dir string) (string, []string) {
	git := filepath.Join(dir, ".git")
	if link := gitFile(git); strings.HasPrefix(link, "gitdir: ") { // of a worktree
		git = absolute(dir, strings.TrimPrefix(link, "gitdir: "))
	}
	dirs := []string{git}
	if common := gitFile(filepath.Join(git, "commondir")); common != "" {
		dirs = append(dirs, absolute(git, common))
	}
	return git, dirs
}

// resolveRef is the commit of a ref, which may name another.
func resolveRef(dirs []string, ref string) string {
	const most = 5
	for range most {
		next := ""
		for _, d := range dirs {
			text := gitFile(filepath.Join(d, ref))
			if c := commitName(text); c != "" {
				return c
			}
			if c := packedRef(filepath.Join(d, "packed-refs"), ref); c != "" {
				return c
			}
			if to, ok := strings.CutPrefix(text, "ref: "); ok {
				next = to
			}
		}
		if next == "" || !filepath.IsLocal(next) {
			return ""
		}
		ref = next
	}
	return ""
}

// indexed is a file as git's index has it.
type indexed struct {
	mtime uint64 // seconds and nanoseconds
	size  uint32
	blob  string
}

// changed are the files of the spec that are not as in the index: other, new or gone.
// Git's own shortcut is taken, that a file of the same size and time is the same.
func changed(dir, index string) map[string]bool {
	entries, err := readIndex(index)
	info, statErr := os.Stat(index)
	out := map[string]bool{}
	if err != nil || statErr != nil {
		return out
	}
	written := uint64(info.ModTime().Unix())<<32 | uint64(info.ModTime().Nanosecond())
	for _, top := range Parts() {
		_ = fs.WalkDir(os.DirFS(dir), top, func(file string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || strings.HasPrefix(path.Base(file), ".") {
				return nil //nolint:nilerr // what cannot be read, the loader has said
			}
			was, known := entries[file]
			delete(entries, file)
			if !known || was.differs(filepath.Join(dir, file), written) {
				out[file] = true
			}
			return nil
		})
	}
	for file := range entries {
		top, _, _ := strings.Cut(file, "/")
		if (top == backendsDir || top == peopleFile || top == keysDir) && !strings.HasPrefix(path.Base(file), ".") {
			out[file] = true
		}
	}
	return out
}

func (i indexed) differs(file string, written uint64) bool {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false // a link's text is not read
	}
	mtime := uint64(info.ModTime().Unix())<<32 | uint64(info.ModTime().Nanosecond())
	if uint32(info.Size()) == i.size && mtime == i.mtime && mtime < written { //nolint:gosec // as git cuts it off
		return false
	}
	if info.Size() > maxGit {
		return uint32(info.Size()) != i.size //nolint:gosec // as git cuts it off
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return true
	}
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...)) //nolint:gosec // see above
	return hex.EncodeToString(sum[:]) != i.blob
}

var errIndex = errors.New("cannot read git's index")

// readIndex reads an index of version 2 or 3, see gitformat-index(5).
func readIndex(file string) (map[string]indexed, error) {
	info, err := os.Stat(file)
	if err != nil || info.Size() > maxGit {
		return nil, errors.Join(errIndex, err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	const head, fixed, extended = 12, 62, 0x4000
	if len(data) < head || string(data[:4]) != "DIRC" {
		return nil, errIndex
	}
	version := binary.BigEndian.Uint32(data[4:])
	if version != 2 && version != 3 {
		return nil, errIndex
	}
	out := map[string]indexed{}
	at := data[head:]
	for range binary.BigEndian.Uint32(data[8:]) {
		if len(at) < fixed {
			return nil, errIndex
		}
		flags := binary.BigEndian.Uint16(at[60:])
		name := fixed
		if version == 3 && flags&extended != 0 {
			name += 2
		}
		end := bytes.IndexByte(at[min(name, len(at)):], 0)
		if end < 0 {
			return nil, errIndex
		}
		out[string(at[name:name+end])] = indexed{
			mtime: uint64(binary.BigEndian.Uint32(at[8:]))<<32 | uint64(binary.BigEndian.Uint32(at[12:])),
			size:  binary.BigEndian.Uint32(at[36:]), blob: hex.EncodeToString(at[40:60]),
		}
		next := (name + end + 8) &^ 7 // padded with 1 to 8 bytes
		if next > len(at) {
			return nil, errIndex
		}
		at = at[next:]
	}
	return out, nil
}
