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

// mentions finds where a spec that cannot be loaded may still list somebody, in
// the places where roster.Listed looks: as a key of developers.yaml or of the lock
// file, by a file in keys/, and in backends under users, authorized_keys and acls.
// Where a file cannot be read as YAML, any line that has the name counts.
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
		at = append(at, found(file, data, name, topKeys)...)
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
		at = append(at, found(p, data, name, backendPlaces)...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot tell whether %s is still listed: %w", name, err)
	}
	return at, nil
}

// found looks in a file for the nodes that list somebody.
func found(file string, data []byte, name string, places func(doc *yaml.Node, name string) []*yaml.Node) []spec.Pos {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) > 0 && doc.Content[0].Kind != yaml.MappingNode {
		return mentioned(file, data, name)
	}
	var at []spec.Pos
	if len(doc.Content) == 0 {
		return nil
	}
	for _, n := range places(doc.Content[0], name) {
		at = append(at, spec.Pos{File: file, Line: n.Line, Column: n.Column})
	}
	return at
}

// topKeys are the keys of a mapping that are the name.
func topKeys(doc *yaml.Node, name string) []*yaml.Node {
	var out []*yaml.Node
	entries(doc, func(key, _ *yaml.Node) {
		if key.Value == name {
			out = append(out, key)
		}
	})
	return out
}

// backendPlaces are those of a backend's file that give somebody something.
func backendPlaces(doc *yaml.Node, name string) []*yaml.Node {
	var out []*yaml.Node
	entries(doc, func(section, items *yaml.Node) {
		entries(items, func(item, fields *yaml.Node) {
			account := section.Value == "users" || section.Value == "authorized_keys"
			if account && item.Value == name {
				out = append(out, item)
			}
			// Of a field that there is not, what was meant is not known either.
			entries(fields, func(field, list *yaml.Node) {
				for _, n := range scalars(list) {
					if listsIn(section.Value, field.Value, n.Value, name) {
						out = append(out, n)
					}
				}
			})
		})
	})
	return out
}

// listsIn reports whether a value in a list lists somebody.
func listsIn(section, field, value, name string) bool {
	switch section {
	case "authorized_keys":
		return field != "keys" && (value == name || path.Base(value) == name && path.Base(path.Dir(value)) == "keys")
	case "acls":
		tag, rest, _ := strings.Cut(value, ":")
		who, _, _ := strings.Cut(rest, ":")
		return (tag == "user" || tag == "u") && who == name
	}
	return false
}

// entries goes through a mapping, aliases and merged ones included.
func entries(n *yaml.Node, visit func(key, value *yaml.Node)) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		visit(n.Content[i], n.Content[i+1])
	}
}

// scalars are the values of a list.
func scalars(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	var out []*yaml.Node
	if n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			if c.Kind == yaml.ScalarNode {
				out = append(out, c)
			}
		}
	}
	return out
}

// mentioned finds a name as a word, once a line, but not in comments.
func mentioned(file string, data []byte, name string) []spec.Pos {
	var at []spec.Pos
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if strings.HasPrefix(strings.TrimSpace(line), "#") || strings.HasPrefix(line, "description:") {
			continue
		}
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
