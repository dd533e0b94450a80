package kind

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// declareUnits lists drop-ins, then units: services before the timers and
// sockets that start them.
func declareUnits(in *Input) []Resource {
	names := slices.SortedFunc(maps.Keys(in.Backend.Units), func(a, b string) int {
		return cmp.Or(cmp.Compare(unitRank(a), unitRank(b)), strings.Compare(a, b))
	})
	var dropIns, units []Resource
	for _, name := range names {
		u := in.Backend.Units[name]
		for _, d := range slices.Sorted(maps.Keys(u.DropIns)) {
			dropIns = append(dropIns, dropInResource(in, name, d, u))
		}
		units = append(units, Resource{
			ID: change.ID{Kind: "unit", Name: name}, Pos: u.Pos, When: u.When,
			Needs:  unitNeeds(in, name, u),
			Looker: unitLook{in: in, name: name, decl: u},
		})
	}
	return append(dropIns, units...)
}

func unitRank(name string) int {
	switch path.Ext(name) {
	case ".timer", ".path":
		return 2
	case ".socket":
		return 1
	default:
		return 0
	}
}

// unitNeeds are the unit's drop-ins, what it activates, and the package whose
// unit it is.
func unitNeeds(in *Input, name string, u *spec.Unit) []change.ID {
	var needs []change.ID
	for _, d := range slices.Sorted(maps.Keys(u.DropIns)) {
		needs = append(needs, change.ID{Kind: "unit", Name: dropInName(name, d)})
	}
	if started := activated(name, u.Data); started != "" && in.Backend.Units[started] != nil {
		needs = append(needs, change.ID{Kind: "unit", Name: started})
	}
	for _, p := range slices.Sorted(maps.Keys(in.Backend.Packages)) {
		k, _ := Known(p)
		if said := in.Backend.Packages[p].Provides; said != nil {
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
	decl *spec.Unit
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
	own := l.decl.Source != "" || l.decl.Content != nil || l.decl.Template != ""
	if own {
		if err := writeUnitFile(ctx, r, l.in, &c, l.name, unitDir+l.name, l.decl.Text, false); err != nil {
			return c, err
		}
	} else if u == nil {
		if l.decl.Masked != nil && *l.decl.Masked {
			return l.mask(u, c, true), nil
		}
		return c, fmt.Errorf("there is no such unit on this host, and nothing that is declared brings it: correct the name, declare its text or the package, or add %q", "when: unit "+l.name+" exists")
	}
	rewritten := len(c.Steps) > 0
	if u != nil && (rewritten || u.NeedReload) {
		c.Steps = append(c.Steps, host.ReloadManager{})
		if !rewritten {
			c.Action = change.Modify
			differ(&c, "systemd's copy", "older than its files", "read again")
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
	l.run(u, rewritten, &c)
	if rewritten && c.Action == change.Modify && c.Why == "" && len(c.Notify) > 0 {
		c.Why = "its unit file changes"
	}
	return c, nil
}

func (l unitLook) remove(ctx context.Context, r host.Reader, u *host.Unit) (change.Change, error) {
	var c change.Change
	if u.Running() {
		differ(&c, "running", "yes", "no")
		c.Steps = append(c.Steps, host.StopUnit{Name: l.name})
	}
	if u != nil && len(u.Links) > 0 {
		differ(&c, "enabled", "yes", "no")
		c.Steps = append(c.Steps, host.DisableUnit{Name: l.name})
	}
	if err := writeUnitFile(ctx, r, l.in, &c, l.name, unitDir+l.name, l.decl.Text, true); err != nil {
		return c, err
	}
	if len(c.Steps) > 0 {
		c.Action = change.Remove
		c.Steps = append(c.Steps, host.ReloadManager{})
	}
	return c, nil
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
	differ(&c, "masked", yesNo(masked), yesNo(!masked))
	c.Action = cmp.Or(c.Action, change.Modify)
	return c
}

// references checks that the unit which a timer, path or socket starts exists.
func (l unitLook) references(ctx context.Context, r host.Reader) error {
	name := activated(l.name, l.decl.Data)
	if name == "" || l.in.Backend.Units[name] != nil {
		return nil
	}
	u, err := r.Unit(ctx, name)
	if err != nil {
		return err
	}
	if u == nil {
		return fmt.Errorf("it starts %s, and there is no such unit on this host nor in the spec", name)
	}
	return nil
}

// enable compares the links of [Install] with those that are there, so that a
// changed section is noticed.
func (l unitLook) enable(ctx context.Context, r host.Reader, u *host.Unit, c *change.Change) error {
	if l.decl.Enabled == nil {
		return nil
	}
	if !*l.decl.Enabled {
		if u != nil && (len(u.Links) > 0 || strings.HasPrefix(u.File, "enabled") && u.File != "enabled-runtime") {
			differ(c, "enabled", "yes", "no")
			c.Action = cmp.Or(c.Action, change.Modify)
			c.Steps = append(c.Steps, host.DisableUnit{Name: l.name})
		}
		return nil
	}
	want, err := l.links(ctx, r, u)
	if err != nil {
		return err
	}
	if len(want) == 0 {
		return fmt.Errorf("it cannot be enabled: its unit file has no [Install] section that says where")
	}
	var have []string
	if u != nil {
		have = u.Links
	}
	if u != nil && strings.HasPrefix(u.File, "enabled") && slices.Equal(have, want) {
		return nil
	}
	c.Action = cmp.Or(c.Action, change.Modify)
	if !differ(c, "enabled", yesNo(len(have) > 0), "yes") {
		differ(c, "enabled by", list(have), list(want))
	} else if u == nil {
		c.Attrs[len(c.Attrs)-1].Before = change.Text("")
	}
	c.Steps = append(c.Steps, host.EnableUnit{Name: l.name, Links: want})
	return nil
}

// links are those that [Install] asks for: of the declared text, else of the
// unit file on the host. What a package will bring is taken as it is known.
func (l unitLook) links(ctx context.Context, r host.Reader, u *host.Unit) ([]string, error) {
	data := l.decl.Data
	if len(data) == 0 && l.decl.Content == nil && u != nil {
		at, err := fragment(r, u)
		if err != nil {
			return nil, err
		}
		data, err = r.ReadFile(at)
		if host.AfterApply(err) {
			return u.Links, nil
		}
		if err != nil {
			return nil, err
		}
	} else {
		rendered, err := l.in.text(l.decl.Text).render(ctx, r)
		if err != nil {
			return nil, err
		}
		data = rendered
	}
	return installLinks(l.name, data), nil
}

// fragment is the unit's file: of a masked unit the one that counts once the mask
// is off.
func fragment(r host.Reader, u *host.Unit) (string, error) {
	if u.File != "masked" && u.Load != "masked" {
		return u.Fragment, nil
	}
	for _, dir := range []string{"/usr/local/lib/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"} {
		n, err := r.Stat(dir + u.Name)
		if err != nil {
			return "", err
		}
		if n != nil {
			return dir + u.Name, nil
		}
	}
	return "", fmt.Errorf("it is masked, and there is no unit file behind the mask")
}

// run starts or stops the unit, or has it restarted when its file has changed
// below it.
func (l unitLook) run(u *host.Unit, rewritten bool, c *change.Change) {
	running := u.Running()
	if l.decl.Running != nil && *l.decl.Running != running {
		before := yesNo(running)
		if u == nil {
			before = ""
		} else if u.Active == "failed" {
			before = "failed"
		}
		differ(c, "running", before, yesNo(*l.decl.Running))
		c.Action = cmp.Or(c.Action, change.Modify)
		if *l.decl.Running {
			c.Steps = append(c.Steps, host.StartUnit{Name: l.name})
		} else {
			c.Steps = append(c.Steps, host.StopUnit{Name: l.name})
		}
		return
	}
	if rewritten && running && u.Active != "activating" {
		c.Notify = append(c.Notify, change.Notification{Unit: l.name, Verb: host.Restart})
	}
}
