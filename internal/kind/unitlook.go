package kind

import (
	"cmp"
	"context"
	"fmt"
	"path"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// UnitLook is one unit: its file, whether it is enabled, and whether it runs.
type UnitLook struct {
	In   *Input
	Name string
	Decl *Unit
}

// Hints are the units that it asks for.
func (l UnitLook) Hints() host.Hints {
	names := []string{l.Name}
	if s := Activated(l.Name, l.Decl.Data); s != "" {
		names = append(names, s)
	}
	return host.Hints{Units: names}
}

// Look returns the change after which the unit is as declared.
func (l UnitLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	u, err := r.Unit(ctx, l.Name)
	if err != nil {
		return c, err
	}
	if l.Decl.State == Absent {
		return l.remove(ctx, r, u)
	}
	if err := l.itself(u); err != nil {
		return c, err
	}
	if l.own() {
		if err := WriteUnitFile(ctx, r, l.In, &c, l.Name, unitDir+l.Name, l.Decl.Text, false); err != nil {
			return c, err
		}
	} else if !u.Known() {
		if spec.Is(l.Decl.Masked) {
			return l.mask(u, c, true), nil
		}
		return c, Missing("unit "+l.Name, "there is no such unit on this host, and nothing that is declared brings it: declare the package that does, with units under its provides, correct the name, declare its text, or add %q", "when: unit "+l.Name+" exists")
	}
	rewritten := len(c.Steps) > 0
	if u != nil && (rewritten || u.NeedReload && u.Load != "masked") {
		c.Steps = append(c.Steps, host.ReloadManager{})
		if !rewritten {
			c.Action = change.Modify
			c.Differ("systemd's copy", "older than its files", "read again")
		}
	}
	if err := l.references(ctx, r); err != nil {
		return c, err
	}
	if want := l.masked(rewritten); want != nil {
		c = l.mask(u, c, *want)
	}
	if err := l.enable(ctx, r, u, &c); err != nil {
		return c, err
	}
	if err := l.run(ctx, r, u, rewritten, &c); err != nil {
		return c, err
	}
	if rewritten && c.Action == change.Modify && c.Why == "" && len(c.Notify) > 0 {
		c.Why = "its unit file changes"
	}
	return c, nil
}

// own reports whether the spec has the unit's text.
func (l UnitLook) own() bool {
	return l.Decl.Source != "" || l.Decl.Content != nil || l.Decl.Template != ""
}

// itself refuses to enable or mask a unit by another of its names, which systemd
// does not do.
func (l UnitLook) itself(u *host.Unit) error {
	said := l.Decl.Enabled != nil || l.Decl.Masked != nil
	if l.own() || !said || u == nil || u.Fragment == "" || u.Masked() {
		return nil
	}
	if name := path.Base(u.Fragment); name != l.Name && name != debian.TemplateOf(l.Name) {
		return fmt.Errorf("it is another name of %s: declare that", name)
	}
	return nil
}

// masked is whether the unit has to be masked; nil: that is not said. What is to
// be enabled or to run cannot be; a file of ours that is written replaces the
// mask in its place.
func (l UnitLook) masked(rewritten bool) *bool {
	if l.Decl.Masked == nil && !rewritten && (spec.Is(l.Decl.Enabled) || spec.Is(l.Decl.Running)) {
		return new(bool)
	}
	return l.Decl.Masked
}

func (l UnitLook) mask(u *host.Unit, c change.Change, want bool) change.Change {
	masked := u != nil && u.File == "masked"
	switch {
	case masked == want:
		return c
	case want:
		if l.Decl.Running == nil && u.Running() {
			c.Notes = append(c.Notes, "it runs, and goes on until it ends or the host boots: running: false stops it")
		}
		c.Steps = append(c.Steps, host.MaskUnit{Name: l.Name})
	default:
		c.Steps = append(c.Steps, host.UnmaskUnit{Name: l.Name})
	}
	c.Differ("masked", YesNo(masked), YesNo(!masked))
	c.Action = cmp.Or(c.Action, change.Modify)
	return c
}

// references checks that the unit which a timer, path, socket or automount starts
// exists.
func (l UnitLook) references(ctx context.Context, r host.Reader) error {
	name := Activated(l.Name, l.Decl.Data)
	if name == "" || UnitNames(l.In.Backend)[name] != "" {
		return nil
	}
	u, err := r.Unit(ctx, name)
	if err != nil {
		return err
	}
	if u == nil {
		return Missing("unit "+name, "it starts %s, and there is no such unit on this host nor in the spec", name)
	}
	return nil
}
