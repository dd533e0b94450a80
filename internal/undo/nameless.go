package undo

import (
	"fmt"
	"slices"

	"opsafe/internal/before"
	"opsafe/internal/history"
	"opsafe/internal/host"
)

// nameless are accounts and groups that an undo has taken away before it came to
// what belongs to them: what had their name has their number now.
type nameless map[host.Entry]string

func (n nameless) add(r host.Reader, k history.Kept) {
	if was := k.User; was != nil && was.User != nil {
		if u, err := r.User(was.Name); u == nil && err == nil {
			n[host.Entry{Tag: host.TagUser, Name: was.Name}] = fmt.Sprintf("#%d", was.User.UID)
		}
	}
	if was := k.Group; was != nil && was.Group != nil {
		if g, err := r.Group(was.Name); g == nil && err == nil {
			n[host.Entry{Tag: host.TagGroup, Name: was.Name}] = fmt.Sprintf("#%d", was.Group.GID)
		}
	}
}

// image is an image with the numbers.
func (n nameless) image(i before.Image) before.Image {
	switch {
	case i.Path != nil && i.Path.Node != nil:
		p, node := *i.Path, *i.Path.Node
		node.Owner, node.Group, node.Access = n.name(host.TagUser, node.Owner), n.name(host.TagGroup, node.Group), n.access(node.Access)
		p.Node, i.Path = &node, &p
	case i.Tree != nil:
		t := *i.Tree
		t.Nodes = slices.Clone(t.Nodes)
		for j := range t.Nodes {
			node := &t.Nodes[j]
			node.Owner, node.Group, node.Access = n.name(host.TagUser, node.Owner), n.name(host.TagGroup, node.Group), n.access(node.Access)
		}
		i.Tree = &t
	}
	return i
}

func (n nameless) name(tag host.Tag, name string) string {
	if number, ok := n[host.Entry{Tag: tag, Name: name}]; ok {
		return number
	}
	return name
}

func (n nameless) access(a host.Access) host.Access {
	a.Named = n.entries(a.Named)
	if a.Default != nil {
		d := *a.Default
		d.Named = n.entries(d.Named)
		a.Default = &d
	}
	return a
}

func (n nameless) entries(named []host.Entry) []host.Entry {
	out := slices.Clone(named)
	for i, e := range out {
		out[i].Name = n.name(e.Tag, e.Name)
	}
	return out
}
