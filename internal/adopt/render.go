package adopt

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// YAML writes the fragment. Comments say where each item was seen.
func (f *Fragment) YAML() (string, error) {
	order := kinds.Language().Sections()
	slices.SortStableFunc(f.Items, func(a, b *Item) int {
		return slices.Index(order, a.Path[0]) - slices.Index(order, b.Path[0])
	})
	return encode(f.Items)
}

func encode(items []*Item) (string, error) {
	if len(items) == 0 {
		return "", nil
	}
	var out strings.Builder
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(tree(items)); err != nil {
		return "", fmt.Errorf("cannot write the fragment: %w", err)
	}
	return out.String(), nil
}

// Commented writes items as comments.
func Commented(items []*Item) (string, error) {
	text, err := encode(items)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	return out.String(), nil
}

// At finds the item that a line of the fragment's YAML belongs to. Nil: none.
func (f *Fragment) At(text string, line int) *Item {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil || len(root.Content) == 0 {
		return nil
	}
	var best *Item
	begins := 0
	for _, i := range f.Items {
		n, at := root.Content[0], 0
		for _, key := range i.Path {
			var k *yaml.Node
			if k, n = spec.DraftOf(n).Get(key); n == nil {
				break
			}
			at = k.Line
		}
		// Of items that begin above the line, the last one has it, or the
		// deepest of those that begin in one line.
		if n != nil && at <= line && (at > begins || at == begins && best != nil && len(i.Path) >= len(best.Path)) {
			best, begins = i, at
		}
	}
	return best
}

// Surroundings is a spec in which the fragment can stand: what it refers to, as
// it is on the host.
func (f *Fragment) Surroundings(r host.Reader) (string, error) {
	users, groups := f.Needs()
	us, gs := spec.NewDraft(), spec.NewDraft()
	for _, name := range users {
		u, err := r.User(name)
		if err != nil {
			return "", err
		}
		if u == nil {
			continue
		}
		group, err := kind.PrimaryGroup(r, u)
		if err != nil {
			return "", err
		}
		us.Set(name, spec.NewDraft().Text("group", group).Text("home", u.Home).Flag("system", true).Node())
		if group != "" && !slices.Contains(groups, group) && !spec.SystemGroup(group) {
			groups = append(groups, group)
		}
	}
	for _, name := range groups {
		g, err := r.Group(name)
		if err != nil {
			return "", err
		}
		if g != nil && !slices.Contains(users, name) {
			gs.Set(name, spec.NewDraft().Node())
		}
	}
	root := spec.NewDraft().Text("description", "what the fragment refers to")
	if !gs.Empty() {
		root.Set("groups", gs.Node())
	}
	if !us.Empty() {
		root.Set("users", us.Node())
	}
	data, err := yaml.Marshal(root.Node())
	if err != nil {
		return "", fmt.Errorf("cannot write what is around the fragment: %w", err)
	}
	return string(data), nil
}

// tree puts items at their paths, sections in the order in which they come.
func tree(items []*Item) *yaml.Node {
	root := spec.NewDraft()
	for _, i := range items {
		at := root
		for _, key := range i.Path[:len(i.Path)-1] {
			_, next := at.Get(key)
			if next == nil {
				next = spec.NewDraft().Node()
				at.Set(key, next)
			}
			at = spec.DraftOf(next)
		}
		last := i.Path[len(i.Path)-1]
		value := clone(i.Value)
		if _, old := at.Get(last); old != nil {
			spec.DraftOf(old).Merge(value)
			continue
		}
		key, _ := at.Set(last, value).Get(last)
		key.HeadComment = i.From
	}
	return root.Node()
}

func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = slices.Clone(n.Content)
	for i := range c.Content {
		c.Content[i] = clone(c.Content[i])
	}
	return &c
}
