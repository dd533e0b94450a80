// Package facts is the file of what planning needs to know of a host, so that a
// plan can be made far from it.
package facts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode"

	"opsafe/internal/host/snapshot"
)

// FormatVersion is the version of the file. It grows when a field changes its
// meaning or goes.
const FormatVersion = 1

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 64 << 20

// File is what a host is like, for planning.
type File struct {
	FormatVersion int       `json:"format_version"`
	Opsafe        string    `json:"opsafe"`   // which opsafe recorded it
	Recorded      time.Time `json:"recorded"` // RFC 3339, UTC
	Coverage      Coverage  `json:"coverage"`
	// LastRuns are, by backend, the last runs that brought about all that its spec
	// declared. Facts of older versions, and of somebody who is not root, have none.
	LastRuns map[string]*LastRun `json:"last_runs,omitempty"`
	Host     *snapshot.State     `json:"host"`
}

// Coverage says how much of the host is in it.
type Coverage struct {
	// Backends are those whose specs have been planned: what they ask is there.
	Backends []string `json:"backends"`
	// Root is set when root recorded it; else all that only root may see is
	// unknown.
	Root bool `json:"root"`
}

// LastRun is what a run went by.
type LastRun struct {
	Run      int      `json:"run"`
	Declared []string `json:"declared"` // kind/name, each
	// Former is what earlier runs went by, and this one did not, as far as it is there still.
	Former []string `json:"former,omitempty"`
}

// Marshal writes the file: sorted, with each item on lines of its own, so that it
// can be kept under version control.
func (f *File) Marshal() ([]byte, error) {
	f.FormatVersion = FormatVersion
	f.Recorded = f.Recorded.UTC().Truncate(time.Second)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(f); err != nil {
		return nil, fmt.Errorf("cannot write down facts: %w", err)
	}
	return b.Bytes(), nil
}

// Parse reads a file. It is strict: it comes out of a repository, and whoever
// wrote it may mean harm.
func Parse(data []byte) (*File, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("it is larger than %d MiB", MaxSize>>20)
	}
	var version struct {
		FormatVersion int `json:"format_version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("it is not the JSON that opsafe facts writes: %w", err)
	}
	if version.FormatVersion != FormatVersion {
		return nil, fmt.Errorf("its format is version %d, and this opsafe reads %d: record it anew with opsafe facts", version.FormatVersion, FormatVersion)
	}
	var f File
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("it is not what opsafe facts writes: %w", err)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the facts")
	}
	if f.Host == nil {
		return nil, errors.New("it says nothing of a host")
	}
	for _, word := range append([]string{f.Opsafe, f.Host.Facts.Hostname}, f.Coverage.Backends...) {
		if strings.ContainsFunc(word, func(c rune) bool { return !unicode.IsPrint(c) }) || len(word) > 255 {
			return nil, fmt.Errorf("%.40q is no name", word)
		}
	}
	f.Host.Partial = true // whatever it says of itself: what it lacks is unknown
	return &f, nil
}

// Read reads the file at a path.
func Read(path string) (*File, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read facts: %w", err)
	}
	f, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("cannot use %s: %w", path, err)
	}
	return f, nil
}

func readFile(path string) ([]byte, error) {
	// Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no regular file", path), err)
	}
	return io.ReadAll(io.LimitReader(f, MaxSize+1))
}
