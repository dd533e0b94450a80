package undo

import (
	"context"

	"opsafe/internal/history"
	"opsafe/internal/host"
)

// swapped are the packages of a run in whose place others come back that cannot be
// beside them: apt takes away one and installs the other in one step, so that what needs
// either is never without. Empty: each goes and comes by itself.
func swapped(ctx context.Context, r host.Reader, kept []history.Kept) []string {
	var coming, going []string
	for _, k := range kept {
		if k.Package == nil {
			continue
		}
		p, err := r.Package(k.Package.Name)
		if err != nil {
			return nil
		}
		switch there := p != nil && p.State == host.Installed; {
		case there && !k.Package.There():
			going = append(going, k.Package.Name)
		case !there && k.Package.There():
			coming = append(coming, k.Package.Name)
		}
	}
	if len(coming) == 0 || len(going) == 0 {
		return nil
	}
	ask := func(c host.InstallCheck) error { return r.Check(ctx, host.NewInstallCheck(c), host.NewContent(nil)) }
	if ask(host.InstallCheck{Names: coming}) == nil || ask(host.InstallCheck{Names: coming, Replaced: going}) != nil {
		return nil
	}
	return going
}
