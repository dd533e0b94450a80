package spec

import (
	"iter"
	"reflect"
	"slices"
	"strings"
)

// schema knows what the fields of the types are called in YAML.
type schema struct {
	types    map[reflect.Type]*typeInfo
	top      reflect.Type       // of a backend, with the sections of the kinds
	sections map[string]Section // those of the kinds
}

// typeInfo is one struct type, seen from YAML.
type typeInfo struct {
	fields map[string][]int // index path by name, embedded structs flattened
	meta   []int            // index path of the Meta
	item   bool             // has a switch managed
	bodies []string         // the fields of which only one can be said
	known  map[string]Field // what is known of the fields, as far as somebody has asked
}

func (s *schema) of(t reflect.Type) *typeInfo {
	if info, ok := s.types[t]; ok {
		return info
	}
	info := &typeInfo{fields: map[string][]int{}, known: map[string]Field{}}
	info.collect(t, nil)
	_, info.item = info.fields["managed"]
	if _, text := info.fields["content"]; text {
		for _, name := range []string{"source", "content", "template", "link", "lines", "block", "settings"} {
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

// metaOf is where a value says where it was written; its own, or none that anybody
// else sees.
func (s *schema) metaOf(v reflect.Value) *Meta {
	if at := s.of(v.Type()).meta; at != nil {
		if m, ok := v.FieldByIndex(at).Addr().Interface().(*Meta); ok {
			return m
		}
	}
	return &Meta{}
}

// deref takes the pointer off a type.
func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// Shortened is a struct of a spec that a bare word can stand for.
type Shortened interface {
	// ShortField names the field that the word is the value of.
	ShortField() string
}

// short is the field that a bare word in place of the fields stands for; empty: there
// is no such form.
func short(t reflect.Type) string {
	if s, ok := reflect.Zero(t).Interface().(Shortened); ok {
		return s.ShortField()
	}
	return ""
}

// expand turns the short form, a bare word, into the long one.
func expand(t reflect.Type, n *node) *node {
	if n.kind != scalarNode || n.tag != "!!str" {
		return n
	}
	field := short(t)
	if field == "" {
		return n
	}
	return &node{pos: n.pos, kind: mapNode, entries: []entry{{key: field, keyPos: n.pos, value: n}}}
}
