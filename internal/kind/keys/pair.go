package keys

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// pairLook is a key pair that is made once and never shown.
type pairLook struct {
	in   *kind.Input
	path string
	decl *KeyPair
}

func (l pairLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	private, err := r.Stat(l.path)
	if err != nil {
		return c, err
	}
	public, err := r.Stat(l.path + ".pub")
	if err != nil {
		return c, err
	}
	owner := cmp.Or(l.decl.Owner, "root")
	group, err := l.group(r, owner)
	if err != nil {
		return c, err
	}
	switch {
	case private == nil && public != nil:
		return c, fmt.Errorf("%s.pub is there without its private half: opsafe does not replace it; bring the private half back, or rename the public one to have a new pair made", l.path)
	case private == nil:
		return l.create(r, owner, group)
	}
	if err := l.half(&c, l.path, owner, group, *private, 0o600); err != nil {
		return c, err
	}
	if public != nil {
		if err := l.half(&c, l.path+".pub", owner, group, *public, 0o644); err != nil {
			return c, err
		}
		c.Notes, err = l.otherwise(r)
		return c, err
	}
	// A run that died between the two halves, or somebody, has left it so.
	if key, err := l.present(r); err == nil && key.invalid {
		return c, fmt.Errorf("the public half is missing, and %s holds no private key that it can be derived from: bring it back, or move it away to have a new pair made", l.path)
	}
	step, err := l.step(r, owner, group)
	if err != nil {
		return c, err
	}
	c.Action = change.Modify
	c.Steps = append(c.Steps, step)
	c.Fresh("public half", "derived from the private one")
	return c, nil
}

// group is the declared one, or the owner's primary group.
func (l pairLook) group(r host.Reader, owner string) (string, error) {
	if l.decl.Group != "" {
		return l.decl.Group, nil
	}
	u, err := r.User(owner)
	if err != nil {
		return "", err
	}
	if u == nil {
		return "", fmt.Errorf("there is no user %s to give it to", owner)
	}
	return kind.GroupOfGID(r, u.GID)
}

// half adds what makes owner and mode of one half as declared.
func (l pairLook) half(c *change.Change, at, owner, group string, n host.Node, mode host.Mode) error {
	if n.Type != host.TypeFile {
		return fmt.Errorf("%s is a %s, not a file", at, n.Type)
	}
	return look{user: owner}.own(c, at, group, n, mode)
}

func (l pairLook) step(r host.Reader, owner, group string) (host.MakeKeyPair, error) {
	facts, err := r.Facts()
	if err != nil {
		return host.MakeKeyPair{}, err
	}
	return host.MakeKeyPair{
		Path: l.path, Type: cmp.Or(l.decl.Type, "ed25519"), Bits: l.decl.Bits,
		Comment: cmp.Or(l.decl.Comment, owner+"@"+facts.Hostname), Owner: owner, Group: group,
	}, nil
}

func (l pairLook) create(r host.Reader, owner, group string) (change.Change, error) {
	step, err := l.step(r, owner, group)
	if err != nil {
		return change.Change{}, err
	}
	g, err := r.Group(group)
	if err != nil {
		return change.Change{}, err
	}
	if g == nil {
		return change.Change{}, fmt.Errorf("there is no group %s", group)
	}
	c := change.Change{Action: change.Add}
	if err := l.directories(r, path.Dir(l.path), owner, group, &c); err != nil {
		return c, err
	}
	c.Steps = append(c.Steps, step)
	c.Fresh("type", step.Type, "comment", step.Comment, "owner", owner, "mode", "0600")
	return c, nil
}

// directories makes what is missing on the way to a new pair in the owner's home,
// for the owner alone.
func (l pairLook) directories(r host.Reader, dir, owner, group string, c *change.Change) error {
	n, err := r.Stat(dir)
	if err != nil || n != nil {
		return err
	}
	u, err := r.User(owner)
	if err != nil {
		return err
	}
	// Of a user that a package is to bring, the home may not be known.
	if u == nil || u.Home == "" || !strings.HasPrefix(dir, u.Home+"/") {
		return kind.MissingPath(dir, "there is no directory %s: if a package brings it, say so with directories under provides of that package; else declare it under directories", dir)
	}
	step := host.MakeDir{Path: dir, Owner: owner, Group: group, Access: host.AccessOf(dirMode)}
	if err := l.directories(r, path.Dir(dir), owner, group, c); err != nil {
		return err
	}
	c.Fresh("directory "+dir, step.Owner+":"+step.Group+" "+step.Access.Mode().String())
	c.Steps = append(c.Steps, step)
	return nil
}
