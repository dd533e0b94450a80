package spec

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"opsafe/internal/words"

	"github.com/rogpeppe/go-internal/txtar"
)

// specTypes are all struct types that a spec is made of, embedded ones too.
func specTypes() map[string]reflect.Type {
	out := map[string]reflect.Type{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Map || t.Kind() == reflect.Slice && t != reflect.TypeFor[Conditions]() {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || t == reflect.TypeFor[Meta]() || out[t.Name()] != nil {
			return
		}
		out[t.Name()] = t
		for f := range structFields(t) {
			if f.Tag.Get("yaml") != "-" {
				walk(f.Type)
			}
		}
	}
	walk(newSchema(testParts).top)
	walk(reflect.TypeFor[Person]())
	return out
}

// TestReference holds the reference to the types: each field is explained, and
// nothing is explained that is no field.
func TestReference(t *testing.T) {
	s := newSchema(testParts)
	types := specTypes()
	if len(types) < 20 {
		t.Fatalf("only %d types were found", len(types))
	}
	for name, typ := range types {
		for field := range s.of(typ).fields {
			f, ok := s.reference(typ, field)
			switch {
			case !ok:
				t.Errorf("the reference does not know %s of %s", field, name)
			case f.Is == "" || f.Example == "":
				t.Errorf("%s of %s has no meaning or no example", field, name)
			case f.Default != "" && f.Unset != "":
				t.Errorf("%s of %s has a default, and words for having none", field, name)
			}
		}
		for _, f := range fieldsOf(typ) {
			if s.of(typ).fields[f.Name] == nil {
				t.Errorf("the reference explains %s of %s, which has no such field", f.Name, name)
			}
		}
	}
}

// eachField goes through all fields at all places where they can be written.
func eachField(t *testing.T, do func(e Explained)) {
	t.Helper()
	n := 0
	var walk func(Place)
	walk = func(p Place) {
		for _, f := range p.Fields() {
			n++
			do(Explained{Place: p, Field: &f})
			if below, ok := p.Below(f); ok {
				walk(below)
			}
		}
	}
	for _, topic := range NewLanguage(testParts).Topics() {
		if topic.Name == "backend" || topic.Name == "person" {
			walk(topic.Places[0])
		}
	}
	if n < 150 {
		t.Fatalf("only %d fields were found", n)
	}
}

// with is the sample of a field with another value.
func (e Explained) with(t *testing.T, value string) string {
	t.Helper()
	f := *e.Field
	f.Example = value
	text, err := e.sample(e.Place.path, f.example())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (e Explained) String() string { return e.Place.Path + "." + e.Field.Name }

// TestExamples decodes each field's example and default, and shows them to the
// schema.
func TestExamples(t *testing.T) {
	backend, people := compile(t, NewLanguage(testParts).BackendSchema), compile(t, NewLanguage(testParts).PeopleSchema)
	eachField(t, func(e Explained) {
		for _, v := range []string{e.Field.Example, e.Field.Default} {
			if v == "" {
				continue
			}
			text := e.with(t, v)
			s, v := backend, reflect.New(newSchema(testParts).top)
			if e.Place.people {
				s, v = people, reflect.New(reflect.TypeFor[Person]())
				if e.Field.Name != "roles" {
					text += "  roles: []\n"
				}
			}
			for line := range s.refused(t, text) {
				t.Errorf("%s: the schema refuses line %s of\n%s", e, line, text)
			}
			var ps Problems
			n := parse("x", []byte(text), &ps)
			if e.Place.people {
				n = n.entries[0].value
			}
			(&decoder{schema: newSchema(testParts), problems: &ps, odd: map[Pos]bool{}}).structure(n, v.Elem(), "", n.pos)
			if err := ps.Err(); err != nil {
				t.Errorf("%s: %v in\n%s", e, err, text)
			}
		}
	})
}

// single loads one file again and again, with nothing around it, and says what
// is wrong with it.
type single struct{ dir, file string }

func newSingle(t *testing.T, file string, around ...txtar.File) single {
	t.Helper()
	return single{unpack(t, append(around, txtar.File{Name: file})), file}
}

func (s single) problems(t *testing.T, text string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, s.file), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(LoadOptions{Dir: s.dir, Parts: testParts}); err != nil {
		return err.Error()
	}
	return ""
}

// TestWords compares the words that the reference knows with those that the
// loader takes.
func TestWords(t *testing.T) {
	n, backend := 0, newSingle(t, "backends/one/backend.yaml")
	eachField(t, func(e Explained) {
		choices := e.Field.Words()
		if len(choices) == 0 {
			return
		}
		n++
		wrap := func(s string) string {
			if e.Field.typ.Kind() == reflect.Slice {
				return "[" + s + "]"
			}
			return s
		}
		want := "want " + words.Or(choices)
		if got := backend.problems(t, e.with(t, wrap("zzz"))); !strings.Contains(got, want) {
			t.Errorf("%s: zzz: the loader does not say %q, but\n%s", e, want, got)
		}
		for _, w := range choices {
			if got := backend.problems(t, e.with(t, wrap(w))); strings.Contains(got, want) {
				t.Errorf("%s: the loader refuses %s:\n%s", e, w, got)
			}
		}
	})
	if n < 15 {
		t.Errorf("only %d fields take words", n)
	}
}
