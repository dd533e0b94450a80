package spec

import (
	"bytes"
	"errors"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"gopkg.in/yaml.v3"
)

// validator is a schema as a real validator reads it.
type validator struct{ *jsonschema.Schema }

// compile has a real validator read a schema, which also checks it against the
// schema of schemas.
func compile(t testing.TB, make func() ([]byte, error)) *validator {
	t.Helper()
	data, err := make()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file:///schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("file:///schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return &validator{s}
}

// value is what an editor's YAML makes of a node: JSON's values.
func value(t testing.TB, n *yaml.Node) any {
	t.Helper()
	switch n.Kind {
	case yaml.DocumentNode:
		return value(t, n.Content[0])
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = value(t, n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, c := range n.Content {
			out[i] = value(t, c)
		}
		return out
	}
	if tag := n.ShortTag(); tag == "!!timestamp" {
		return n.Value
	}
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatalf("line %d: %v", n.Line, err)
	}
	return v
}

func parseNode(t testing.TB, text string) *yaml.Node {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if n.Kind == 0 {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	return &n
}

// refused lists the lines on which a schema finds something wrong.
func (s *validator) refused(t testing.TB, text string) set {
	t.Helper()
	n := parseNode(t, text)
	lines := set{}
	err := s.Validate(value(t, n))
	var invalid *jsonschema.ValidationError
	if err != nil && !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		at := n.Content[0]
		for _, step := range e.InstanceLocation {
			_, at = child(at, step)
		}
		switch k := e.ErrorKind.(type) {
		case *kind.PropertyNames:
			// The place of the instance is not to be relied on here.
			section := path.Base(strings.TrimSuffix(e.SchemaURL, "/propertyNames"))
			for _, key := range keysBelow(n.Content[0], section, k.Property) {
				lines.add(strconv.Itoa(key.Line))
			}
			return
		case *kind.AdditionalProperties:
			for _, name := range k.Properties {
				key, _ := child(at, name)
				lines.add(strconv.Itoa(key.Line))
			}
			return
		}
		if len(e.Causes) == 0 {
			lines.add(strconv.Itoa(at.Line))
		}
		for _, c := range e.Causes {
			walk(c)
		}
	}
	if invalid != nil {
		walk(invalid)
	}
	return lines
}

// child finds an entry of a map by its key, or of a list by its number.
func child(n *yaml.Node, step string) (key, value *yaml.Node) {
	if n.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(step); err == nil && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	}
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == step {
			return n.Content[i], n.Content[i+1]
		}
	}
	return n, n
}

// keysBelow finds the keys of a name in the sections of a name, or in the whole
// file, which has no name.
func keysBelow(n *yaml.Node, section, name string) []*yaml.Node {
	var out []*yaml.Node
	var walk func(n *yaml.Node, inside bool)
	walk = func(n *yaml.Node, inside bool) {
		for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
			if inside && n.Content[i].Value == name {
				out = append(out, n.Content[i])
			}
			walk(n.Content[i+1], n.Content[i].Value == section)
		}
	}
	walk(n, strings.HasSuffix(section, "#"))
	return out
}
