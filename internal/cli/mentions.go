package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"opsafe/internal/spec"
)

// mentions finds where a spec that cannot be loaded may still list somebody: as
// a key of developers.yaml or of the lock file, by a file in keys/, and in any
// line of a backend's YAML that has the name as a word. It is roster.Listed for
// want of a better: rather a place too many.
func mentions(dir, name string) ([]spec.Pos, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open the repository: %w", err)
	}
	defer root.Close()
	var at []spec.Pos
	for _, file := range []string{"developers.yaml", spec.LockFile} {
		data, err := fs.ReadFile(root.FS(), file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot tell whether %s is still listed: %w", name, err)
		}
		at = append(at, topKeys(file, data, name)...)
	}
	file := path.Join("keys", name)
	if _, err := root.Lstat(file); err == nil {
		at = append(at, spec.Pos{File: file})
	}
	err = fs.WalkDir(root.FS(), "backends", func(p string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, path.Ext(p)) {
			return err
		}
		data, err := fs.ReadFile(root.FS(), p)
		if err != nil {
			return err
		}
		at = append(at, words(p, data, name)...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot tell whether %s is still listed: %w", name, err)
	}
	return at, nil
}

// topKeys finds a name among the keys of a YAML mapping, or as a word if it is
// none.
func topKeys(file string, data []byte, name string) []spec.Pos {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return words(file, data, name)
	}
	var at []spec.Pos
	pairs := doc.Content[0].Content
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Value == name {
			at = append(at, spec.Pos{File: file, Line: pairs[i].Line, Column: pairs[i].Column})
		}
	}
	return at
}

// words finds a name as a word, once a line.
func words(file string, data []byte, name string) []spec.Pos {
	var at []spec.Pos
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if i := wordIn(line, name); i >= 0 {
			at = append(at, spec.Pos{File: file, Line: n, Column: i + 1})
		}
	}
	return at
}

// wordIn is where a name stands in a line, not as a part of another name.
func wordIn(line, name string) int {
	part := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-' }
	for from := 0; name != ""; {
		i := strings.Index(line[from:], name)
		if i < 0 {
			break
		}
		i += from
		before, after := []rune(line[:i]), []rune(line[i+len(name):])
		if (len(before) == 0 || !part(before[len(before)-1])) && (len(after) == 0 || !part(after[0])) {
			return i
		}
		from = i + len(name)
	}
	return -1
}
