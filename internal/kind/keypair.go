package kind

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// keyPairLook is a key pair that is made once and never shown.
type keyPairLook struct {
	in   *Input
	path string
	decl *spec.KeyPair
}

func (l keyPairLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	private, err := r.Stat(l.path)
	if err != nil {
		return c, err
	}
	public, err := r.Stat(l.path + ".pub")
	if err != nil {
		return c, err
	}
	owner, group := cmp.Or(l.decl.Owner, "root"), cmp.Or(l.decl.Group, l.decl.Owner, "root")
	switch {
	case private == nil && public != nil:
		return c, fmt.Errorf("%s.pub is there without its private half: opsafe does not replace it; remove it to have a new pair made", l.path)
	case private == nil:
		return l.create(r, owner, group)
	case public == nil:
		// A run that died between the two halves, or somebody, has left it so.
		step, err := l.step(r, owner, group)
		if err != nil {
			return c, err
		}
		c.Action, c.Steps = change.Modify, []host.Step{step}
		fresh(&c, "public half", "derived from the private one")
		return c, nil
	}
	for _, half := range []struct {
		path string
		node host.Node
		mode host.Mode
	}{{l.path, *private, 0o600}, {l.path + ".pub", *public, 0o644}} {
		if half.node.Type != host.TypeFile {
			return c, fmt.Errorf("%s is a %s, not a file", half.path, half.node.Type)
		}
		k := keyLook{user: owner}
		if err := k.own(&c, half.path, group, half.node, half.mode); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (l keyPairLook) step(r host.Reader, owner, group string) (host.MakeKeyPair, error) {
	facts, err := r.Facts()
	if err != nil {
		return host.MakeKeyPair{}, err
	}
	return host.MakeKeyPair{
		Path: l.path, Type: cmp.Or(l.decl.Type, "ed25519"), Bits: l.decl.Bits,
		Comment: cmp.Or(l.decl.Comment, owner+"@"+facts.Hostname), Owner: owner, Group: group,
	}, nil
}

func (l keyPairLook) create(r host.Reader, owner, group string) (change.Change, error) {
	step, err := l.step(r, owner, group)
	if err != nil {
		return change.Change{}, err
	}
	c := change.Change{Action: change.Add}
	if err := l.directories(r, path.Dir(l.path), owner, group, &c); err != nil {
		return c, err
	}
	c.Steps = append(c.Steps, step)
	fresh(&c, "type", step.Type, "comment", step.Comment, "owner", owner, "mode", "0600")
	return c, nil
}

// directories makes what is missing on the way to a new pair: directories that
// are declared, which would only be made later, and those in the owner's home,
// for the owner alone.
func (l keyPairLook) directories(r host.Reader, dir, owner, group string, c *change.Change) error {
	n, err := r.Stat(dir)
	if err != nil || n != nil {
		return err
	}
	step := host.MakeDir{Path: dir, Owner: owner, Group: group, Access: host.AccessOf(sshDirMode)}
	d := l.in.Backend.Directories[dir]
	if declared := d != nil && d.State != stateAbsent; declared {
		n := ownership{owner: d.Owner, group: d.Group, mode: spec.Mode(d.Mode)}.fresh(host.TypeDir, madeDirMode)
		step.Owner, step.Group, step.Access = n.Owner, n.Group, n.Access
	} else {
		u, err := r.User(owner)
		if err != nil {
			return err
		}
		if u == nil || !strings.HasPrefix(dir, u.Home+"/") {
			return fmt.Errorf("there is no directory %s: declare it under directories", dir)
		}
	}
	if err := l.directories(r, path.Dir(dir), owner, group, c); err != nil {
		return err
	}
	fresh(c, "directory "+dir, step.Owner+":"+step.Group+" "+step.Access.Mode().String())
	c.Steps = append(c.Steps, step)
	return nil
}
