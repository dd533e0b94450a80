package before

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// Unit is whether a unit ran and how it was enabled. Its files have images of
// their own.
type Unit struct {
	Name    string   `json:"name"`
	Absent  bool     `json:"absent,omitempty"` // there was no such unit
	Running bool     `json:"running"`
	Enabled bool     `json:"enabled"`
	Masked  bool     `json:"masked"`
	Links   []string `json:"links,omitempty"`
	// Package is the one that it comes with, if that is going to go.
	Package string `json:"package,omitempty"`
}

func (u *Unit) subject() host.Subject { return host.Subject{Type: host.SubjectUnit, Name: u.Name} }

func (u *Unit) String() string { return u.Name }

// state leaves out whether it runs, which changes by itself.
func (u *Unit) state() any { return []any{u.Absent, u.Enabled, u.Masked, u.Links} }

func takeUnit(ctx context.Context, r host.Reader, name string) (*Unit, error) {
	u, err := r.Unit(ctx, name)
	if err != nil {
		return nil, err
	}
	if !u.Known() && !u.Running() && (u == nil || len(u.Links) == 0) {
		return &Unit{Name: name, Absent: true}, nil
	}
	return &Unit{
		Name: name, Running: u.Running(), Links: u.Links,
		Enabled: strings.HasPrefix(u.File, "enabled"), Masked: strings.HasPrefix(u.File, "masked"),
	}, nil
}

func (u *Unit) restore(ctx context.Context, r host.Reader) (change.Change, error) {
	have, err := takeUnit(ctx, r, u.Name)
	if err != nil || have.Absent && u.Absent {
		return change.Change{}, err
	}
	if have.Absent && (u.Running || u.Enabled) {
		return change.Change{}, errors.New("cannot bring it back: there is no such unit on this host")
	}
	c := change.Change{Action: change.Modify}
	if u.Absent {
		c.Action = change.Remove
	}
	if have.Masked && !u.Masked {
		differ(&c, "masked", "yes", "no")
		c.Steps = append(c.Steps, host.UnmaskUnit{Name: u.Name})
	}
	if have.Running && !u.Running {
		differ(&c, "running", "yes", "no")
		c.Steps = append(c.Steps, host.StopUnit{Name: u.Name})
	}
	// One that is masked may be enabled behind its mask.
	on, was := u.Enabled || len(u.Links) > 0, have.Enabled || len(have.Links) > 0
	switch {
	case on && (!was || !slices.Equal(u.Links, have.Links)):
		differ(&c, "enabled", yesNo(was), "yes")
		c.Steps = append(c.Steps, host.EnableUnit{Name: u.Name, Links: u.Links})
	case !on && was:
		differ(&c, "enabled", "yes", "no")
		c.Steps = append(c.Steps, host.DisableUnit{Name: u.Name})
	}
	if u.Running && !have.Running {
		differ(&c, "running", "no", "yes")
		steps, err := startAlone(ctx, r, u.Name)
		if err != nil {
			return change.Change{}, err
		}
		c.Steps = append(c.Steps, steps...)
	}
	if u.Masked && !have.Masked {
		differ(&c, "masked", "no", "yes")
		c.Steps = append(c.Steps, host.MaskUnit{Name: u.Name})
	}
	if len(c.Steps) == 0 {
		return change.Change{}, nil
	}
	return c, nil
}

// startAlone starts a unit. A socket or an automount cannot be opened while what it
// starts runs: that is stopped meanwhile.
func startAlone(ctx context.Context, r host.Reader, name string) ([]host.Step, error) {
	u, err := r.Unit(ctx, name)
	if err != nil {
		return nil, err
	}
	var stop, again []host.Step
	for _, other := range u.Blocks() {
		o, err := r.Unit(ctx, other)
		if err != nil {
			return nil, err
		}
		if o.Running() {
			owed := host.Pending{Unit: other, Verb: host.Start, Why: "stopped while " + name + " is started"}
			stop = append(stop, host.Owe{Pending: owed}, host.StopUnit{Name: other})
			again = append(again, host.StartUnit{Name: other}, host.Settle{Unit: other, Verb: host.Start})
		}
	}
	return slices.Concat(stop, []host.Step{host.StartUnit{Name: name}}, again), nil
}

// Package is the state of a package.
type Package struct {
	Name    string        `json:"name"`
	Package *host.Package `json:"package,omitempty"` // nil: dpkg did not know it
}

func (p *Package) subject() host.Subject {
	return host.Subject{Type: host.SubjectPackage, Name: p.Name}
}

func (p *Package) String() string { return "package " + p.Name }

// state leaves out the version: that it is kept up to date is no other state.
func (p *Package) state() any {
	if p.Package == nil {
		return nil
	}
	return []any{p.Package.State, p.Package.Hold, p.Package.Auto}
}

// There reports whether a package was there, be it only half.
func (p *Package) There() bool { return there(p.Package) }

func there(p *host.Package) bool { return p != nil && p.State != host.ConfigFiles }

func (p *Package) restore(_ context.Context, r host.Reader) (change.Change, error) {
	have, err := r.Package(p.Name)
	if err != nil {
		return change.Change{}, err
	}
	was := p.Package
	var c change.Change
	switch {
	case there(was) && !there(have):
		if c, err = p.install(r, have); err != nil {
			return c, err
		}
	case there(was):
		if have.Version != was.Version && have.Version != "" {
			c.Notes = append(c.Notes, fmt.Sprintf("it was at version %s and is at %s: opsafe does not go back to an earlier version", was.Version, have.Version))
		}
	case have == nil && was != nil:
		c.Notes = append(c.Notes, "the configuration that it had left behind is gone")
		return c, nil
	case have == nil, was != nil && !there(have):
		return c, nil
	default:
		return p.remove(have), nil
	}
	p.mark(have, &c)
	if held := have != nil && have.Hold; held != was.Hold {
		differ(&c, "held", yesNo(held), yesNo(was.Hold))
		c.Steps = append(c.Steps, host.HoldPackages{Names: []string{p.Name}, Hold: was.Hold})
		if c.Action == "" {
			c.Action = change.Modify
		}
	}
	return c, nil
}

// mark has apt take it again for asked for, or for needed by others only.
func (p *Package) mark(have *host.Package, c *change.Change) {
	words := map[bool]string{false: "manual", true: "auto"}
	from := ""
	if there(have) {
		from = words[have.Auto]
	}
	want := p.Package.Auto
	if from == words[want] || from == "" && !want { // what is installed by name is asked for
		return
	}
	differ(c, "mark", from, words[want])
	c.Steps = append(c.Steps, host.MarkPackages{Names: []string{p.Name}, Auto: want})
	c.Action = cmp.Or(c.Action, change.Modify)
}

func (p *Package) install(r host.Reader, have *host.Package) (change.Change, error) {
	known, err := r.Candidate(p.Name)
	if err == nil && !known {
		return change.Change{}, fmt.Errorf("cannot bring package %s back: apt knows no package of that name any more", p.Name)
	}
	if err != nil && !host.IsUnknown(err) {
		return change.Change{}, err
	}
	c := change.Change{Action: change.Add, Steps: []host.Step{
		host.InstallPackages{Refresh: true, Packages: []host.PackageInstall{{Name: p.Name}}},
	}}
	differ(&c, "state", packageState(have), string(host.Installed))
	c.Notes = append(c.Notes, "it was at version "+p.Package.Version+"; it comes back in the version that the archive has now")
	return c, nil
}

// remove takes away what was not there: with its configuration, unless that was.
func (p *Package) remove(have *host.Package) change.Change {
	c := change.Change{Action: change.Remove}
	purge := p.Package == nil
	to := string(host.ConfigFiles)
	if purge {
		to = ""
	}
	differ(&c, "state", packageState(have), to)
	if have.Hold {
		differ(&c, "held", "yes", "")
		c.Steps = append(c.Steps, host.HoldPackages{Names: []string{p.Name}})
	}
	c.Steps = append(c.Steps, host.RemovePackages{Names: []string{p.Name}, Purge: purge, Broken: have.Unfinished()})
	return c
}

func packageState(p *host.Package) string {
	if p == nil {
		return ""
	}
	return string(p.State)
}

// Network is a docker network.
type Network struct {
	Name    string        `json:"name"`
	Network *host.Network `json:"network,omitempty"` // nil: there was none
}

func (n *Network) subject() host.Subject {
	return host.Subject{Type: host.SubjectNetwork, Name: n.Name}
}

func (n *Network) String() string { return "docker network " + n.Name }

// state leaves out what is attached, which changes by itself.
func (n *Network) state() any {
	if n.Network == nil {
		return nil
	}
	s := *n.Network
	s.Containers = nil
	return s
}

func (n *Network) restore(ctx context.Context, r host.Reader) (change.Change, error) {
	have, err := r.Network(ctx, n.Name)
	if host.IsUnknown(err) && !host.AfterApply(err) {
		// Docker leaves its socket behind when it goes.
		if u, gone := r.Unit(ctx, debian.DockerUnit); u == nil && gone == nil {
			have, err = nil, nil
		}
	}
	switch {
	case host.AfterApply(err):
		c := change.Change{Action: change.Add, Deferred: "docker does not run: once it does, the network is compared"}
		if n.Network == nil {
			c.Action = change.Remove
		}
		return c, nil
	case err != nil, have == nil && n.Network == nil:
		return change.Change{}, err
	case n.Network == nil:
		if len(have.Containers) > 0 {
			return change.Change{}, fmt.Errorf("cannot remove docker network %s: containers are attached to it: %s", n.Name, strings.Join(have.Containers, ", "))
		}
		c := change.Change{Action: change.Remove, Steps: []host.Step{host.RemoveNetwork{Name: n.Name}}}
		differ(&c, "interface", have.Interface, "")
		return c, nil
	case have != nil:
		if !Same(Image{Network: n}, Image{Network: &Network{Name: n.Name, Network: have}}) {
			return change.Change{}, fmt.Errorf("cannot bring docker network %s back: there is another of that name, and docker cannot change one: remove it first", n.Name)
		}
		return change.Change{}, nil
	}
	want := *n.Network
	want.Containers = nil
	c := change.Change{Action: change.Add, Steps: []host.Step{host.AddNetwork{Network: want}}}
	differ(&c, "driver", "", want.Driver)
	differ(&c, "interface", "", want.Interface)
	differ(&c, "subnet", "", want.Subnet)
	differ(&c, "gateway", "", want.Gateway)
	differ(&c, "subnet6", "", want.Subnet6)
	differ(&c, "gateway6", "", want.Gateway6)
	for _, k := range slices.Sorted(maps.Keys(want.Options)) {
		differ(&c, "option "+k, "", want.Options[k])
	}
	return c, nil
}
