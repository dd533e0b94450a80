package undo

import (
	"context"
	"errors"

	"opsafe/internal/change"
	"opsafe/internal/host"
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
	kept   journal.Kept
	coming map[string]bool // accounts that come back
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
		err = known(r, &c)
	case l.kept.Group != nil && l.kept.Group.Group != nil:
		err = l.members(r, &c)
	}
	return c, err
}

// path adds checks, and what else has to be done for a file to take effect.
func (l look) path(ctx context.Context, r host.Reader, c change.Change) (change.Change, error) {
	at := l.kept.Path.Path
	c.Notify = l.kept.Notify
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

// known adds what packages are known to bring, so that the plan can show it.
func known(r host.Reader, c *change.Change) error {
	facts, err := r.Facts()
	if err != nil {
		return err
	}
	for i, s := range c.Steps {
		install, ok := s.(host.InstallPackages)
		if !ok {
			continue
		}
		for j, p := range install.Packages {
			install.Packages[j].Provides = kind.Provides(p.Name, facts)
		}
		c.Steps[i] = install
	}
	return nil
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
