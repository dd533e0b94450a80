package adopt

import (
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

func text(s string) *yaml.Node { return scalar("!!str", s) }

// content is text of several lines.
func content(s string) *yaml.Node {
	n := text(s)
	n.Style = yaml.LiteralStyle
	return n
}

// fields is a map that is being written. Values that say nothing are left out.
type fields struct{ node *yaml.Node }

func newFields() fields { return fields{&yaml.Node{Kind: yaml.MappingNode}} }

func (f fields) set(key string, value *yaml.Node) fields {
	if _, old := lookUp(f.node, key); old != nil {
		*old = *value
		return f
	}
	f.node.Content = append(f.node.Content, text(key), value)
	return f
}

func (f fields) text(key, value string) fields {
	if value == "" {
		return f
	}
	return f.set(key, text(value))
}

// mode is text that would be a number without its quotes.
func (f fields) mode(value string) fields {
	n := text(value)
	n.Style = yaml.DoubleQuotedStyle
	return f.set("mode", n)
}

func (f fields) number(key string, value int) {
	f.set(key, scalar("!!int", strconv.Itoa(value)))
}

func (f fields) flag(key string, value bool) fields {
	return f.set(key, scalar("!!bool", strconv.FormatBool(value)))
}

func (f fields) list(key string, values []string) fields {
	if len(values) == 0 {
		return f
	}
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, v := range values {
		n.Content = append(n.Content, text(v))
	}
	const short = 60
	if length := len(values) * 2; length+sum(values) <= short {
		n.Style = yaml.FlowStyle
	}
	return f.set(key, n)
}

func sum(values []string) int {
	n := 0
	for _, v := range values {
		n += len(v)
	}
	return n
}

// lookUp finds an entry of a map.
func lookUp(n *yaml.Node, key string) (k, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// merge adds the entries of a map to another.
func merge(into, from *yaml.Node) {
	for i := 0; i+1 < len(from.Content) && from.Kind == yaml.MappingNode; i += 2 {
		fields{into}.set(from.Content[i].Value, from.Content[i+1])
	}
}

// tree puts items at their paths, sections in the order in which they come.
func tree(items []*Item) *yaml.Node {
	root := newFields()
	for _, i := range items {
		at := root
		for _, key := range i.Path[:len(i.Path)-1] {
			_, next := lookUp(at.node, key)
			if next == nil {
				next = newFields().node
				at.set(key, next)
			}
			at = fields{next}
		}
		last := i.Path[len(i.Path)-1]
		value := clone(i.Value)
		if _, old := lookUp(at.node, last); old != nil {
			merge(old, value)
			continue
		}
		at.set(last, value)
		at.node.Content[len(at.node.Content)-2].HeadComment = i.From
	}
	return root.node
}

func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = slices.Clone(n.Content)
	for i := range c.Content {
		c.Content[i] = clone(c.Content[i])
	}
	return &c
}
