package spec

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// unsure reports whether git's index may hold what a commit does not. The index says
// itself of which tree it is a copy, until something is staged; which tree a commit has
// is known here if it is not in a pack.
func unsure(index string, dirs []string, commit string) bool {
	data, err := os.ReadFile(index)
	if err != nil || len(data) > maxGit {
		return false
	}
	tree := indexTree(data)
	if tree == "" {
		return true
	}
	for _, d := range dirs {
		if of := looseTree(filepath.Join(d, "objects", commit[:2], commit[2:])); of != "" {
			return of != tree
		}
	}
	return false
}

// indexTree is the tree that the index says it is a copy of; empty for none. Its
// extension TREE begins with the root: no path, a count, and the name of the tree,
// unless the count is negative. See gitformat-index(5).
func indexTree(data []byte) string {
	const size, sum = 4, 20
	at := bytes.LastIndex(data, []byte("TREE"))
	if at < 0 || at+2*size >= len(data) {
		return ""
	}
	rest, ok := bytes.CutPrefix(data[at+2*size:], []byte{0})
	counts, name, found := bytes.Cut(rest, []byte("\n"))
	if !ok || !found || bytes.HasPrefix(counts, []byte("-")) || len(name) < sum {
		return ""
	}
	return hex.EncodeToString(name[:sum])
}

// looseTree is the tree of a commit in a file of its own; empty if it is not there.
func looseTree(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	z, err := zlib.NewReader(f)
	if err != nil {
		return ""
	}
	const most = 128
	head, err := io.ReadAll(io.LimitReader(z, most))
	if err != nil {
		return ""
	}
	_, text, _ := strings.Cut(string(head), "\x00tree ")
	name, _, _ := strings.Cut(text, "\n")
	return commitName(name)
}
