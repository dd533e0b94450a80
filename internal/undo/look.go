package undo

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"opsafe/internal/before"
	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
)

// look brings one thing back.
type look struct {
	kept history.Kept
	*whole
}

// whole is what one thing has to know of the others.
type whole struct {
	kept   []history.Kept
	coming map[string]bool // accounts that come back
	// Units and paths that go with their packages, by the names of those.
	going, goingPaths map[string]string
	swaps             []string // packages in whose place others come
	// unjudged is set where nobody is asked whether what comes back is right.
	unjudged bool
}

// Hints tells which units are asked for.
func (l look) Hints() host.Hints {
	h := host.Hints{Docker: l.kept.Network != nil || l.kept.Container != nil}
	if l.kept.Unit != nil {
		h.Units = []string{l.kept.Unit.Name}
	}
	for _, n := range l.kept.Notify {
		h.Units = append(h.Units, n.Unit)
	}
	return h
}

// mounts reports whether the run that is undone has changed what is mounted there.
func (l look) mounts(at string) bool {
	return slices.ContainsFunc(l.whole.kept, func(k history.Kept) bool {
		return k.Unit != nil && path.Ext(k.Unit.Name) == ".mount" && debian.MountPoint(k.Unit.Name) == at
	})
}

// Look is the change that brings it back, with what the kind that changed it
// would have heeded.
func (l look) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	if gone, err := l.wentAlong(r); err != nil || gone {
		return change.Change{}, err
	}
	if err := l.kept.Covered(r, l.mounts); err != nil {
		return change.Change{}, err
	}
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
	l.keys(r, &c)
	if under(at, notes.Dir) {
		c.Diff = nil // opsafe's own words to itself
	}
	for _, n := range l.kept.Notify {
		if l.going[n.Unit] == "" {
			c.Notify = append(c.Notify, n)
		}
	}
	switch {
	case debian.OfUnits(at):
		c.Steps = append(c.Steps, host.ReloadManager{})
	case under(at, host.TrustedDir) && len(c.Steps) > 0:
		c.Steps = append(c.Steps, host.UpdateTrust{})
	case l.unjudged:
	case under(at, debian.SudoersDir), under(at, "/etc/ssh"), under(at, "/etc/apt"):
		return l.judged(ctx, r, c)
	}
	return c, nil
}

// keys names the keys that come and go with a file of keys.
func (l look) keys(r host.Reader, c *change.Change) {
	at := l.kept.Path.Path
	if l.kept.Of.Kind != "key" && !strings.HasPrefix(path.Base(at), "authorized_keys") {
		return
	}
	for _, s := range c.Steps {
		var want []byte
		switch s := s.(type) {
		case host.WriteFile:
			if s.Path != at {
				continue
			}
			want = s.Content.Bytes()
		case host.RemovePath:
			if n, err := r.Stat(at); s.Path != at || err != nil || n == nil || n.Type != host.TypeFile {
				continue
			}
		default:
			continue
		}
		have, err := r.ReadFile(at)
		if err == nil && kind.HasKeys(slices.Concat(have, []byte("\n"), want)) {
			kind.NameKeys(c, have, want)
		}
	}
}

// judged has sudo, sshd or apt accept a file, and puts back what is there if they do
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
	if n, err := r.Stat(at); err != nil || n != nil && n.Type != host.TypeFile {
		return c, err
	}
	c.Undo = slices.ContainsFunc(c.Notify, func(n change.Notification) bool { return n.Unit == debian.SSHDUnit })
	if len(probe) == 0 {
		return c, nil
	}
	before := r.Check(ctx, host.Check{Argv: probe, Root: true}, host.NewContent(nil))
	if !errors.As(before, new(*host.CheckError)) { // what is broken already may be mended by this
		c.PutBack, c.Steps = true, append(c.Steps, host.Probe{Argv: probe})
	}
	return c, nil
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
		if s := before.Shut(root, have, k.Path.Node); s != nil {
			c.Steps = append([]host.Step{s}, c.Steps...)
		}
	}
	return nil
}

// wentAlong reports whether it is a unit, or something at a path, that has gone with
// the package that had brought it: how it was is of no account then.
func (l look) wentAlong(r host.Reader) (bool, error) {
	switch {
	case l.kept.Unit != nil && l.going[l.kept.Unit.Name] != "":
		p, err := r.Package(l.going[l.kept.Unit.Name])
		return p == nil || p.State == host.ConfigFiles, err
	case l.kept.Path != nil && l.goingPaths[l.kept.Path.Path] != "":
		p, err := r.Package(l.goingPaths[l.kept.Path.Path])
		if err != nil || p != nil {
			return false, err
		}
		n, err := r.Stat(l.kept.Path.Path)
		if err != nil || n == nil || n.Type != host.TypeDir {
			return true, err
		}
		return !host.SharedDir(r, l.kept.Path.Path, l.goes), nil
	}
	return false, nil
}

// goes reports whether a package goes with the run that is undone.
func (l look) goes(name string) bool {
	return slices.ContainsFunc(l.whole.kept, func(k history.Kept) bool {
		return k.Package != nil && k.Package.Name == name && !k.Package.There()
	})
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
			s.Packages = []host.PackageInstall{{Name: name, Provides: l.provides(name, kind.Provides(name, nil, facts)), Going: l.swaps}}
			c.Steps[i] = s
		default: // a hold brings and takes nothing
		}
	}
	return kind.Finishes(r, c, func(other string) bool {
		return slices.ContainsFunc(l.whole.kept, func(k history.Kept) bool { return k.Package != nil && k.Package.Name == other })
	})
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
func unitOf(u *before.Unit) host.Unit {
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
