package local

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"opsafe/internal/host"
)

// Do carries out one step, and nothing else: what a step does not say is left
// as it is.
func (h *Host) Do(ctx context.Context, s host.Step) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cannot begin a step: %w", err)
	}
	switch s := s.(type) {
	case host.AddGroup, host.SetGID, host.DeleteGroup, host.SetMembers,
		host.AddUser, host.SetUser, host.DeleteUser, host.SetPassword,
		host.SetExpiry, host.EndSessions, host.SetLinger:
		return h.doAccount(ctx, s)
	case host.InstallPackages, host.RemovePackages, host.HoldPackages:
		return h.doPackage(ctx, s)
	case host.ReloadManager, host.EnableUnit, host.DisableUnit, host.MaskUnit,
		host.UnmaskUnit, host.StartUnit, host.StopUnit, host.ActOnUnit:
		return h.doUnit(ctx, s)
	case host.AddNetwork, host.RemoveNetwork:
		return h.doNetwork(ctx, s)
	case host.Probe:
		return probe(ctx, s)
	case host.WriteFile, host.MakeDir, host.MakeLink, host.SetOwner,
		host.SetAccess, host.RemovePath, host.FixTree, host.MakeKeyPair,
		host.Owe, host.Settle:
		err := h.doFile(ctx, s)
		if underSystemd(s) {
			h.units.forget()
		}
		return err
	}
	return fmt.Errorf("cannot do step %T: this host does not know it", s)
}

// probe has a program judge what is in place.
func probe(ctx context.Context, s host.Probe) error {
	_, err := run(ctx, s.Argv, runOptions{})
	if err != nil {
		return fmt.Errorf("%s does not accept what is in place: %w", s.Argv[0], err)
	}
	return nil
}

// underSystemd reports whether a step on files touches what systemd reads.
func underSystemd(s host.Step) bool {
	var path string
	switch s := s.(type) {
	case host.WriteFile:
		path = s.Path
	case host.MakeLink:
		path = s.Path
	case host.MakeDir:
		path = s.Path
	case host.RemovePath:
		path = s.Path
	case host.SetOwner:
		path = s.Path
	case host.SetAccess:
		path = s.Path
	}
	path = filepath.Clean(path)
	for _, dir := range []string{"/etc/systemd/", "/run/systemd/", "/usr/lib/systemd/", "/lib/systemd/"} {
		if strings.HasPrefix(path+"/", dir) {
			return true
		}
	}
	return false
}

// doFile carries out the steps on files and opsafe's own records.
func (h *Host) doFile(ctx context.Context, s host.Step) error {
	switch s := s.(type) {
	case host.WriteFile:
		return h.writeFile(ctx, s)
	case host.MakeDir:
		return h.makeDir(s)
	case host.MakeLink:
		return h.makeLink(s)
	case host.SetOwner:
		return h.setOwner(s)
	case host.SetAccess:
		return h.setAccess(s)
	case host.RemovePath:
		return h.removePath(s)
	case host.FixTree:
		return h.fixTree(ctx, s.Rule)
	case host.MakeKeyPair:
		return h.makeKeyPair(s)
	case host.Owe:
		return h.owe(s.Pending)
	case host.Settle:
		return h.settle(s)
	}
	return fmt.Errorf("cannot do step %T: it is no step on files", s)
}
