package docs

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// TestFields looks for every field that a spec can have: in the words of
// the documents, and written in at least one example.
func TestFields(t *testing.T) {
	fields := map[string]bool{} // by Type.field: written in an example
	backend := backendType()
	for _, root := range []reflect.Type{backend, reflect.TypeFor[spec.Person]()} {
		collect(root, fields)
	}
	for _, e := range examples(t) {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(e.text), &doc); err != nil {
			t.Fatalf("%s: %v", e.at, err)
		}
		root := backend
		if e.kind == "people" {
			root = reflect.TypeFor[map[string]*spec.Person]()
		}
		mark(doc.Content[0], root, fields)
	}
	words := map[string]bool{}
	for _, c := range code(blockPattern.ReplaceAllString(manual(t), "")) {
		for _, w := range regexp.MustCompile(`[a-z_][a-z_0-9]*`).FindAllString(c, -1) {
			words[w] = true
		}
	}
	for _, f := range slices.Sorted(keysOf(fields)) {
		_, name, _ := strings.Cut(f, ".")
		if !fields[f] {
			t.Errorf("no example has the field %s", f)
		}
		if !words[name] {
			t.Errorf("no document names the field %s in words", f)
		}
	}
}

// backendType is that of a backend with the sections that kinds judge in more words
// than the forms of their fields.
func backendType() reflect.Type {
	fields := []reflect.StructField{{Name: "Backend", Type: reflect.TypeFor[spec.Backend](), Tag: `yaml:",inline"`}}
	for _, k := range kinds.Table() {
		for _, own := range k.Own {
			if own.Judge == nil {
				continue
			}
			fields = append(fields, reflect.StructField{
				Name: fmt.Sprint("Own", len(fields)), Type: own.Type, Tag: reflect.StructTag(fmt.Sprintf("yaml:%q", own.Name)),
			})
		}
	}
	return reflect.StructOf(fields)
}

func keysOf(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// element takes pointers, maps and lists off a type.
func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Map || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

// yamlFields are the fields of a struct by their names in YAML, those of
// embedded structs among them.
func yamlFields(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-":
		case name == "" && (f.Anonymous || options == "inline"):
			for k, v := range yamlFields(f.Type) {
				out[k] = v
			}
		case name != "":
			out[name] = f.Type
		}
	}
	return out
}

// shared reports whether a field is of all items: one example is enough for it.
func shared(name string) bool { return name == "managed" || name == "when" }

func fieldName(t reflect.Type, name string) string {
	if shared(name) {
		return "Item." + name
	}
	return t.Name() + "." + name
}

func collect(t reflect.Type, fields map[string]bool) {
	t = element(t)
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[spec.Condition]() {
		return
	}
	for name, ft := range yamlFields(t) {
		key := fieldName(t, name)
		if _, seen := fields[key]; seen {
			continue
		}
		fields[key] = false
		collect(ft, fields)
	}
}

// mark notes the fields that are written in a piece of YAML of the type.
func mark(n *yaml.Node, t reflect.Type, fields map[string]bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind != yaml.MappingNode {
		if s, ok := reflect.Zero(t).Interface().(spec.Shortened); ok {
			fields[fieldName(t, s.ShortField())] = true // a bare word
		}
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i].Value, n.Content[i+1]
		switch t.Kind() {
		case reflect.Map:
			mark(value, t.Elem(), fields)
		case reflect.Struct:
			if ft, ok := yamlFields(t)[name]; ok {
				fields[fieldName(t, name)] = true
				mark(value, ft, fields)
			}
		}
	}
}
