package spec

import (
	"strconv"

	"gopkg.in/yaml.v3"
)

// Draft is a map of a spec that is being written: the fields of an item, or items by
// their names. They stay in the order in which they are set; setting one again gives it
// another value.
type Draft struct{ node *yaml.Node }

// NewDraft is a map without entries.
func NewDraft() Draft { return Draft{&yaml.Node{Kind: yaml.MappingNode}} }

// DraftOf goes on writing a map.
func DraftOf(node *yaml.Node) Draft { return Draft{node} }

// Node is what has been written.
func (d Draft) Node() *yaml.Node { return d.node }

// Empty reports whether nothing has been written.
func (d Draft) Empty() bool { return len(d.node.Content) == 0 }

// Get finds the name and the value of an entry; nil: there is none.
func (d Draft) Get(name string) (key, value *yaml.Node) {
	for i := 0; i+1 < len(d.node.Content) && d.node.Kind == yaml.MappingNode; i += 2 {
		if d.node.Content[i].Value == name {
			return d.node.Content[i], d.node.Content[i+1]
		}
	}
	return nil, nil
}

// Set writes an entry.
func (d Draft) Set(name string, value *yaml.Node) Draft {
	if _, old := d.Get(name); old != nil {
		*old = *value
		return d
	}
	d.node.Content = append(d.node.Content, scalar("!!str", name), value)
	return d
}

// Merge sets the entries of another map.
func (d Draft) Merge(from *yaml.Node) {
	for i := 0; i+1 < len(from.Content) && from.Kind == yaml.MappingNode; i += 2 {
		d.Set(from.Content[i].Value, from.Content[i+1])
	}
}

// Text writes text, unless it is empty.
func (d Draft) Text(name, value string) Draft {
	if value == "" {
		return d
	}
	return d.Set(name, scalar("!!str", value))
}

// Quoted writes text in quotes, without which it would be a number.
func (d Draft) Quoted(name, value string) Draft {
	n := scalar("!!str", value)
	n.Style = yaml.DoubleQuotedStyle
	return d.Set(name, n)
}

// Block writes text line by line, as it is in a file; in quotes if it begins with a
// blank line or a tab, which the YAML library writes in lines so that it reads something
// else.
func (d Draft) Block(name, value string) Draft {
	n := scalar("!!str", value)
	n.Style = yaml.LiteralStyle
	if value != "" && (value[0] == '\n' || value[0] == '\t') {
		n.Style = yaml.DoubleQuotedStyle
	}
	return d.Set(name, n)
}

// Number writes a number.
func (d Draft) Number(name string, value int) Draft {
	return d.Set(name, scalar("!!int", strconv.Itoa(value)))
}

// Flag writes true or false.
func (d Draft) Flag(name string, value bool) Draft {
	return d.Set(name, scalar("!!bool", strconv.FormatBool(value)))
}

// List writes a list of texts, unless it is empty: a short one in one line.
func (d Draft) List(name string, values []string) Draft {
	if len(values) == 0 {
		return d
	}
	n, length := &yaml.Node{Kind: yaml.SequenceNode}, 0
	for _, v := range values {
		n.Content = append(n.Content, scalar("!!str", v))
		length += len(v) + len(", ")
	}
	const short = 60
	if length <= short {
		n.Style = yaml.FlowStyle
	}
	return d.Set(name, n)
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}
