package queue

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Dir is one directory of entries. It may be used by many at once, and by many processes.
type Dir struct {
	path string
	last *atomic.Int64 // the time in the newest name that was given, in nanoseconds
}

// Bad is a file that is no entry.
type Bad struct {
	Name string
	Err  error
}

// Open is the directory at a path, for example notes.Queue + "/main". It need not be there
// yet.
func Open(path string) Dir { return Dir{path: path, last: new(atomic.Int64)} }

// Path is where it is.
func (d Dir) Path() string { return d.path }

// Add adds an entry. When it returns without an error, the entry is on the disk. Entries
// that are added one after another sort so, even if the clock is set back between them.
// Received is now, unless it is set.
func (d Dir) Add(e Entry) (name string, err error) {
	now := time.Now()
	if e.Received.IsZero() {
		e.Received = now.UTC()
	}
	e.Name = NameOf(d.next(now), e.Digest)
	return e.Name, d.Put(e)
}

// next is the time for a name: now, or just after the last one that was given.
func (d Dir) next(now time.Time) time.Time {
	for {
		last := d.last.Load()
		next := max(now.UnixNano(), last+1)
		if d.last.CompareAndSwap(last, next) {
			return time.Unix(0, next)
		}
	}
}

// Put writes entries under the names that they have, and replaces those that are there.
// When it returns without an error, they are on the disk.
func (d Dir) Put(entries ...Entry) error {
	return d.with(func(root *os.Root) error {
		for _, e := range entries {
			if err := put(root, e); err != nil {
				return err
			}
		}
		return syncDir(root)
	})
}

// ErrEntry is matched by the error of an entry that cannot be written, whatever the disk
// is like.
var ErrEntry = errors.New("it is no entry")

// with opens the directory for a while.
func (d Dir) with(do func(*os.Root) error) error {
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return fmt.Errorf("cannot open the queue: %w; opsafe manage makes it", err)
	}
	defer root.Close()
	if err := do(root); err != nil {
		return fmt.Errorf("queue %s: %w", d.path, err)
	}
	return nil
}

// put writes an entry; its name is not on the disk before the directory is synced.
func put(root *os.Root, e Entry) error {
	if err := e.check(); err != nil {
		return fmt.Errorf("cannot write entry %s: %w: %w", e.Name, ErrEntry, err)
	}
	data, err := e.encode()
	if err != nil {
		return err
	}
	err = write(root, e.Name, data)
	if errors.Is(err, fs.ErrNotExist) { // a sweep took it for left over: the clock has jumped
		err = write(root, e.Name, data)
	}
	if err != nil {
		return fmt.Errorf("cannot write entry %s: %w", e.Name, err)
	}
	return nil
}

// write replaces a file as a whole. Path units do not see hidden files.
func write(root *os.Root, name string, data []byte) (err error) {
	temp := hidden + strings.TrimSuffix(NameOf(time.Now(), ""), suffix)
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(root.Remove(temp)))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return root.Rename(temp, name)
}

const (
	suffix = ".json"
	hidden = ".new-" // names of files that are being written begin so
)

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncDir brings the names in a directory to the disk.
func syncDir(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// names lists what is in a directory, in order.
func names(root *os.Root) ([]string, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := f.Readdirnames(-1)
	slices.Sort(all)
	return all, err
}

// List reads the entries, oldest first, and names the files that are none. What is being
// written is neither. No directory, no entries.
func (d Dir) List() (entries []Entry, bad []Bad, err error) {
	err = d.with(func(root *os.Root) error {
		all, err := names(root)
		if err != nil {
			return err
		}
		for _, name := range all {
			if strings.HasPrefix(name, ".") {
				continue
			}
			e, err := read(root, name)
			switch {
			case errors.Is(err, fs.ErrNotExist): // done meanwhile
			case err != nil:
				bad = append(bad, Bad{Name: name, Err: err})
			default:
				entries = append(entries, e)
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return entries, bad, err
}

// read reads an entry. One that is replaced meanwhile, by a try that is counted, is read
// again.
func read(root *os.Root, name string) (Entry, error) {
	data, err := content(root, name)
	for tries := 1; errors.Is(err, errExchanged) && tries < 5; tries++ {
		data, err = content(root, name)
	}
	if err != nil {
		return Entry{}, err
	}
	return decode(name, data)
}

var errExchanged = errors.New("it is exchanged again and again while it is read")

// content reads a file. Nothing but a plain file is opened, and no link is followed: the
// receiver's account may put here what it likes.
func content(root *os.Root, name string) ([]byte, error) {
	before, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("it is no plain file, but a %s", sort(before.Mode()))
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	after, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(before, after) {
		return nil, errExchanged
	}
	data, err := io.ReadAll(io.LimitReader(f, maxEntry+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxEntry {
		return nil, fmt.Errorf("it has more than %d bytes", maxEntry)
	}
	return data, nil
}

func sort(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "link"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// Begin counts a try. When it returns without an error, the try is on the disk, so that
// work that kills the host is not begun for ever.
func (d Dir) Begin(e Entry) (Entry, error) {
	e.Tries++
	return e, d.Put(e)
}

// Done removes entries. One that is gone already is done, too.
func (d Dir) Done(entries ...Entry) error {
	return d.with(func(root *os.Root) error {
		for _, e := range entries {
			if err := ignoreMissing(root.Remove(e.Name)); err != nil {
				return fmt.Errorf("cannot remove entry %s: %w", e.Name, err)
			}
		}
		return syncDir(root)
	})
}

// Forward hands an entry on to other directories, and removes it here once it is on the
// disk in all of them.
func (d Dir) Forward(e Entry, to ...Dir) error {
	for _, other := range to {
		if err := other.Put(e); err != nil {
			return err
		}
	}
	return d.Done(e)
}

// beside is another directory of the same queue.
func (d Dir) beside(name string) Dir { return Open(filepath.Join(filepath.Dir(d.path), name)) }
