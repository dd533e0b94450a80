package spec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Topic is what explain can be asked about: a kind, or another part of a spec.
type Topic struct {
	Name string
	// Is says what it is about.
	Is string
	// Places are where it is written.
	Places []Place

	fields []string // the only fields of the places; nil: all
}

// Explained is an answer: a place, and the field of it that was asked for, if
// it was one.
type Explained struct {
	Place Place
	Field *Field
}

const (
	aPerson  = "a person of " + peopleFile
	sections = "the sections of " + backendFile
)

// Topics lists the topics: the kinds in their order, then the others.
func Topics() []Topic {
	var out []Topic
	for _, t := range []struct {
		name, is string
		sections []string
		fields   []string
	}{
		{"source", "where packages come from", []string{"apt"}, nil},
		{"package", "what is installed", []string{"packages"}, nil},
		{"group", "groups and who is in them", []string{"groups"}, nil},
		{"user", "accounts", []string{"users"}, nil},
		{"key", "who can log in, and as whom", []string{"keys", "authorized_keys", "key_pairs"}, nil},
		{"directory", "directories and what is below them", []string{"directories"}, nil},
		{"acl", "who else may read", []string{"acls"}, nil},
		{"file", "files, links, and parts of files", []string{"files"}, nil},
		{"sudoers", "who may do what as root", []string{"sudoers"}, nil},
		{"sshd", "how people get in", []string{"sshd"}, nil},
		{"password", "what an account's password field may be", []string{"users", "roles"}, []string{"password"}},
		{"docker", "the engine and its networks", []string{"docker"}, nil},
		{"chrony", "the clock", []string{"chrony"}, nil},
		{"unit", "services and timers", []string{"units"}, nil},
		{"role", "what the people of a role get", []string{"roles"}, nil},
	} {
		topic := Topic{Name: t.name, Is: t.is, fields: t.fields}
		for _, s := range t.sections {
			topic.Places = append(topic.Places, section(s)...)
		}
		out = append(out, topic)
	}
	person := Place{Path: "NAME", Is: aPerson, path: []string{"alice"}, typ: reflect.TypeFor[Person](), people: true}
	return append(out, Topic{Name: "person", Is: aPerson, Places: []Place{person}}, Topic{Name: "backend", Is: sections, Places: []Place{top()}})
}

func top() Place {
	return Place{Is: sections, typ: reflect.TypeFor[Backend]()}
}

// section is the place of a section; none: it holds values.
func section(name string) []Place {
	f, ok := top().field(name)
	if !ok {
		return nil
	}
	if below, ok := top().Below(f); ok {
		return []Place{below}
	}
	return nil
}

func (p Place) field(name string) (Field, bool) {
	return newSchema().reference(p.typ, name)
}

// Explain answers a question such as user, user.shell or docker.networks.subnet.
func Explain(question string) ([]Explained, error) {
	words := slices.DeleteFunc(strings.Split(question, "."), func(w string) bool { return w == "NAME" || w == "PATH" })
	if len(words) == 0 {
		words = []string{""}
	}
	topic, err := findTopic(words[0])
	if err != nil {
		return nil, err
	}
	var answers []Explained
	for _, p := range topic.Places {
		answers = append(answers, Explained{Place: p})
	}
	if topic.fields != nil && len(words) == 1 {
		words = append(words, topic.fields...)
	}
	for i, word := range words[1:] {
		if answers, err = narrow(answers, word, strings.Join(words[:i+1], ".")); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// findTopic takes the name of a topic, its plural, or the name of a section.
func findTopic(name string) (Topic, error) {
	known := set{}
	for _, t := range Topics() {
		if t.Name == name {
			return t, nil
		}
		known.add(t.Name)
	}
	for _, f := range top().Fields() {
		known.add(f.Name)
		if f.Name != name {
			continue
		}
		if places := section(name); places != nil {
			return Topic{Name: name, Places: places}, nil
		}
		return Topic{Name: name, Places: []Place{top()}, fields: []string{name}}, nil
	}
	for _, t := range Topics() {
		if t.Name+"s" == name {
			return t, nil
		}
	}
	list := make([]string, 0, len(Topics()))
	for _, t := range Topics() {
		list = append(list, t.Name)
	}
	return Topic{}, fmt.Errorf("there is no kind %s%s (there is: %s)", quote(name), didYouMean(name, known.names()), strings.Join(list, ", "))
}

// narrow goes on from places to a field of theirs, where they have it.
func narrow(from []Explained, word, asked string) ([]Explained, error) {
	var out []Explained
	known := set{}
	for _, e := range from {
		p := e.Place
		if e.Field != nil {
			below, ok := p.Below(*e.Field)
			if !ok {
				return nil, fmt.Errorf("%s holds values, and has no field %s", asked, quote(word))
			}
			p = below
		}
		for _, f := range p.Fields() {
			known.add(f.Name)
			if f.Name == word {
				out = append(out, Explained{Place: p, Field: &f})
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no field %s%s (opsafe explain %[1]s lists them)", asked, quote(word), didYouMean(word, known.names()))
	}
	return out, nil
}

// Sample is the example of a field as it is written in a file, with all that is
// around it.
func (e Explained) Sample() (string, error) {
	var value yaml.Node
	if err := yaml.Unmarshal([]byte(e.Field.Example), &value); err != nil || len(value.Content) == 0 {
		return "", fmt.Errorf("cannot read the example of %s: %w", e.Field.Name, err)
	}
	n := value.Content[0]
	path := append(slices.Clone(e.Place.path), e.Field.Name)
	for _, key := range slices.Backward(path) {
		n = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: key}, n}}
	}
	var out strings.Builder
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return "", fmt.Errorf("cannot write the example of %s: %w", e.Field.Name, err)
	}
	return out.String(), nil
}
