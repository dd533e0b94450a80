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

// aptVerify is the mode of hosts without an archive: packages are checked,
// never installed or removed.
const aptVerify = "verify"

// declarePackages lists the declared packages, and those that the docker and
// chrony sections stand for. What is installed comes first, so that a removal
// does not take along what something else is about to need.
func declarePackages(in *Input) []Resource {
	declared := maps.Clone(in.Backend.Packages)
	if declared == nil {
		declared = map[string]*spec.Package{}
	}
	imply := func(name string, item spec.Item, hold bool) {
		p := spec.Package{Item: item}
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
	if d := in.Backend.Docker; d != nil {
		imply(dockerPackage(d), d.Item, true)
	}
	if c := in.Backend.Chrony; c != nil {
		imply(chronyPackage, c.Item, false)
	}
	verify := in.Backend.Apt.Mode == aptVerify
	var out []Resource
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		p := declared[name]
		out = append(out, Resource{
			ID:     change.ID{Kind: "package", Name: name},
			Pos:    p.Pos,
			When:   p.When,
			Looker: packageLook{name: name, decl: p, verify: verify},
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
	stateAbsent    = "absent"
	statePurged    = "purged"
)

type packageLook struct {
	name   string
	decl   *spec.Package
	verify bool
}

func (l packageLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	p, err := r.Package(l.name)
	if err != nil {
		return change.Change{}, err
	}
	var c change.Change
	switch l.decl.State {
	case "":
		c, err = l.hold(p)
	case stateInstalled:
		c, err = l.install(r, p)
	case stateAbsent:
		if p != nil && p.State != host.ConfigFiles {
			c = l.remove(p, stateAbsent)
		}
	case statePurged:
		if p != nil {
			c = l.remove(p, statePurged)
		}
	}
	if err == nil && l.verify && !onlyHolds(c) {
		return change.Change{}, fmt.Errorf("%s, and this backend only verifies packages (apt.mode: verify): have it put right by whoever provides the host", packageWrong(c))
	}
	return c, err
}

// hold marks a package that the spec does not install.
func (l packageLook) hold(p *host.Package) (change.Change, error) {
	if p == nil || p.State != host.Installed {
		return change.Change{}, fmt.Errorf("it is not installed, so it cannot be held: declare its state, or add %q", "when: package "+l.name+" installed")
	}
	return l.marked(change.Change{}, p), nil
}

// onlyHolds reports whether a change needs no archive: a hold is a mark in dpkg's
// database.
func onlyHolds(c change.Change) bool {
	for _, s := range c.Steps {
		if _, ok := s.(host.HoldPackages); !ok {
			return false
		}
	}
	return true
}

func (l packageLook) install(r host.Reader, p *host.Package) (change.Change, error) {
	var c change.Change
	if p == nil || p.State != host.Installed {
		facts, err := r.Facts()
		if err != nil {
			return c, err
		}
		c.Action = change.Add
		differ(&c, "state", packageState(p), stateInstalled)
		c.Steps = append(c.Steps, host.InstallPackages{
			Refresh:  true,
			Packages: []host.PackageInstall{{Name: l.name, Provides: provides(l.name, l.decl.Provides, facts)}},
		})
	}
	return l.marked(c, p), nil
}

// marked adds what sets or clears the hold.
func (l packageLook) marked(c change.Change, p *host.Package) change.Change {
	held := p != nil && p.Hold
	if l.decl.Hold != nil && held != *l.decl.Hold {
		c.Action = cmp.Or(c.Action, change.Modify)
		differ(&c, "held", yesNo(held), yesNo(*l.decl.Hold))
		c.Steps = append(c.Steps, host.HoldPackages{Names: []string{l.name}, Hold: *l.decl.Hold})
	}
	return c
}

func (l packageLook) remove(p *host.Package, to string) change.Change {
	c := change.Change{
		Action:       change.Remove,
		Steps:        []host.Step{host.RemovePackages{Names: []string{l.name}, Purge: to == statePurged}},
		Irreversible: "what only it needed goes too",
	}
	if to == statePurged {
		c.Irreversible = "its configuration is deleted"
	}
	differ(&c, "state", packageState(p), to)
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

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
