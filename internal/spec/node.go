package spec

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// maxDepth is how deep the nodes of a spec may nest; the deepest that a spec
// can say by itself is 6, daemon.json adds its own.
const maxDepth = 32

// nodeKind tells the three kinds of nodes apart.
type nodeKind string

const (
	scalarNode nodeKind = "scalar"
	mapNode    nodeKind = "map"
	listNode   nodeKind = "list"
)

// node is a YAML node that remembers the file in which it was written, so that
// it keeps its place when an included part is merged into a backend.
type node struct {
	pos     Pos
	kind    nodeKind
	tag     string // of a scalar: !!str, !!int, !!bool, !!float, !!null, !!timestamp
	value   string // of a scalar, as written
	quoted  bool   // the scalar is in quotes or a block
	entries []entry
	items   []*node
	// merged says that an included part had something to override here.
	merged bool
}

// entry is a key of a map with its value.
type entry struct {
	key    string
	keyPos Pos
	value  *node
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	if i := n.index(key); i >= 0 {
		return n.entries[i].value
	}
	return nil
}

func (n *node) index(key string) int {
	for i := range n.entries {
		if n.entries[i].key == key {
			return i
		}
	}
	return -1
}

// what names the node's type for messages.
func (n *node) what() string {
	switch n.kind {
	case mapNode:
		return "a map"
	case listNode:
		return "a list"
	case scalarNode:
	}
	switch n.tag {
	case "!!int", "!!float":
		return "the number " + n.value
	case "!!bool":
		return "the switch " + n.value
	case "!!null":
		return "nothing"
	default:
		return "the text " + quote(n.value)
	}
}

// converter turns what yaml.v3 parsed into nodes and refuses what YAML allows
// and a spec does not.
type converter struct {
	file     string
	problems *Problems
}

func (c *converter) pos(y *yaml.Node) Pos {
	return Pos{File: c.file, Line: y.Line, Column: y.Column}
}

// convert returns nil where a problem leaves nothing to go on with.
func (c *converter) convert(y *yaml.Node, depth int) *node {
	at := c.pos(y)
	if depth > maxDepth {
		c.problems.Addf(at, "nested more than %d deep: nothing in a spec needs that", maxDepth)
		return nil
	}
	if !c.plain(y) {
		return nil
	}
	switch y.Kind {
	case yaml.MappingNode:
		return c.mapping(y, depth)
	case yaml.SequenceNode:
		n := &node{pos: at, kind: listNode, items: make([]*node, 0, len(y.Content))}
		for _, item := range y.Content {
			if v := c.convert(item, depth+1); v != nil {
				n.items = append(n.items, v)
			}
		}
		return n
	case yaml.ScalarNode:
		quoted := y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
		if strings.ContainsRune(y.Value, 0) {
			c.problems.Addf(at, "text holds a NUL character")
			return nil
		}
		tag := "!!str"
		if !quoted {
			tag = y.ShortTag()
		}
		return &node{pos: at, kind: scalarNode, tag: tag, value: y.Value, quoted: quoted}
	case yaml.DocumentNode, yaml.AliasNode:
	}
	c.problems.Addf(at, "unexpected YAML node")
	return nil
}

// plain refuses anchors, aliases and tags.
func (c *converter) plain(y *yaml.Node) bool {
	at := c.pos(y)
	switch {
	case y.Kind == yaml.AliasNode:
		c.problems.Addf(at, "alias *%s: anchors and aliases are not used here: share through include", y.Value)
	case y.Anchor != "":
		c.problems.Addf(at, "anchor &%s: anchors and aliases are not used here: share through include", y.Anchor)
	case y.Style&yaml.TaggedStyle != 0:
		c.problems.Addf(at, "tag %s: tags are not used here: write text in quotes", y.Tag)
	default:
		return true
	}
	return false
}

func (c *converter) mapping(y *yaml.Node, depth int) *node {
	n := &node{pos: c.pos(y), kind: mapNode, entries: make([]entry, 0, len(y.Content)/2)}
	seen := make(map[string]Pos, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		at := c.pos(k)
		if !c.key(k) {
			continue
		}
		if first, dup := seen[k.Value]; dup {
			c.problems.Addf(at, "duplicate key %s: it is already at line %d", quote(k.Value), first.Line)
			continue
		}
		seen[k.Value] = at
		if v := c.convert(y.Content[i+1], depth+1); v != nil {
			n.entries = append(n.entries, entry{key: k.Value, keyPos: at, value: v})
		}
	}
	return n
}

func (c *converter) key(k *yaml.Node) bool {
	at := c.pos(k)
	switch {
	case k.Kind == yaml.ScalarNode && k.Tag == "!!merge":
		c.problems.Addf(at, "merge key <<: not used here: share through include")
	case k.Kind == yaml.AliasNode, k.Anchor != "":
		return c.plain(k)
	case k.Kind != yaml.ScalarNode:
		c.problems.Addf(at, "a key has to be a word")
	case !c.plain(k):
	case k.Value == "" || k.ShortTag() == "!!null":
		c.problems.Addf(at, "empty key")
	case strings.ContainsFunc(k.Value, isControl):
		c.problems.Addf(at, "key %s holds a control character", quote(k.Value))
	default:
		return true
	}
	return false
}
