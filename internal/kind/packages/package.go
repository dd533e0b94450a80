// Package packages is the kind of what is installed.
package packages

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// Kind is the kind package.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "package", Plural: "packages", Is: "what is installed", Sections: []string{"packages"},
			Own: []spec.Section{section()}, Names: names,
		},
		Stage: kind.StagePackages, Batch: true, Brings: true, Declare: declare, Adopt: adopt, TakenOver: true,
		Covers: covers,
	}
}

func covers(_ context.Context, r kind.Recorder, b *spec.Backend) ([]string, error) {
	for _, name := range slices.Sorted(maps.Keys(kind.PackagesOf(b))) {
		_, _ = r.Candidate(name)
	}
	return nil, nil
}

// declare lists the declared packages, and those that the docker and
// chrony sections stand for. What is installed comes first, so that a removal
// does not take along what something else is about to need.
func declare(in *kind.Input) []kind.Resource {
	declared := maps.Clone(kind.PackagesOf(in.Backend))
	if declared == nil {
		declared = map[string]*kind.Package{}
	}
	imply := func(name string, item spec.Item, hold bool) {
		p := kind.Package{Item: item}
		if own := declared[name]; own != nil {
			p = *own
		}
		if p.State == "" {
			p.State = kind.Installed
		}
		if p.Hold == nil {
			p.Hold = &hold
		}
		declared[name] = &p
	}
	for _, p := range in.Backend.Installs() {
		imply(p.Package, p.Item, p.Hold)
	}
	verify := kind.OnlyVerifies(in.Backend)
	var out []kind.Resource
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		p := declared[name]
		out = append(out, kind.Resource{
			ID:     change.ID{Kind: "package", Name: name},
			Pos:    p.Pos,
			When:   p.When,
			Looker: look{name: name, decl: p, verify: verify, declared: declared},
		})
	}
	slices.SortStableFunc(out, func(a, b kind.Resource) int {
		return cmp.Compare(rank(a), rank(b))
	})
	return out
}

func rank(r kind.Resource) int {
	if l, ok := r.Looker.(look); ok && l.decl.State == kind.Installed {
		return 0
	}
	return 1
}

// look is one package.
type look struct {
	name   string
	decl   *kind.Package
	verify bool
	// declared are all, which speak for themselves.
	declared map[string]*kind.Package
	// chosen are the names of those of them that a selection leaves; nil: all.
	chosen map[string]bool
}

func (l look) Look(ctx context.Context, r host.Reader) (change.Change, error) {
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
		err = kind.Finishes(r, &c, l.speaksOf)
	}
	return c, err
}

func (l look) compare(ctx context.Context, r host.Reader, p *host.Package, others []host.Package) (change.Change, error) {
	switch l.decl.State {
	case "":
		return l.hold(p, others)
	case kind.Installed:
		return l.install(ctx, r, p, others)
	case kind.Absent:
		gone := func(p host.Package) bool { return p.State == host.ConfigFiles }
		return l.remove(p, slices.DeleteFunc(slices.Clone(others), gone), kind.Absent), nil
	}
	return l.remove(p, others, kind.Purged), nil
}

// hold marks a package that the spec does not install.
func (l look) hold(p *host.Package, others []host.Package) (change.Change, error) {
	there := slices.ContainsFunc(others, func(p host.Package) bool { return p.State == host.Installed })
	if !there && (p == nil || p.State != host.Installed) {
		return change.Change{}, fmt.Errorf("it is not installed, so it cannot be held: declare its state, or add %q", "when: package "+l.name+" installed")
	}
	return l.marked(change.Change{}, p, others), nil
}

func (l look) install(ctx context.Context, r host.Reader, p *host.Package, others []host.Package) (change.Change, error) {
	var c change.Change
	if p != nil && p.State == host.Installed {
		return l.marked(askedFor(p), p, others), nil
	}
	facts, err := r.Facts()
	if err != nil {
		return c, err
	}
	c.Action = change.Add
	c.Differ("state", p.Words(), kind.Installed)
	if l.verify {
		return change.Change{}, fmt.Errorf("%s, and this backend only verifies packages (apt.mode: verify): have it put right by whoever provides the host", wrong(c))
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
		Packages: []host.PackageInstall{{Name: l.name, Provides: kind.Provides(l.name, l.decl.Provides, facts), Going: going}},
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
func (l look) going(ctx context.Context, r host.Reader) ([]string, error) {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(l.declared)) {
		d := l.declared[name]
		if !d.Gone() || !l.picked(name) {
			continue
		}
		p, err := r.Package(name)
		if err != nil {
			return nil, err
		}
		if p == nil || p.State != host.Installed || p.Hold && (d.Hold == nil || *d.Hold) {
			continue
		}
		applies, _, err := kind.Applies(ctx, r, d.When)
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
func (l look) marked(c change.Change, p *host.Package, others []host.Package) change.Change {
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
	c.Differ(heldAttr(l.name, names), kind.YesNo(!want), kind.YesNo(want))
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
func (l look) remove(p *host.Package, others []host.Package, to string) change.Change {
	var names []string
	broken := false
	was := ""
	if p != nil && (to == kind.Purged || p.State != host.ConfigFiles) {
		others = append([]host.Package{*p}, others...)
	}
	for _, o := range others {
		names = append(names, o.Name)
		broken = broken || o.Unfinished()
		state := o.Words()
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
		Steps:        append(c.Steps, host.RemovePackages{Names: names, Purge: to == kind.Purged, Broken: broken}),
		Irreversible: "what only it needed goes too",
	}
	if to == kind.Purged {
		c.Irreversible = "its configuration is deleted"
	}
	c.Differ("state", was, to)
	return c
}

func wrong(c change.Change) string {
	a := c.Attrs[0]
	switch {
	case a.After.Text == kind.Installed && a.Before.Text == "":
		return "it is not installed"
	default:
		return "it is " + a.Before.Text
	}
}

// speaksOf reports whether a package is declared, and says itself how it is: a bare
// name speaks of other architectures only where it takes them away.
func (l look) speaksOf(key string) bool {
	if d := l.declared[key]; d != nil && d.State != "" {
		return l.picked(key)
	}
	name, _, foreign := strings.Cut(key, ":")
	d := l.declared[name]
	return foreign && l.picked(name) && d != nil && (d.State == kind.Absent || d.State == kind.Purged)
}

// Among is the look where a selection leaves packages: dpkg finishes those that are left
// out, too, and then no plan of their own says so.
func (l look) Among(left map[string]bool) kind.Looker {
	l.chosen = left
	return l
}

func (l look) picked(name string) bool { return l.chosen == nil || l.chosen[name] }

// tornNote says of a package that is to be installed that it is there by half. Whether
// its scripts fail again nobody can tell but they themselves.
func tornNote(p *host.Package) []string {
	if !p.Unfinished() {
		return nil
	}
	return []string{fmt.Sprintf("it is %s: a package manager was stopped, or the package's own scripts failed, and then fail again unless what they need is mended", p.Words())}
}

// Brings reports whether a package that is to be installed is known to bring a thing, as
// missing calls it.
func (l look) Brings(thing string, facts host.MachineFacts) bool {
	if l.decl.State != "installed" {
		return false
	}
	p := kind.Provides(l.name, l.decl.Provides, facts)
	return slices.ContainsFunc(p.Units, func(u host.Unit) bool { return thing == "unit "+u.Name }) ||
		slices.ContainsFunc(p.Groups, func(g host.Group) bool { return thing == "group "+g.Name }) ||
		slices.ContainsFunc(p.Files, func(f host.ProvidedFile) bool { return thing == f.Path })
}
