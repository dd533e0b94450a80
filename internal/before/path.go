package before

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// Path is what was at a path.
type Path struct {
	Path string     `json:"path"`
	Node *host.Node `json:"node,omitempty"` // nil: nothing was there
	// Content is that of a regular file, Digest its SHA-256.
	Content []byte `json:"content,omitempty"`
	Digest  string `json:"digest,omitempty"`
	// Lost says why Content is not here.
	Lost string `json:"lost,omitempty"`
	// Rights says that nothing but owner and rights is going to be changed:
	// the content was not looked at.
	Rights bool `json:"rights,omitempty"`
	// Secret says that no difference of the content may be shown.
	Secret bool `json:"secret,omitempty"`
	// Hidden are the variables of an environment file whose values may not be shown.
	Hidden []string `json:"hidden,omitempty"`
	// Archive is the tree that was there, if it was unpacked from an archive, and
	// Unpacked the name under which the run unpacks or removes one there.
	Archive  *host.Archive `json:"archive,omitempty"`
	Unpacked string        `json:"unpacked,omitempty"`
	// Home says that a new directory is filled from /etc/skel.
	Home bool `json:"home,omitempty"`
	// Parents are the directories that it lay in, the outermost first, but for those
	// that are root's alone to write and everybody's to read.
	Parents []Parent `json:"parents,omitempty"`
	// On is the mount point of the file system that it lay on; empty in old records.
	On string `json:"on,omitempty"`
	// Package is the one whose configuration it is, if that is going to go.
	Package string `json:"package,omitempty"`
}

// Parent is a directory that a path lay in.
type Parent struct {
	Path string    `json:"path"`
	Node host.Node `json:"node"`
}

// usual are the rights of a directory of the system's.
const usual = host.Mode(0o755)

// parents are the directories that a path lies in.
func parents(r host.Reader, at string) []Parent {
	var out []Parent
	for dir := path.Dir(at); dir != "/" && dir != "."; dir = path.Dir(dir) {
		n, err := r.Stat(dir)
		if err != nil || n == nil || n.Type != host.TypeDir {
			break
		}
		if n.Owner != "root" || n.Group != "root" || !n.Access.Equal(host.AccessOf(usual)) {
			out = append(out, Parent{Path: dir, Node: *n})
		}
	}
	slices.Reverse(out)
	return out
}

// missing are the steps that make the directories of a path again.
func (p *Path) missing(r host.Reader) ([]host.Step, error) {
	var steps []host.Step
	for dir := path.Dir(p.Path); dir != "/" && dir != "."; dir = path.Dir(dir) {
		n, err := r.Stat(dir)
		if err != nil {
			return nil, err
		}
		if n != nil {
			break
		}
		was := &host.Node{Owner: "root", Group: "root", Access: host.AccessOf(usual)}
		for _, d := range p.Parents {
			if d.Path != dir {
				continue
			}
			if was, err = named(r, d.Node); err != nil {
				return nil, err
			}
		}
		steps = append(steps, host.MakeDir{Path: dir, Owner: was.Owner, Group: was.Group, Access: was.Access})
	}
	slices.Reverse(steps)
	return steps, nil
}

func (p *Path) subject() host.Subject { return host.Subject{Type: host.SubjectPath, Name: p.Path} }

func (p *Path) String() string { return p.Path }

func (p *Path) state() any {
	type node struct {
		Type           host.NodeType
		Owner, Group   string
		Access         host.Access
		Target, Digest string
		Archive        *host.Archive `json:",omitempty"`
	}
	if p.Node == nil {
		return nil
	}
	s := node{Type: p.Node.Type, Owner: p.Node.Owner, Group: p.Node.Group, Access: p.Node.Access, Target: p.Node.Target, Archive: p.Archive}
	if !p.Rights {
		s.Digest = p.Digest
	}
	return s
}

func (p *Path) restore(ctx context.Context, r host.Reader) (change.Change, error) {
	c, err := p.itself(ctx, r)
	if err != nil || p.Node == nil || len(c.Steps) == 0 {
		return c, err
	}
	dirs, err := p.missing(r)
	for _, d := range dirs {
		if d, ok := d.(host.MakeDir); ok {
			c.Notes = append(c.Notes, "the directory "+d.Path+" is gone, and is made again")
		}
	}
	c.Steps = slices.Concat(dirs, c.Steps)
	return c, err
}

func (p *Path) itself(ctx context.Context, r host.Reader) (change.Change, error) {
	have, err := r.Stat(p.Path)
	switch {
	case err == nil && p.Unpacked != "":
		return p.unpacked(ctx, r, have)
	case err != nil, p.Node == nil && have == nil:
		return change.Change{}, err
	case p.Node == nil:
		return p.remove(r, have)
	}
	want := *p
	if want.Node, err = named(r, *p.Node); err != nil {
		return change.Change{}, err
	}
	switch p.Node.Type {
	case host.TypeDir:
		return want.directory(have)
	case host.TypeSymlink:
		return want.link(r, have)
	case host.TypeFile:
		return want.file(r, have)
	default:
		return change.Change{}, fmt.Errorf("cannot bring %s back: it was a %s", p.Path, p.Node.Type)
	}
}

// remove takes away what was not there.
func (p *Path) remove(r host.Reader, have *host.Node) (change.Change, error) {
	c := change.Change{Action: change.Remove}
	step := host.RemovePath{Path: p.Path}
	switch have.Type {
	case host.TypeSymlink:
		c.Attrs = append(c.Attrs, change.Attr{Name: "target", Before: p.target(r, have)})
	case host.TypeFile:
		data, err := r.ReadFile(p.Path)
		if err != nil && !host.AfterApply(err) {
			return change.Change{}, err
		}
		content := p.content(data, have)
		p.show(&c, &content, nil)
		step.Secret, step.Hidden = content.Secret(), content.HiddenNames()
	case host.TypeDir:
		steps, err := p.empty(r, p.Path, debian.Skeleton)
		if err != nil {
			return change.Change{}, err
		}
		c.Steps = steps
	default:
		differ(&c, "type", string(have.Type), "")
	}
	nodeAttrs(&c, have, nil)
	c.Steps = append(c.Steps, step)
	return c, nil
}

// empty takes out of a new home what came with it. Anything else in a directory
// keeps it: somebody else has put it there.
func (p *Path) empty(r host.Reader, dir, like string) ([]host.Step, error) {
	names, err := r.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var steps []host.Step
	for _, name := range names {
		at, source := path.Join(dir, name), path.Join(like, name)
		n, err := r.Stat(at)
		if err != nil {
			return nil, err
		}
		from, err := r.Stat(source)
		if err != nil {
			return nil, err
		}
		if !p.Home || from == nil || n == nil || from.Type != n.Type {
			return nil, fmt.Errorf("cannot remove %s: it holds %s, which was not made with it: move it away first", p.Path, at)
		}
		if n.Type == host.TypeDir {
			inner, err := p.empty(r, at, source)
			if err != nil {
				return nil, err
			}
			steps = append(steps, inner...)
		} else if err := unchanged(r, at, source, n, from); err != nil {
			return nil, fmt.Errorf("cannot remove %s: %w: move it away first", p.Path, err)
		}
		steps = append(steps, host.RemovePath{Path: at})
	}
	return steps, nil
}

// unchanged is an error if a file of a home is not the skeleton's any more.
func unchanged(r host.Reader, at, source string, n, from *host.Node) error {
	if n.Type != host.TypeFile {
		if n.Target == from.Target {
			return nil
		}
		return fmt.Errorf("%s has been changed", at)
	}
	have, err := r.ReadFile(at)
	if err != nil {
		return err
	}
	was, err := r.ReadFile(source)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, was) {
		return fmt.Errorf("%s has been changed", at)
	}
	return nil
}

func (p *Path) directory(have *host.Node) (change.Change, error) {
	want := *p.Node
	dir := host.MakeDir{Path: p.Path, Owner: want.Owner, Group: want.Group, Access: want.Access}
	switch {
	case have == nil:
		c := change.Change{Action: change.Add, Steps: []host.Step{dir}}
		nodeAttrs(&c, nil, &want)
		return c, nil
	case have.Type == host.TypeDir:
		return p.rights(have), nil
	}
	c := change.Change{Action: change.Modify, Steps: []host.Step{host.RemovePath{Path: p.Path}, dir}}
	nodeAttrs(&c, have, &want)
	return c, nil
}

func (p *Path) link(r host.Reader, have *host.Node) (change.Change, error) {
	want := *p.Node
	if have != nil && have.Type == want.Type && have.Target == want.Target && have.Owner == want.Owner && have.Group == want.Group {
		return change.Change{}, nil
	}
	if have != nil && have.Type == host.TypeDir {
		return change.Change{}, fmt.Errorf("cannot bring the link %s back: a directory is there now: move it away first", p.Path)
	}
	c := change.Change{Action: change.Add, Steps: []host.Step{host.MakeLink{Path: p.Path, Target: want.Target, Owner: want.Owner, Group: want.Group}}}
	if have != nil {
		c.Action = change.Modify
	}
	nodeAttrs(&c, have, &want)
	if have == nil || have.Target != want.Target {
		c.Attrs = append(c.Attrs, change.Attr{Name: "target", Before: p.target(r, have), After: p.target(r, &want)})
	}
	return c, nil
}

func (p *Path) file(r host.Reader, have *host.Node) (change.Change, error) {
	var now []byte
	if have != nil && have.Type == host.TypeDir {
		return change.Change{}, fmt.Errorf("cannot bring the file %s back: a directory is there now: move it away first", p.Path)
	}
	regular := have != nil && have.Type == host.TypeFile
	if p.Rights && regular {
		return p.rights(have), nil
	}
	if p.Rights {
		return change.Change{}, fmt.Errorf("cannot bring the rights of %s back: there is no such file any more", p.Path)
	}
	if regular {
		var err error
		now, err = r.ReadFile(p.Path)
		if host.AfterApply(err) {
			return change.Change{Action: change.Modify, Deferred: "its content is compared with what it was then"}, nil
		}
		if err != nil {
			return change.Change{}, err
		}
		if p.Digest != "" && host.NewContent(now).Digest() == p.Digest {
			return p.anew(now, have), nil
		}
	}
	if p.Lost != "" {
		return change.Change{}, fmt.Errorf("cannot bring the content of %s back: %s", p.Path, p.Lost)
	}
	want := *p.Node
	content := p.content(p.Content, &want)
	c := change.Change{Action: change.Add}
	if have != nil {
		c.Action = change.Modify
	}
	nodeAttrs(&c, have, &want)
	var before *host.Content
	if regular {
		b := p.content(now, have)
		before = &b
	}
	p.show(&c, before, &content)
	c.Steps = []host.Step{host.WriteFile{Path: p.Path, Content: content, Owner: want.Owner, Group: want.Group, Access: want.Access}}
	return c, nil
}

// anew makes a file that holds what it held then a new one with its old rights. To
// change those of the one that is there could give away another that somebody has
// moved to its place meanwhile.
func (p *Path) anew(now []byte, have *host.Node) change.Change {
	c := p.rights(have)
	if len(c.Steps) > 0 {
		want := *p.Node
		c.Steps = []host.Step{host.WriteFile{Path: p.Path, Content: p.content(now, &want), Owner: want.Owner, Group: want.Group, Access: want.Access}}
	}
	return c
}

// content is secret if it was said to be, if not everybody could read it, or if it is
// not known what in it is.
func (p *Path) content(data []byte, n *host.Node) host.Content {
	if p.Secret || n.Access.Mode()&0o004 == 0 || p.beforeHidden() {
		return host.NewSecret(data)
	}
	return host.NewContent(data).Hiding(p.hidden())
}

// beforeHidden reports whether it is an environment file in a record of before records
// kept which variables of one are secret.
func (p *Path) beforeHidden() bool { return p.On == "" && host.IsEnvFile(p.Path) }

func (p *Path) hidden() map[string]bool {
	var names map[string]bool
	for _, name := range p.Hidden {
		if names == nil {
			names = map[string]bool{}
		}
		names[name] = true
	}
	return names
}
