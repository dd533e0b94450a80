package image

import (
	"bytes"
	"context"
	"fmt"
	"path"

	"opsafe/internal/change"
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
	// Home says that a new directory is filled from /etc/skel.
	Home bool `json:"home,omitempty"`
	// Package is the one whose configuration it is, if that is going to go.
	Package string `json:"package,omitempty"`
}

// skeleton is where homes are filled from.
const skeleton = "/etc/skel"

func (p *Path) subject() Subject { return Subject{OfPath, p.Path} }

func (p *Path) String() string { return p.Path }

func (p *Path) state() any {
	type node struct {
		Type           host.NodeType
		Owner, Group   string
		Access         host.Access
		Target, Digest string
	}
	if p.Node == nil {
		return nil
	}
	s := node{Type: p.Node.Type, Owner: p.Node.Owner, Group: p.Node.Group, Access: p.Node.Access, Target: p.Node.Target}
	if !p.Rights {
		s.Digest = p.Digest
	}
	return s
}

func (p *Path) restore(_ context.Context, r host.Reader) (change.Change, error) {
	have, err := r.Stat(p.Path)
	switch {
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
		return want.link(have)
	case host.TypeFile:
		return want.file(r, have)
	default:
		return change.Change{}, fmt.Errorf("cannot bring %s back: it was a %s", p.Path, p.Node.Type)
	}
}

// remove takes away what was not there.
func (p *Path) remove(r host.Reader, have *host.Node) (change.Change, error) {
	c := change.Change{Action: change.Remove}
	was := &host.FileImage{Node: *have}
	switch have.Type {
	case host.TypeSymlink:
		differ(&c, "target", have.Target, "")
	case host.TypeFile:
		data, err := r.ReadFile(p.Path)
		if err != nil && !host.AfterApply(err) {
			return change.Change{}, err
		}
		was.Content = p.content(data, have)
		p.show(&c, &was.Content, nil)
	case host.TypeDir:
		steps, err := p.empty(r, p.Path, skeleton)
		if err != nil {
			return change.Change{}, err
		}
		c.Steps = steps
	default:
		differ(&c, "type", string(have.Type), "")
	}
	nodeAttrs(&c, have, nil)
	c.Steps = append(c.Steps, host.RemovePath{Path: p.Path, Was: was})
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
			return nil, fmt.Errorf("cannot remove %s: it holds %s, which was not made with it: move it away or remove it first", p.Path, at)
		}
		if n.Type == host.TypeDir {
			inner, err := p.empty(r, at, source)
			if err != nil {
				return nil, err
			}
			steps = append(steps, inner...)
		} else if err := unchanged(r, at, source, n, from); err != nil {
			return nil, fmt.Errorf("cannot remove %s: %w: move it away or remove it first", p.Path, err)
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

func (p *Path) link(have *host.Node) (change.Change, error) {
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

// rights are owner, group and access alone.
func (p *Path) rights(have *host.Node) change.Change {
	var c change.Change
	want := *p.Node
	nodeAttrs(&c, have, &want)
	c.Steps = rightsSteps(p.Path, *have, want)
	if len(c.Steps) > 0 {
		c.Action = change.Modify
	}
	return c
}

// rightsSteps give what is at a path its owner, group and access back. A change
// of owner takes set-id bits away.
func rightsSteps(at string, have, want host.Node) []host.Step {
	var steps []host.Step
	chown := have.Owner != want.Owner || have.Group != want.Group
	if chown {
		steps = append(steps, host.SetOwner{Path: at, Owner: want.Owner, Group: want.Group, Was: have})
	}
	if have.Type != host.TypeSymlink && (!have.Access.Equal(want.Access) || chown && want.Access.Special != 0) {
		steps = append(steps, host.SetAccess{Path: at, Access: want.Access, Was: have.Access})
	}
	return steps
}

// content is secret if it was said to be, or if not everybody could read it.
func (p *Path) content(data []byte, n *host.Node) host.Content {
	if p.Secret || n.Access.Mode()&0o004 == 0 {
		return host.NewSecret(data)
	}
	return host.NewContent(data)
}
