package spec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"opsafe/internal/words"

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
	plural string
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
func (l *Language) Topics() []Topic {
	var out []Topic
	roles := Part{Name: "role", Is: "what the people of a role get", Sections: []string{"roles"}}
	applications := Part{Name: "application", Is: "an application of the registry", Sections: []string{"applications"}}
	for _, p := range append(slices.Clone(l.parts), roles, applications) {
		topic := Topic{Name: p.Name, Is: p.Is, fields: p.Only, plural: p.Plural}
		for _, s := range p.Sections {
			topic.Places = append(topic.Places, l.section(s)...)
		}
		out = append(out, topic)
	}
	person := Place{Path: "NAME", Is: aPerson, path: []string{"alice"}, schema: l.schema, typ: reflect.TypeFor[Person](), people: true}
	return append(out, Topic{Name: "person", Is: aPerson, Places: []Place{person}}, Topic{Name: "backend", Is: sections, Places: []Place{l.top()}})
}

func (l *Language) top() Place {
	return Place{Is: sections, schema: l.schema, typ: l.schema.top}
}

// section is the place of a section; none: it holds values.
func (l *Language) section(name string) []Place {
	f, ok := l.schema.reference(l.schema.top, name)
	if !ok {
		return nil
	}
	if below, ok := l.top().Below(f); ok {
		return []Place{below}
	}
	return nil
}

// Explain answers a question such as user, user.shell or docker.networks.subnet.
func (l *Language) Explain(question string) ([]Explained, error) {
	words := slices.DeleteFunc(strings.Split(question, "."), func(w string) bool { return w == "NAME" || w == "PATH" })
	if len(words) == 0 {
		words = []string{""}
	}
	topic, err := l.findTopic(words[0])
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
func (l *Language) findTopic(name string) (Topic, error) {
	known := set{}
	for _, t := range l.Topics() {
		if t.Name == name {
			return t, nil
		}
		known.add(t.Name)
	}
	for _, f := range l.top().Fields() {
		known.add(f.Name)
		if f.Name != name {
			continue
		}
		if places := l.section(name); places != nil {
			return Topic{Name: name, Places: places}, nil
		}
		return Topic{Name: name, Places: []Place{l.top()}, fields: []string{name}}, nil
	}
	for _, t := range l.Topics() {
		if (Part{Name: t.Name, Plural: t.plural}).Called(name) {
			return t, nil
		}
	}
	list := make([]string, 0, len(l.Topics()))
	for _, t := range l.Topics() {
		list = append(list, t.Name)
	}
	return Topic{}, fmt.Errorf("there is no kind %s%s (there is: %s)", quote(name), words.DidYouMean(name, known.names()), strings.Join(list, ", "))
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
		return nil, fmt.Errorf("%s has no field %s%s (opsafe explain %[1]s lists them)", asked, quote(word), words.DidYouMean(word, known.names()))
	}
	return out, nil
}

// Sample is the example of a field as it is written in a file, with all that is
// around it.
func (e Explained) Sample() (string, error) {
	return e.sample(e.Place.shown(*e.Field))
}

// sample writes a value of the field, at the place to which a path leads.
func (e Explained) sample(at []string, value *yaml.Node) (string, error) {
	if value == nil {
		return "", fmt.Errorf("cannot read the example of %s", e.Field.Name)
	}
	if value.Kind == yaml.ScalarNode && strings.HasSuffix(value.Value, "\n") {
		value.Style = yaml.LiteralStyle
	}
	path := append(slices.Clone(at), e.Field.Name)
	for _, key := range slices.Backward(path) {
		value = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: key}, value}}
	}
	var out strings.Builder
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(value); err != nil {
		return "", fmt.Errorf("cannot write the example of %s: %w", e.Field.Name, err)
	}
	return out.String(), nil
}
