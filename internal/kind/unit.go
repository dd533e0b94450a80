package kind

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Units is the kind unit.
func Units() Kind {
	return Kind{
		Part: spec.Part{
			Name: "unit", Plural: "units", Is: "services and timers", Sections: []string{"units"},
			Own: []spec.Section{unitSection()}, Names: nameUnits, Owns: ownUnitFiles,
		},
		Stage: StageUnits, Declare: declareUnits, Adopt: adoptUnits, TakenOver: true,
		Covers:  coverUnits,
		Orphans: []Orphans{unitOrphans()},
	}
}

// declareUnits lists drop-ins, then units in the order of unitOrder.
func declareUnits(in *Input) []Resource {
	var dropIns, units []Resource
	for _, name := range unitOrder(in.Backend) {
		u := UnitsOf(in.Backend)[name]
		for _, d := range slices.Sorted(maps.Keys(u.DropIns)) {
			dropIns = append(dropIns, dropInResource(in, name, d, u))
		}
		units = append(units, Resource{
			ID: change.ID{Kind: "unit", Name: name}, Pos: u.Pos, When: u.When,
			Needs:   unitNeeds(in, name, u),
			Looker:  unitLook{in: in, name: name, decl: u},
			Stopped: u.Running != nil && !*u.Running,
		})
	}
	return append(dropIns, units...)
}

// unitNeeds are the unit's drop-ins, what it activates, and the package whose
// unit it is.
func unitNeeds(in *Input, name string, u *Unit) []change.ID {
	var needs []change.ID
	for _, d := range slices.Sorted(maps.Keys(u.DropIns)) {
		needs = append(needs, change.ID{Kind: "unit", Name: dropInName(name, d)})
	}
	if started := activated(name, u.Data); started != "" {
		if declared := unitNames(in.Backend)[started]; declared != "" {
			needs = append(needs, change.ID{Kind: "unit", Name: declared})
		}
	}
	for _, p := range slices.Sorted(maps.Keys(packagesOf(in.Backend))) {
		k := Known(p)
		if said := packagesOf(in.Backend)[p].Provides; said != nil {
			k.Units = append(slices.Clone(k.Units), said.Units...)
		}
		if slices.Contains(k.Units, name) {
			needs = append(needs, in.needPackage(p)...)
		}
	}
	return needs
}

// unitLook is one unit: its file, whether it is enabled, and whether it runs.
type unitLook struct {
	in   *Input
	name string
	decl *Unit
}

func (l unitLook) Hints() host.Hints {
	names := []string{l.name}
	if s := activated(l.name, l.decl.Data); s != "" {
		names = append(names, s)
	}
	return host.Hints{Units: names}
}

func (l unitLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	u, err := r.Unit(ctx, l.name)
	if err != nil {
		return c, err
	}
	if l.decl.State == stateAbsent {
		return l.remove(ctx, r, u)
	}
	if err := l.itself(u); err != nil {
		return c, err
	}
	if l.own() {
		if err := writeUnitFile(ctx, r, l.in, &c, l.name, unitDir+l.name, l.decl.Text, false); err != nil {
			return c, err
		}
	} else if !u.Known() {
		if spec.Is(l.decl.Masked) {
			return l.mask(u, c, true), nil
		}
		return c, missing("unit "+l.name, "there is no such unit on this host, and nothing that is declared brings it: declare the package that does, with units under its provides, correct the name, declare its text, or add %q", "when: unit "+l.name+" exists")
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
func (l unitLook) own() bool {
	return l.decl.Source != "" || l.decl.Content != nil || l.decl.Template != ""
}

// itself refuses to enable or mask a unit by another of its names, which systemd
// does not do.
func (l unitLook) itself(u *host.Unit) error {
	said := l.decl.Enabled != nil || l.decl.Masked != nil
	if l.own() || !said || u == nil || u.Fragment == "" || u.Masked() {
		return nil
	}
	if name := path.Base(u.Fragment); name != l.name && name != debian.TemplateOf(l.name) {
		return fmt.Errorf("it is another name of %s: declare that", name)
	}
	return nil
}

// masked is whether the unit has to be masked; nil: that is not said. What is to
// be enabled or to run cannot be; a file of ours that is written replaces the
// mask in its place.
func (l unitLook) masked(rewritten bool) *bool {
	if l.decl.Masked == nil && !rewritten && (spec.Is(l.decl.Enabled) || spec.Is(l.decl.Running)) {
		return new(bool)
	}
	return l.decl.Masked
}

func (l unitLook) mask(u *host.Unit, c change.Change, want bool) change.Change {
	masked := u != nil && u.File == "masked"
	switch {
	case masked == want:
		return c
	case want:
		c.Steps = append(c.Steps, host.MaskUnit{Name: l.name})
	default:
		c.Steps = append(c.Steps, host.UnmaskUnit{Name: l.name})
	}
	c.Differ("masked", yesNo(masked), yesNo(!masked))
	c.Action = cmp.Or(c.Action, change.Modify)
	return c
}

// references checks that the unit which a timer, path, socket or automount starts
// exists.
func (l unitLook) references(ctx context.Context, r host.Reader) error {
	name := activated(l.name, l.decl.Data)
	if name == "" || unitNames(l.in.Backend)[name] != "" {
		return nil
	}
	u, err := r.Unit(ctx, name)
	if err != nil {
		return err
	}
	if u == nil {
		return missing("unit "+name, "it starts %s, and there is no such unit on this host nor in the spec", name)
	}
	return nil
}
