package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// Do carries out one step, and nothing else: what a step does not say is left
// as it is.
func (h *Host) Do(ctx context.Context, s host.Step) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cannot begin a step: %w", err)
	}
	defer h.mounts.Clear()
	defer h.evaluated.forget()
	switch s := s.(type) {
	case host.AccountStep:
		return h.doAccount(ctx, s)
	case host.PackageStep:
		return h.doPackage(ctx, s)
	case host.UnitStep:
		return h.doUnit(ctx, s)
	case host.DockerStep:
		return h.doDocker(ctx, s)
	case host.FirewallStep:
		return doFirewall(s)
	case host.FileStep:
		err := h.explained(s, h.doFile(ctx, s))
		if h.underSystemd(ctx, s) {
			h.units.forget()
		}
		return err
	case host.NoteStep:
		return h.doNote(s)
	case host.TrialStep:
		return h.doTrial(ctx, s)
	case host.Probe:
		return h.probe(ctx, s)
	}
	return errNoStep
}

// errNoStep answers a step that is nil: there are no others than those that are
// done.
var errNoStep = errors.New("there is no step to be done")

// probe has a program judge what is in place.
func (h *Host) probe(ctx context.Context, s host.Probe) error {
	if s.Guarded {
		for _, at := range host.Deciding(s.Argv) {
			if err := h.guarded(at); err != nil {
				return fmt.Errorf("cannot run %s as root: %w", strings.Join(s.Argv, " "), err)
			}
		}
	}
	_, err := run(ctx, s.Argv, runOptions{})
	if err != nil {
		return fmt.Errorf("%s does not accept what is in place: %w", s.Argv[0], err)
	}
	return nil
}

// guarded is an error if others than root decide what is at a path. Nobody else can
// change that afterwards either.
func (h *Host) guarded(at string) error {
	_, exposed, err := host.Exposed(at, h.Stat)
	if err == nil && exposed != "" {
		err = fmt.Errorf("others than root can write %s: let root alone write there, or choose another program", exposed)
	}
	return err
}

// underSystemd reports whether a step on files touches what systemd reads.
func (h *Host) underSystemd(ctx context.Context, s host.FileStep) bool {
	return slices.ContainsFunc(host.Touches(ctx, h, s), func(t host.Touch) bool {
		path := filepath.Clean(t.Name) + "/"
		return slices.ContainsFunc([]string{"/etc/systemd/", "/run/systemd/", "/usr/lib/systemd/", "/lib/systemd/"}, func(dir string) bool { return strings.HasPrefix(path, dir) })
	})
}

// doFile carries out the steps on files.
func (h *Host) doFile(ctx context.Context, s host.FileStep) error {
	switch s := s.(type) {
	case host.WriteFile:
		return h.writeFile(ctx, s)
	case host.MakeDir:
		return h.makeDir(s)
	case host.MakeDirs:
		return h.makeDirs(s)
	case host.WriteFiles:
		return h.writeFiles(s)
	case host.MakeLink:
		return h.makeLink(s)
	case host.SetOwner:
		return h.setOwner(s)
	case host.SetAccess:
		return h.setAccess(s)
	case host.RemovePath:
		return h.removePath(s)
	case host.FixTree:
		return h.fixTree(ctx, s)
	case host.MakeKeyPair:
		return h.makeKeyPair(s)
	case host.MakeCertificate:
		return h.makeCertificate(s)
	case host.UpdateTrust:
		return h.updateTrust(ctx, s)
	case host.Unpack:
		return h.unpack(ctx, s)
	case host.RemoveUnpacked:
		return h.removeUnpacked(ctx, s)
	}
	return errNoStep
}

// doNote carries out the steps on opsafe's own notes.
func (h *Host) doNote(s host.NoteStep) error {
	switch s := s.(type) {
	case host.Owe:
		return h.owe(s.Pending)
	case host.Settle:
		return h.settle(s)
	}
	return errNoStep
}
