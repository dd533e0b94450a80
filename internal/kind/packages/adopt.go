package packages

import (
	"context"
	"fmt"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// adopt takes a package, or what somebody has asked for.
func adopt(_ context.Context, t kind.Taker, name string) error {
	if name != "" {
		return take(t, "", name)
	}
	names, err := t.Manual()
	if err != nil {
		return err
	}
	from := "those that somebody has asked for: apt did not install them because others need them"
	for _, name := range names {
		if err := take(t, from, name); err != nil {
			return err
		}
		from = ""
	}
	return nil
}

func take(t kind.Taker, from, name string) error {
	p, err := t.Package(name)
	if err != nil {
		return err
	}
	if p == nil || p.State != host.Installed {
		return fmt.Errorf("package %s is not installed", name)
	}
	t.Brings(name)
	if p.Hold {
		return t.Take(from, spec.NewDraft().Text("state", kind.Installed).Flag("hold", true), "packages", name)
	}
	return t.Take(from, kind.Installed, "packages", name)
}
