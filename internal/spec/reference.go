package spec

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// Field is what a person needs to know of one field of a spec. The reference is
// the one place that says it: explain and the schemas for editors are made from
// it, and a test holds it to the types.
type Field struct {
	// Name is the field's name in YAML.
	Name string
	// Is is its meaning in a few words, More what else is to be known.
	Is, More string
	// Default is what counts where the field is left out, as YAML; Unset says in
	// words what happens then. Neither: it is not managed.
	Default, Unset string
	// Example is a value, as YAML.
	Example string

	form  form  // of the value, of a list's entries, of a map's values
	names *form // of a map's keys
	list  listRules
	typ   reflect.Type
}

// form is what a value has to look like, beyond its type.
type form struct {
	says    string // what to call it: path, mode, unit
	words   []string
	pattern string
	min     int64
	max     int64
	longest int
	not     any // a schema of what it must not be
}

// listRules are what a list has to look like. Distinct entries are not empty, either.
type listRules struct {
	distinct bool
	nonEmpty bool
	contains string // a pattern that one entry matches
}

// Words are the values that a field can have, if they can be counted.
func (f Field) Words() []string { return f.form.words }

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
	case f.form.says != "":
		return f.form.says
	case len(f.form.words) > 0:
		return "word"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "number"
	}
	return "text"
}

func plural(s string) string {
	switch {
	case s == "text", strings.HasSuffix(s, "s"):
		return s
	case strings.HasSuffix(s, "entry"):
		return strings.TrimSuffix(s, "y") + "ies"
	}
	return s + "s"
}

// Place is where a struct of the spec is written.
type Place struct {
	// Path leads to it from the top of the file: users.NAME. Empty: the file.
	Path string
	// Is says what it is.
	Is string

	path   []string // with the name of an item in an example for NAME
	typ    reflect.Type
	people bool // the file is developers.yaml
}

// Fields are the fields of a place, in the order of the type; what all items
// have comes last.
func (p Place) Fields() []Field {
	s := newSchema()
	info := s.of(p.typ)
	names := slices.SortedFunc(info.names(), func(a, b string) int {
		return cmp.Or(cmp.Compare(ofItem(a), ofItem(b)), slices.Compare(info.fields[a], info.fields[b]))
	})
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
	at := Place{Path: strings.TrimPrefix(p.Path+"."+f.Name, "."), Is: f.Is, path: append(slices.Clone(p.path), f.Name), typ: t, people: p.people}
	if t.Kind() == reflect.Map {
		at.typ = deref(t.Elem())
		at.Path += "." + nameWord(f.Name)
		at.path = append(at.path, sampleName(f.Name))
	}
	return at, at.typ.Kind() == reflect.Struct
}

// nameWord stands for the name of an item of a section.
func nameWord(section string) string {
	switch section {
	case "directories", "acls", "files", "key_pairs":
		return "PATH"
	}
	return "NAME"
}

// sampleName is the name of an item in an example.
func sampleName(section string) string {
	names := map[string]string{
		"directories": "/srv/data", "acls": "/srv/data", "files": "/etc/app.conf", "key_pairs": "/home/app/.ssh/id_ed25519",
		"packages": "nginx", "groups": "reviewers", "units": "backup.service", "roles": "developers", "sources": "tools",
		"keys": "tools", "sudoers": "developers", "sshd": "00-north", "networks": "jobs", "drop_ins": "limits",
	}
	return cmp.Or(names[section], "app")
}

// reference finds what is known of a field of a type: of the type itself, or of
// the embedded one that the field comes from.
func (s *schema) reference(t reflect.Type, name string) (Field, bool) {
	info := s.of(t)
	index, ok := info.fields[name]
	if !ok {
		return Field{}, false
	}
	owner := t
	for _, i := range index[:len(index)-1] {
		if f, ok := lookUp(owner, name); ok {
			f.typ = t.FieldByIndex(index).Type
			return f, true
		}
		owner = owner.Field(i).Type
	}
	f, ok := lookUp(owner, name)
	f.typ = t.FieldByIndex(index).Type
	return f, ok
}

func lookUp(t reflect.Type, name string) (Field, bool) {
	for _, f := range referenceOf(t.Name()) {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// referenceOf is what is known of the fields of a type, by the type's name.
func referenceOf(name string) []Field {
	for _, part := range []func(string) []Field{backendReference, accountReference, fileReference, serviceReference} {
		if fields := part(name); fields != nil {
			return fields
		}
	}
	return nil
}
