package spec

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"opsafe/internal/words"
)

// Field is what a person needs to know of one field of a spec. The reference is
// the one place that says it: each type of a spec has a method Fields. Explain and
// the schemas for editors are made from it, and a test holds it to the types.
type Field struct {
	// Name is the field's name in YAML.
	Name string
	// Item is what messages call an item of a section: user NAME. PARENT stands for
	// what the section is in.
	Item string
	// Is is its meaning in a few words, More what else is to be known.
	Is, More string
	// Default is what counts where the field is left out, as YAML; Unset says in
	// words what happens then. Neither: it is not managed.
	Default, Unset string
	// Example is a value, as YAML.
	Example string

	Form  Form  // of the value, of a list's entries, of a map's values
	Names *Form // of a map's keys
	List  ListRules

	typ reflect.Type
}

// Form is what a value has to look like, beyond its type.
type Form struct {
	Says     string // what to call it: path, mode, unit
	Words    []string
	Pattern  string
	Min, Max int64
	Longest  int // in characters
	Not      any // a schema of what it must not be
}

// ListRules are what a list has to look like. Distinct entries are not empty, either.
type ListRules struct {
	Distinct bool
	NonEmpty bool
	Contains string // a pattern that one entry matches
}

// Words are the values that a field can have, if they can be counted.
func (f Field) Words() []string { return f.Form.Words }

// Description is what there is to say of the field, in one paragraph.
func (f Field) Description() string {
	text := f.Is + "."
	if f.More != "" {
		text += " " + f.More
	}
	return text + " Left out: " + f.LeftOut() + "."
}

// LeftOut says what counts where the field is left out.
func (f Field) LeftOut() string {
	return cmp.Or(f.Default, f.Unset, "not managed")
}

// Type names the type of the field's values.
func (f Field) Type() string { return f.typeName(deref(f.typ)) }

func (f Field) typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Conditions]():
		return "conditions"
	case t.Kind() == reflect.Slice:
		return "list of " + plural(f.typeName(t.Elem()))
	case t.Kind() == reflect.Map && deref(t.Elem()).Kind() == reflect.Struct:
		return "items by name"
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Interface:
		return "map"
	case t.Kind() == reflect.Map:
		return "map of " + plural(f.typeName(t.Elem()))
	case t.Kind() == reflect.Struct:
		return "fields"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case f.Form.Says != "":
		return f.Form.Says
	case len(f.Form.Words) > 0:
		return "word"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "number"
	}
	return "text"
}

func plural(s string) string {
	if s == "text" || strings.HasSuffix(s, "s") {
		return s
	}
	if name, of, ok := strings.Cut(s, " of a "); ok {
		return words.Plural(name) + " of " + words.Plural(of)
	}
	if thing, in, ok := strings.Cut(s, " in a "); ok {
		return words.Plural(thing) + " in a " + in
	}
	return words.Plural(s)
}

// Place is where a struct of the spec is written.
type Place struct {
	// Path leads to it from the top of the file: users.NAME. Empty: the file.
	Path string
	// Is says what it is.
	Is string

	path   []string // with the name of an item in an example for NAME
	schema *schema
	typ    reflect.Type
	around []*yaml.Node // the example of what the place is in: keys and values in turn
	items  bool         // that holds items by name
	people bool         // the file is developers.yaml
}

// Fields are the fields of a place, in the order of the type; what all items
// have comes last.
func (p Place) Fields() []Field {
	s := p.schema
	info := s.of(p.typ)
	names := slices.SortedFunc(info.names(), func(a, b string) int {
		return cmp.Or(cmp.Compare(ofItem(a), ofItem(b)), slices.Compare(info.fields[a], info.fields[b]))
	})
	if p.typ == s.top {
		names = s.arranged(names)
	}
	out := make([]Field, 0, len(names))
	for _, name := range names {
		if f, ok := s.reference(p.typ, name); ok {
			out = append(out, f)
		}
	}
	return out
}

// ofItem is 1 for what all items have, 0 for other fields.
func ofItem(name string) int {
	if name == "managed" || name == "when" {
		return 1
	}
	return 0
}

// Below is the place that a field of a place leads to; false: it holds values.
func (p Place) Below(f Field) (Place, bool) {
	t := deref(f.typ)
	path, example := p.shown(f)
	at := Place{
		Path: strings.TrimPrefix(p.Path+"."+f.Name, "."), Is: f.Is, path: append(slices.Clone(path), f.Name),
		schema: p.schema, typ: t, around: content(example), people: p.people,
	}
	if t.Kind() == reflect.Map {
		at.typ, at.items = deref(t.Elem()), true
		at.Path += "." + f.nameWord()
		at.path = append(at.path, f.sampleName())
	}
	return at, at.typ.Kind() == reflect.Struct
}

// nameWord stands for the name of an item of a section.
func (f Field) nameWord() string {
	if f.Names != nil && f.Names.Says == PathForm().Says {
		return "PATH"
	}
	return "NAME"
}

// sampleName is the name of the first item in the example of a section.
func (f Field) sampleName() string {
	if example := content(f.example()); len(example) > 0 {
		return example[0].Value
	}
	return "app"
}

// sampleItem is the first item in the example of a section, in one line; empty: there is
// none, or it is long.
func (f Field) sampleItem() string {
	example := content(f.example())
	if len(example) < 2 {
		return ""
	}
	out, err := yaml.Marshal(&yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle, Content: example[:2]})
	text := strings.TrimSpace(string(out))
	const most = 60
	if err != nil || strings.Contains(text, "\n") || len(text) > most {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}")
}

// example is the field's own example; nil: there is none that can be read.
func (f Field) example() *yaml.Node {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(f.Example), &n); err != nil || len(n.Content) == 0 {
		return nil
	}
	return n.Content[0]
}

// shown is an example of a field of the place, and the path that leads to the place in
// it. The example of what the place is in comes first: a type that several sections
// share can only have one that fits some of them.
func (p Place) shown(f Field) ([]string, *yaml.Node) {
	if !p.items {
		return p.path, cmp.Or(valueOf(p.around, f.Name), f.example())
	}
	for i := 0; i+1 < len(p.around); i += 2 {
		if v := valueOf(content(p.around[i+1]), f.Name); v != nil {
			return append(slices.Clone(p.path[:len(p.path)-1]), p.around[i].Value), v
		}
	}
	return p.path, f.example()
}

// content are the keys and values of a mapping, in turn; of anything else, nothing.
func content(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	return n.Content
}

// valueOf is the value of a key; nil: there is none.
func valueOf(content []*yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Value == key {
			return content[i+1]
		}
	}
	return nil
}

// label names an item of a section for messages: user opensafely.
func (f Field) label(name, parent string) string {
	if f.Item == "" {
		return f.Name + " of " + name
	}
	return strings.NewReplacer("NAME", name, "PARENT", parent).Replace(f.Item)
}

// reference finds what is known of a field of a type: of the type itself, or of
// the embedded one that the field comes from.
func (s *schema) reference(t reflect.Type, name string) (Field, bool) {
	info := s.of(t)
	index, ok := info.fields[name]
	if !ok {
		return Field{}, false
	}
	own, ok := s.sections[name]
	f := own.Field
	if !ok || t != s.top {
		f, ok = explained(t, name, index)
	}
	f.typ = t.FieldByIndex(index).Type
	return f, ok
}

// explained asks the type, then those that are embedded on the way to the field.
func explained(t reflect.Type, name string, index []int) (Field, bool) {
	for _, i := range index {
		for _, f := range fieldsOf(t) {
			if f.Name == name {
				return f, true
			}
		}
		t = t.Field(i).Type
	}
	return Field{}, false
}

// fieldsOf is what a type says of its fields.
func fieldsOf(t reflect.Type) []Field {
	if d, ok := reflect.Zero(t).Interface().(interface{ Fields() []Field }); ok {
		return d.Fields()
	}
	return nil
}
