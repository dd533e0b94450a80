// Package adopt describes what is on a host in the words of a spec, so that a
// host that was set up by hand can be declared without writing all of it down.
package adopt

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
	"opsafe/internal/spec"
)

// Options say what is taken.
type Options struct {
	// Wanted are kinds, and single resources of them. A kind without a name
	// stands for those of its resources that somebody is likely to have set up.
	Wanted []change.ID
	// Open are files whose content is taken though not everybody may read it.
	Open []string
	// Beside is the name of the directory beside the spec that contents go to,
	// as files; empty: they are written in the spec.
	Beside string
}

// Item is something of a spec: what is written at a path of it.
type Item struct {
	Path  []string // users, app
	Value *yaml.Node
	// From says where it was seen; Named that it was asked for by its name.
	From  string
	Named bool

	refs references
}

// references are the users and groups that an item names, but those that every
// host has; and the packages that it brings, with users and groups of theirs.
type references struct{ users, groups, packages []string }

func (r references) with(more references) references {
	return references{append(r.users, more.users...), append(r.groups, more.groups...), append(r.packages, more.packages...)}
}

// Fragment is a part of a spec.
type Fragment struct {
	Items []*Item
	// Files are contents that belong beside the spec, in the directory Beside, by
	// their names there.
	Beside string
	Files  map[string]Content
	// Notes say what was left out, and why.
	Notes []string
}

// Content is that of a file. Secret: not everybody may read it on the host.
type Content struct {
	Data   []byte
	Secret bool
}

// Take looks at the host and describes what is wanted. Its error says what was
// asked for by name and is not there.
func Take(ctx context.Context, r host.Reader, o Options) (*Fragment, error) {
	t := &taker{Reader: r, Options: o, Fragment: &Fragment{
		Beside: o.Beside, Files: map[string]Content{},
	}}
	var errs []error
	for _, id := range o.Wanted {
		k, ok := kinds.Find(id.Kind)
		if !ok || k.Adopt == nil {
			return nil, fmt.Errorf("cannot adopt %s: there is no such kind", id.Kind)
		}
		t.named = id.Name != ""
		switch err := k.Adopt(ctx, t, id.Name); {
		case errors.Is(err, kind.ErrNoSingle):
			errs = append(errs, fmt.Errorf("cannot adopt a single %s: say %[1]s", id.Kind))
		case err != nil:
			errs = append(errs, fmt.Errorf("cannot adopt %s: %w", name(id), err))
		}
	}
	return t.Fragment, errors.Join(errs...)
}

func name(id change.ID) string {
	if id.Name == "" {
		return id.Kind
	}
	return id.String()
}

// taker looks at the host and writes the fragment.
type taker struct {
	host.Reader
	Options
	*Fragment
	named bool       // what is taken was asked for by its name
	refs  references // of the item that is being written
}

// Take writes an item. What is written at its path already gets its fields.
func (t *taker) Take(from string, value any, path ...string) error {
	node, err := nodeOf(value)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", strings.Join(path, "."), err)
	}
	refs := t.refs
	t.refs = references{}
	for _, i := range t.Items {
		if slices.Equal(i.Path, path) {
			spec.DraftOf(i.Value).Merge(node)
			i.Named = i.Named || t.named
			i.refs = i.refs.with(refs)
			return nil
		}
	}
	t.Items = append(t.Items, &Item{Path: path, Value: node, From: from, Named: t.named, refs: refs})
	return nil
}

func nodeOf(value any) (*yaml.Node, error) {
	if d, ok := value.(spec.Draft); ok {
		return d.Node(), nil
	}
	var n yaml.Node
	return &n, n.Encode(value)
}

// Refer remembers the user and group that the next item names.
func (t *taker) Refer(user, group string) {
	if user != "" && !spec.SystemUser(user) {
		t.refs.users = append(t.refs.users, user)
	}
	if group != "" && !spec.SystemGroup(group) {
		t.refs.groups = append(t.refs.groups, group)
	}
}

// Brings remembers a package that the next item brings.
func (t *taker) Brings(pkg string) { t.refs.packages = append(t.refs.packages, pkg) }

// Beside puts content beside the spec, and says how the spec names it.
func (t *taker) Beside(name string, data []byte, secret bool) string {
	if t.Options.Beside == "" {
		return ""
	}
	name = strings.Trim(strings.ReplaceAll(name, "/", "-"), "-")
	t.Files[name] = Content{Data: data, Secret: secret}
	return path.Join(t.Options.Beside, name)
}

// Opens reports whether the content of a file is taken though not everybody may read
// it.
func (t *taker) Opens(at string) bool { return slices.Contains(t.Open, at) }

// Wants reports whether a resource was asked for by its name.
func (t *taker) Wants(id change.ID) bool { return slices.Contains(t.Wanted, id) }

// Notef says what was left out, and why.
func (t *taker) Notef(format string, args ...any) {
	t.Notes = append(t.Notes, host.Readable(fmt.Sprintf(format, args...)))
}

// has reports whether something is written at a path.
func (f *Fragment) has(path ...string) bool {
	return slices.ContainsFunc(f.Items, func(i *Item) bool { return slices.Equal(i.Path, path) })
}

// Drop takes an item out, and what is written below it.
func (f *Fragment) Drop(path []string) []*Item {
	below := func(i *Item) bool { return len(i.Path) >= len(path) && slices.Equal(i.Path[:len(path)], path) }
	var out []*Item
	for _, i := range f.Items {
		if below(i) {
			out = append(out, i)
		}
	}
	f.Items = slices.DeleteFunc(f.Items, below)
	return out
}

// Needs lists the users and groups that the fragment refers to and neither
// declares nor has packages for. A user's own group comes with the user.
func (f *Fragment) Needs() (users, groups []string) {
	var brought spec.Provides
	for _, i := range f.Items {
		for _, pkg := range i.refs.packages {
			p := kind.Known(pkg)
			brought.Users, brought.Groups = append(brought.Users, p.Users...), append(brought.Groups, p.Groups...)
		}
		users, groups = append(users, i.refs.users...), append(groups, i.refs.groups...)
	}
	missing := func(names, brought []string, sections ...string) []string {
		slices.Sort(names)
		return slices.DeleteFunc(slices.Compact(names), func(n string) bool {
			return slices.Contains(brought, n) || slices.ContainsFunc(sections, func(s string) bool { return f.has(s, n) })
		})
	}
	users, groups = missing(users, brought.Users, "users"), missing(groups, brought.Groups, "groups", "users")
	return users, slices.DeleteFunc(groups, func(n string) bool { return slices.Contains(users, n) })
}
