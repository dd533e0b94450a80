package spec

import (
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Part is what a kind of resources says of its part of a spec.
type Part struct {
	// Name is the kind's, in the singular; Plural stands above several of them.
	Name, Plural string
	// Is says in a few words what the kind is about.
	Is string
	// Sections are those of a backend that are about it, by name.
	Sections []string
	// Only are the fields of the sections that are about it; nil: all.
	Only []string
	// Own are the sections that nobody but the kind knows. Their names and values
	// are held to the forms of their fields.
	Own []Section
	// Texts reads the files beside the spec that the kind's own sections name; nil: they
	// name none. What cannot be read is a problem already.
	Texts func(b *Backend, read func(at Pos, label, name string) []byte)
	// Names tells the Checker which accounts and units exist by what the backend says, for
	// all sections to refer to; nil: none by the kind's own sections.
	Names func(c *Checker)
	// Check finds what the forms of fields cannot say; nil: nothing.
	Check func(b *Backend, problems *Problems)
	// Installs are packages that the kind's sections have installed, beside those of
	// the section packages; nil: none.
	Installs func(b *Backend) []Installed
	// Projects are the compose projects that the kind's sections declare to be there;
	// nil: none.
	Projects func(b *Backend) []string
	// Owns are the paths that the kind puts there; nil: none but those that are
	// named in built-in sections.
	Owns func(b *Backend) []Owned
	// Beside are files of the repository that are not read when the spec is loaded,
	// since they are large: they have to be there. Nil: none.
	Beside func(b *Backend) []Beside
}

// Installed is a package that a section has installed by itself.
type Installed struct {
	Item    // the section's
	Section string
	Package string
	Hold    bool // apt leaves it alone, unless the section packages says otherwise
	// Brings is what it brings, beside what opsafe knows of the package.
	Brings Provides
}

// Beside is a file of the repository that an item names.
type Beside struct {
	At    Pos    // where it is named: the path is relative to that file
	Label string // what messages call the field
	Name  string
	// Dir judges the names in it, which is a directory then; nil: it is a file.
	Dir func(names []string) error
}

// Path is where the file is in the repository.
func (f Beside) Path() string { return path.Join(path.Dir(f.At.File), f.Name) }

// Owned is a path that is a kind's own: nothing else is declared at it, and rules for
// whole trees leave it alone.
type Owned struct {
	Path   string
	Label  string // what messages call it: file /etc/motd
	Pos    Pos
	Absent bool // it is declared not to be there
	Dir    bool // it is a directory, below which other things can be declared
	Named  bool // an item has it as its name, or its name makes it: see Backend.Owned
	When   Conditions
	// Private is set for what no rule for a tree may open, not even by being declared above it.
	Private bool
}

// Section is a section of backend.yaml that a kind brings along. Of reads what is
// written there.
type Section struct {
	Field
	// Type is that of its value: a map from names to pointers to items, or a pointer
	// to a single item. The items' own type has a method Fields, as all types of a
	// spec have.
	Type reflect.Type
	// After is the section below which this one is listed; empty: below all others.
	After string
	// Judge checks what is written there, in words that say more than the forms of the
	// fields; nil: these are enough.
	Judge func(c *Checker)
}

// Of is what a backend says in a section that a kind has brought along: the zero
// value where it says nothing. T is the section's Type.
func Of[T any](b *Backend, section string) T {
	v, _ := b.own[section].(T)
	return v
}

// With is a copy of a backend that says something else in a section that a kind has
// brought along.
func With[T any](b Backend, section string, value T) Backend {
	b.own = maps.Clone(b.own)
	if b.own == nil {
		b.own = map[string]any{}
	}
	b.own[section] = value
	return b
}

// Owned are the paths, other than those that items have as their names, that a backend's
// kinds put there, in order.
func (b *Backend) Owned() []string { return b.owned }

// Private are the paths of a backend's kinds that no rule for a tree may open, in order.
func (b *Backend) Private() []string { return b.private }

// Installs are the packages that a backend's sections have installed, beside those of
// the section packages.
func (b *Backend) Installs() []Installed { return b.installs }

// Project reports whether a backend declares a compose project to be there.
func (b *Backend) Project(name string) bool { return b.projects[name] }

// Language is what can be written in a spec: what every backend can have, and the
// sections of the kinds.
type Language struct {
	parts  []Part
	schema *schema
}

// NewLanguage is the language of a spec with these parts, in the order in which they
// are listed.
func NewLanguage(parts []Part) *Language {
	return &Language{parts: parts, schema: newSchema(parts)}
}

// Sections are the names of what a backend can have, in their order.
func (l *Language) Sections() []string {
	var out []string
	for _, f := range l.top().Fields() {
		out = append(out, f.Name)
	}
	return out
}

// newSchema adds the parts' own sections to the type of a backend.
func newSchema(parts []Part) *schema {
	s := &schema{types: map[reflect.Type]*typeInfo{}, top: reflect.TypeFor[Backend](), sections: map[string]Section{}}
	fields := []reflect.StructField{{Name: "Backend", Type: s.top, Tag: `yaml:",inline"`}}
	for _, p := range parts {
		for _, own := range p.Own {
			s.sections[own.Name] = own
			fields = append(fields, reflect.StructField{
				Name: "Own" + strconv.Itoa(len(fields)), Type: own.Type, Tag: reflect.StructTag(`yaml:"` + own.Name + `"`),
			})
		}
	}
	if len(s.sections) > 0 {
		s.top = reflect.StructOf(fields)
	}
	return s
}

// arranged puts the kinds' own sections, which are the last of the names, where they are
// listed.
func (s *schema) arranged(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		at := 1 + slices.Index(out, s.sections[name].After)
		if at == 0 {
			at = len(out)
		}
		out = slices.Insert(out, at, name)
	}
	return out
}

// newBackend is an empty value of the type of a backend, and the backend in it.
func (s *schema) newBackend() (reflect.Value, *Backend) {
	v := reflect.New(s.top).Elem()
	at := v
	if len(s.sections) > 0 {
		at = v.Field(0)
	}
	b, _ := at.Addr().Interface().(*Backend)
	return v, b
}

// ownOf are the sections of the kinds that are written in a value of newBackend.
func (s *schema) ownOf(v reflect.Value) map[string]any {
	own := map[string]any{}
	for name := range s.sections {
		if f := v.FieldByIndex(s.of(s.top).fields[name]); !f.IsNil() {
			own[name] = f.Interface()
		}
	}
	return own
}

// fieldOf is what is known of a field of a type; its name, if that is nothing.
func (s *schema) fieldOf(t reflect.Type, name string) Field {
	known := s.of(t).known
	f, ok := known[name]
	if !ok {
		if f, ok = s.reference(t, name); !ok {
			f.Name = name
		}
		known[name] = f
	}
	return f
}

// typeName tells types of several packages from each other.
func typeName(t reflect.Type) string {
	if dir := path.Base(t.PkgPath()); t.PkgPath() != reflect.TypeFor[Backend]().PkgPath() {
		return strings.ToUpper(dir[:1]) + dir[1:] + t.Name()
	}
	return t.Name()
}

// Called reports whether a name is the part's, in the singular or the plural.
func (p Part) Called(name string) bool {
	return name != "" && (name == p.Name || name == p.Plural || name == p.Name+"s")
}
