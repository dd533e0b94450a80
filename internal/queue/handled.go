package queue

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How long it is remembered what was forwarded, and how much at most. Who sends what was
// sent before that wakes a deployment once more, which changes nothing.
const (
	RememberFor = 90 * 24 * time.Hour
	MaxHandled  = 20_000
)

// Handled remembers which entries were forwarded, by their digests: each is so once. It
// is a file of lines, of which the last may have been cut off by a power failure.
type Handled struct {
	path string
	by   map[string]string // the name of the entry, by its digest
	file *os.File
}

// OpenHandled reads what a queue (notes.Queue) remembers, and forgets what is too old. One
// process may have it open.
func OpenHandled(queue string) (*Handled, error) {
	h := &Handled{path: filepath.Join(queue, HandledName), by: map[string]string{}}
	data, err := os.ReadFile(h.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read what was forwarded: %w", err)
	}
	kept := h.read(data)
	if !bytes.Equal(kept, data) || err != nil {
		if err := h.replace(kept); err != nil {
			return nil, fmt.Errorf("cannot write what was forwarded: %w", err)
		}
	}
	if h.file, err = os.OpenFile(h.path, os.O_WRONLY|os.O_APPEND, 0); err != nil {
		return nil, fmt.Errorf("cannot write what was forwarded: %w", err)
	}
	return h, nil
}

// read takes the lines, and returns those that are kept.
func (h *Handled) read(data []byte) []byte {
	var lines []string
	scan := bufio.NewScanner(bytes.NewReader(data[:bytes.LastIndexByte(data, '\n')+1]))
	for scan.Scan() {
		digest, name, _ := strings.Cut(scan.Text(), " ")
		if digestPattern().MatchString(digest) && namePattern().MatchString(name) && time.Since(timeOf(name)) < RememberFor {
			lines = append(lines, scan.Text())
		}
	}
	lines = lines[max(0, len(lines)-MaxHandled):]
	for _, line := range lines {
		digest, name, _ := strings.Cut(line, " ")
		h.by[digest] = name
	}
	return []byte(strings.Join(slices.Concat(lines, []string{""}), "\n"))
}

// replace writes the file anew, as a whole.
func (h *Handled) replace(data []byte) error {
	root, err := os.OpenRoot(filepath.Dir(h.path))
	if err != nil {
		return err
	}
	defer root.Close()
	if err := write(root, HandledName, data); err != nil {
		return err
	}
	return syncDir(root)
}

// By is the name of the entry with a digest that was forwarded; empty: none was.
func (h *Handled) By(digest string) string { return h.by[digest] }

// Add remembers entries. When it returns without an error, they are on the disk.
func (h *Handled) Add(entries ...Entry) error {
	var lines bytes.Buffer
	for _, e := range entries {
		if e.Digest != "" && h.by[e.Digest] == "" {
			fmt.Fprintf(&lines, "%s %s\n", e.Digest, e.Name)
		}
	}
	_, err := h.file.Write(lines.Bytes())
	if err = errors.Join(err, h.file.Sync()); err != nil {
		return fmt.Errorf("cannot remember what was forwarded: %w", err)
	}
	for _, e := range entries {
		if e.Digest != "" && h.by[e.Digest] == "" {
			h.by[e.Digest] = e.Name
		}
	}
	return nil
}

// Close ends writing.
func (h *Handled) Close() error { return h.file.Close() }
