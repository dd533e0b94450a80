package kind

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Packages is the kind package.
func Packages() Kind {
	return Kind{
		Part: spec.Part{
			Name: "package", Plural: "packages", Is: "what is installed", Sections: []string{"packages"},
			Own: []spec.Section{packageSection()}, Names: namePackages,
		},
		Stage: StagePackages, Batch: true, Brings: true, Declare: declarePackages, Adopt: adoptPackages, TakenOver: true,
		Covers: coverPackages,
	}
}

// declarePackages lists the declared packages, and those that the docker and
// chrony sections stand for. What is installed comes first, so that a removal
// does not take along what something else is about to need.
func declarePackages(in *Input) []Resource {
	declared := maps.Clone(packagesOf(in.Backend))
	if declared == nil {
		declared = map[string]*Package{}
	}
	imply := func(name string, item spec.Item, hold bool) {
		p := Package{Item: item}
		if own := declared[name]; own != nil {
			p = *own
		}
		if p.State == "" {
			p.State = stateInstalled
		}
		if p.Hold == nil {
			p.Hold = &hold
		}
		declared[name] = &p
	}
	for _, p := range in.Backend.Installs() {
		imply(p.Package, p.Item, p.Hold)
	}
	verify := OnlyVerifies(in.Backend)
	var out []Resource
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		p := declared[name]
		out = append(out, Resource{
			ID:     change.ID{Kind: "package", Name: name},
			Pos:    p.Pos,
			When:   p.When,
			Looker: packageLook{name: name, decl: p, verify: verify, declared: declared},
		})
	}
	slices.SortStableFunc(out, func(a, b Resource) int {
		return cmp.Compare(packageRank(a), packageRank(b))
	})
	return out
}

func packageRank(r Resource) int {
	if l, ok := r.Looker.(packageLook); ok && l.decl.State == stateInstalled {
		return 0
	}
	return 1
}

// States of items.
const (
	stateInstalled = "installed"
	statePurged    = "purged"
)

type packageLook struct {
	name   string
	decl   *Package
	verify bool
	// declared are all, which speak for themselves.
	declared map[string]*Package
	// chosen are the names of those of them that a selection leaves; nil: all.
	chosen map[string]bool
}

func (l packageLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	facts, err := r.Facts()
	if err != nil {
		return change.Change{}, err
	}
	bare := !strings.Contains(l.name, ":")
	if key := host.NativeKey(l.name, facts.Arch); key != l.name {
		if d := l.declared[key]; d != nil {
			return change.Change{}, fmt.Errorf("on this host it is the same as %s, which is declared at %s: declare one of them", key, d.Pos)
		}
		l.name = key
	}
	p, err := r.Package(l.name)
	if err != nil {
		return change.Change{}, err
	}
	// A bare name stands for all architectures, but where it is to be installed.
	var others []host.Package
	if bare {
		if others, err = r.Foreign(l.name); err != nil {
			return change.Change{}, err
		}
	}
	c, err := l.compare(ctx, r, p, others)
	if err == nil {
		err = Finishes(r, &c, l.speaksOf)
	}
	return c, err
}

func (l packageLook) compare(ctx context.Context, r host.Reader, p *host.Package, others []host.Package) (change.Change, error) {
	switch l.decl.State {
	case "":
		return l.hold(p, others)
	case stateInstalled:
		return l.install(ctx, r, p, others)
	case Absent:
		gone := func(p host.Package) bool { return p.State == host.ConfigFiles }
		return l.remove(p, slices.DeleteFunc(slices.Clone(others), gone), Absent), nil
	}
	return l.remove(p, others, statePurged), nil
}

// hold marks a package that the spec does not install.
func (l packageLook) hold(p *host.Package, others []host.Package) (change.Change, error) {
	there := slices.ContainsFunc(others, func(p host.Package) bool { return p.State == host.Installed })
	if !there && (p == nil || p.State != host.Installed) {
		return change.Change{}, fmt.Errorf("it is not installed, so it cannot be held: declare its state, or add %q", "when: package "+l.name+" installed")
	}
	return l.marked(change.Change{}, p, others), nil
}

func (l packageLook) install(ctx context.Context, r host.Reader, p *host.Package, others []host.Package) (change.Change, error) {
	var c change.Change
	if p != nil && p.State == host.Installed {
		return l.marked(askedFor(p), p, others), nil
	}
	facts, err := r.Facts()
	if err != nil {
		return c, err
	}
	c.Action = change.Add
	c.Differ("state", packageState(p), stateInstalled)
	if l.verify {
		return change.Change{}, fmt.Errorf("%s, and this backend only verifies packages (apt.mode: verify): have it put right by whoever provides the host", packageWrong(c))
	}
	c.Notes = tornNote(p)
	for _, o := range others {
		if o.State == host.Installed {
			c.Notes = append(c.Notes, o.Name+" is installed, which is not "+l.name+": declare \""+o.Name+"\" if that is meant")
		}
	}
	going, err := l.going(ctx, r)
	if err != nil {
		return c, err
	}
	c.Steps = append(c.Steps, host.InstallPackages{
		Refresh:  true,
		Packages: []host.PackageInstall{{Name: l.name, Provides: provides(l.name, l.decl.Provides, facts), Going: going}},
	})
	if p == nil {
		p = &host.Package{Name: l.name}
	}
	p.State = host.Installed
	return l.marked(c, p, others), nil
}

// going are the packages that are declared not to be there: what is installed may take
// the place of one, which apt removes in the same step then. What needs either is
// never without.
func (l packageLook) going(ctx context.Context, r host.Reader) ([]string, error) {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(l.declared)) {
		d := l.declared[name]
		if !d.gone() || !l.picked(name) {
			continue
		}
		p, err := r.Package(name)
		if err != nil {
			return nil, err
		}
		if p == nil || p.State != host.Installed || p.Hold && (d.Hold == nil || *d.Hold) {
			continue
		}
		applies, _, err := Applies(ctx, r, d.When)
		if err != nil && !host.IsUnknown(err) {
			return nil, err
		}
		if applies && err == nil {
			out = append(out, name)
		}
	}
	return out, nil
}

// askedFor marks an installed package as one that is asked for: otherwise it would go
// with the last of those that need it.
func askedFor(p *host.Package) change.Change {
	var c change.Change
	if p.Auto {
		c.Action = change.Modify
		c.Differ("mark", "auto", "manual")
		c.Steps = []host.Step{host.MarkPackages{Names: []string{p.Name}}}
	}
	return c
}

// marked adds what sets or clears the hold, of all architectures that are there.
func (l packageLook) marked(c change.Change, p *host.Package, others []host.Package) change.Change {
	if l.decl.Hold == nil {
		return c
	}
	want := *l.decl.Hold
	all := slices.Clone(others)
	if p != nil {
		all = append([]host.Package{*p}, all...)
	}
	var names []string
	for _, p := range all {
		if p.State != host.ConfigFiles && p.Hold != want {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return c
	}
	c.Action = cmp.Or(c.Action, change.Modify)
	c.Differ(heldAttr(l.name, names), YesNo(!want), YesNo(want))
	c.Steps = append(c.Steps, host.HoldPackages{Names: names, Hold: want})
	return c
}

// heldAttr names the architectures that are held, if it is not just the host's own.
func heldAttr(name string, names []string) string {
	if slices.Equal(names, []string{name}) {
		return "held"
	}
	return "held " + strings.Join(names, ", ")
}

// remove removes all architectures that are there.
func (l packageLook) remove(p *host.Package, others []host.Package, to string) change.Change {
	var names []string
	broken := false
	was := ""
	if p != nil && (to == statePurged || p.State != host.ConfigFiles) {
		others = append([]host.Package{*p}, others...)
	}
	for _, o := range others {
		names = append(names, o.Name)
		broken = broken || o.Unfinished()
		state := packageState(&o)
		if o.Name != l.name {
			state += " (" + o.Name + ")"
		}
		was = strings.TrimPrefix(was+", "+state, ", ")
	}
	if len(names) == 0 {
		return change.Change{}
	}
	var c change.Change
	if l.decl.Hold != nil && !*l.decl.Hold {
		c = l.marked(c, nil, others)
	}
	c = change.Change{
		Action:       change.Remove,
		Attrs:        c.Attrs,
		Steps:        append(c.Steps, host.RemovePackages{Names: names, Purge: to == statePurged, Broken: broken}),
		Irreversible: "what only it needed goes too",
	}
	if to == statePurged {
		c.Irreversible = "its configuration is deleted"
	}
	c.Differ("state", was, to)
	return c
}

func packageState(p *host.Package) string {
	switch {
	case p == nil:
		return ""
	case p.State == host.Installed:
		return stateInstalled
	case p.State == host.ConfigFiles:
		return "removed, configuration left"
	default:
		return strings.ReplaceAll(string(p.State), "-", " ")
	}
}

func packageWrong(c change.Change) string {
	a := c.Attrs[0]
	switch {
	case a.After.Text == stateInstalled && a.Before.Text == "":
		return "it is not installed"
	default:
		return "it is " + a.Before.Text
	}
}

// YesNo is an attribute that is there or not, in a word.
func YesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
