package undo

import (
	"context"
	"errors"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/image"
	"opsafe/internal/journal"
	"opsafe/internal/kind"
)

const (
	sudoersDir = "/etc/sudoers.d"
	unitDir    = "/etc/systemd/system"
	sshUnit    = "ssh.service"
)

// look brings one thing back.
type look struct {
	kept journal.Kept
	*whole
}

// whole is what one thing has to know of the others.
type whole struct {
	kept   []journal.Kept
	coming map[string]bool // accounts that come back
	going  map[string]bool // units that go with their packages
}

// Hints tells which units are asked for.
func (l look) Hints() host.Hints {
	h := host.Hints{Docker: l.kept.Network != nil}
	if l.kept.Unit != nil {
		h.Units = []string{l.kept.Unit.Name}
	}
	for _, n := range l.kept.Notify {
		h.Units = append(h.Units, n.Unit)
	}
	return h
}

// Look is the change that brings it back, with what the kind that changed it
// would have heeded.
func (l look) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	c, err := l.kept.Restore(ctx, r)
	if err != nil || c.Empty() {
		return c, err
	}
	switch {
	case l.kept.Path != nil:
		return l.path(ctx, r, c)
	case l.kept.Package != nil:
		err = l.pkg(r, &c)
	case l.kept.Tree != nil:
		err = l.shutRoot(r, &c)
	case l.kept.Group != nil && l.kept.Group.Group != nil:
		err = l.members(r, &c)
	}
	return c, err
}

// path adds checks, and what else has to be done for a file to take effect.
func (l look) path(ctx context.Context, r host.Reader, c change.Change) (change.Change, error) {
	at := l.kept.Path.Path
	for _, n := range l.kept.Notify {
		if !l.going[n.Unit] {
			c.Notify = append(c.Notify, n)
		}
	}
	switch {
	case under(at, unitDir):
		c.Steps = append(c.Steps, host.ReloadManager{})
	case under(at, sudoersDir), under(at, "/etc/ssh"):
		return l.judged(ctx, r, c)
	}
	return c, nil
}

// judged has sudo or sshd accept a file, and puts back what is there if they do
// not come through it.
func (l look) judged(ctx context.Context, r host.Reader, c change.Change) (change.Change, error) {
	at := l.kept.Path.Path
	check, probe := kind.Judges(at)
	for i, s := range c.Steps {
		if w, ok := s.(host.WriteFile); ok {
			w.Check = check
			c.Steps[i] = w
		}
	}
	prior, err := priorFile(r, at)
	if err != nil || prior == nil {
		return c, err
	}
	for _, n := range c.Notify {
		if n.Unit == sshUnit {
			c.Undo = []host.PriorFile{*prior}
		}
	}
	if len(probe) == 0 {
		return c, nil
	}
	before := r.Check(ctx, host.Check{Argv: probe, Root: true}, host.NewContent(nil))
	if !errors.As(before, new(*host.CheckError)) { // what is broken already may be mended by this
		c.Steps = append(c.Steps, host.Probe{Argv: probe})
		c.Revert = append(c.Revert, prior.PutBack())
	}
	return c, nil
}

// priorFile is the regular file at a path, or that there is none; nil for
// anything else.
func priorFile(r host.Reader, at string) (*host.PriorFile, error) {
	n, err := r.Stat(at)
	switch {
	case err != nil:
		return nil, err
	case n == nil:
		return &host.PriorFile{Path: at, Absent: true}, nil
	case n.Type != host.TypeFile:
		return nil, nil
	}
	data, err := r.ReadFile(at)
	if err != nil {
		return nil, err
	}
	return &host.PriorFile{Path: at, Owner: n.Owner, Group: n.Group, Mode: n.Access.Mode(), Content: data}, nil
}

// shutRoot shuts the root of a tree before what is below it.
func (l look) shutRoot(r host.Reader, c *change.Change) error {
	root := l.kept.Tree.Root
	for _, k := range l.whole.kept {
		if k.Path == nil || k.Path.Path != root {
			continue
		}
		have, err := r.Stat(root)
		if err != nil {
			return err
		}
		if s := image.Shut(root, have, k.Path.Node); s != nil {
			c.Steps = append([]host.Step{s}, c.Steps...)
		}
	}
	return nil
}

// pkg adds what a package is known to bring, so that the plan can show it, and
// says what goes with one that somebody has asked for.
func (l look) pkg(r host.Reader, c *change.Change) error {
	facts, err := r.Facts()
	if err != nil {
		return err
	}
	name := l.kept.Package.Name
	for i, s := range c.Steps {
		switch s := s.(type) {
		case host.RemovePackages:
			if l.kept.Of == (change.ID{Kind: "package", Name: name}) {
				c.Irreversible = "what it has stored goes with it"
			}
		case host.InstallPackages:
			s.Packages = []host.PackageInstall{{Name: name, Provides: l.provides(name, kind.Provides(name, facts))}}
			c.Steps[i] = s
		}
	}
	return nil
}

// provides adds the units and files that a package had.
func (l look) provides(name string, p host.Provides) host.Provides {
	for _, k := range l.whole.kept {
		switch {
		case k.Unit != nil && k.Unit.Package == name && !k.Unit.Absent:
			p.Units = append(p.Units, unitOf(k.Unit))
		case k.Path != nil && k.Path.Package == name && k.Path.Node != nil:
			p.Files = append(p.Files, host.ProvidedFile{Path: k.Path.Path, Node: *k.Path.Node})
		}
	}
	return p
}

// unitOf is a unit as it comes with its package: as it was.
func unitOf(u *image.Unit) host.Unit {
	out := host.Unit{Name: u.Name, Load: "loaded", Active: "inactive", Sub: "dead", File: "disabled", Links: u.Links}
	if u.Running {
		out.Active, out.Sub = "active", "running"
	}
	if u.Enabled {
		out.File = "enabled"
	}
	return out
}

// members says who cannot be in a group again.
func (l look) members(r host.Reader, c *change.Change) error {
	for _, m := range l.kept.Group.Group.Members {
		u, err := r.User(m)
		if err != nil {
			return err
		}
		if u == nil && !l.coming[m] {
			c.Notes = append(c.Notes, m+" cannot be in it again: there is no such account")
		}
	}
	return nil
}
