package spec

import (
	"iter"
	"reflect"
	"slices"
	"strings"
)

// schema knows what the fields of the types are called in YAML.
type schema struct {
	types map[reflect.Type]*typeInfo
}

// typeInfo is one struct type, seen from YAML.
type typeInfo struct {
	fields map[string][]int // index path by name, embedded structs flattened
	meta   []int            // index path of the Meta
	item   bool             // has a switch managed
	bodies []string         // the fields of which only one can be said
}

func newSchema() *schema { return &schema{types: map[reflect.Type]*typeInfo{}} }

func (s *schema) of(t reflect.Type) *typeInfo {
	if info, ok := s.types[t]; ok {
		return info
	}
	info := &typeInfo{fields: map[string][]int{}}
	info.collect(t, nil)
	_, info.item = info.fields["managed"]
	if _, text := info.fields["content"]; text {
		for _, name := range []string{"source", "content", "template", "link", "lines", "block"} {
			if _, ok := info.fields[name]; ok {
				info.bodies = append(info.bodies, name)
			}
		}
	}
	s.types[t] = info
	return info
}

func (i *typeInfo) collect(t reflect.Type, at []int) {
	for f := range structFields(t) {
		path := append(slices.Clone(at), f.Index...)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case f.Type == reflect.TypeFor[Meta]():
			// The outermost Meta is the item's own.
			if i.meta == nil || len(path) < len(i.meta) {
				i.meta = path
			}
		case name == "-":
		case options == "inline", f.Anonymous && name == "":
			i.collect(f.Type, path)
		case name != "":
			i.fields[name] = path
		}
	}
}

func structFields(t reflect.Type) iter.Seq[reflect.StructField] {
	return func(yield func(reflect.StructField) bool) {
		for k := range t.NumField() {
			if !yield(t.Field(k)) {
				return
			}
		}
	}
}

// names yields the names of the fields.
func (i *typeInfo) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range i.fields {
			if !yield(name) {
				return
			}
		}
	}
}

// field is the type of a field; nil: there is none of that name.
func (i *typeInfo) field(t reflect.Type, name string) reflect.Type {
	path, ok := i.fields[name]
	if !ok {
		return nil
	}
	return t.FieldByIndex(path).Type
}

// deref takes the pointer off a type.
func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// expand turns the short form of a package, a bare word, into its long form.
func expand(t reflect.Type, n *node) *node {
	if t != reflect.TypeFor[Package]() || n.kind != scalarNode || n.tag != "!!str" {
		return n
	}
	return &node{pos: n.pos, kind: mapNode, entries: []entry{{key: "state", keyPos: n.pos, value: n}}}
}

// itemLabel names an item of a section for messages: user opensafely.
func itemLabel(section, key, parent string) string {
	switch section {
	case "roles", "packages", "groups", "users", "files", "units", "networks":
		return strings.TrimSuffix(section, "s") + " " + key
	case "directories":
		return "directory " + key
	case "key_pairs":
		return "key pair " + key
	case "acls":
		return "acl of " + key
	case "drop_ins":
		return "drop-in " + key + " of " + parent
	case "sources":
		return "apt source " + key
	case "keys":
		return "apt key " + key
	case "people":
		return "person " + key
	case "sudoers", "sshd":
		return section + " drop-in " + key
	default:
		return section + " of " + key
	}
}
