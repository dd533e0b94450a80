package kind

import (
	"reflect"
	"strings"

	"opsafe/internal/spec"
)

// packageSection is the section packages.
func packageSection() spec.Section {
	return spec.Section{
		Type: reflect.TypeFor[map[string]*Package](), After: "apt", Judge: checkPackages,
		Field: spec.Field{
			Name: "packages", Item: "package NAME", Is: "packages", More: "A bare word is a package's state.",
			Unset: "none", Example: "{vim: installed, nginx: {state: installed, hold: true}}", Names: new(spec.PackageForm()),
		},
	}
}

// Package is a Debian package. A bare word is its state.
type Package struct {
	spec.Item
	// State is installed, absent (removed, configuration kept) or purged. Left
	// out, only the hold is managed.
	State string `yaml:"state"`
	// Hold keeps apt from ever upgrading it by the way.
	Hold *bool `yaml:"hold"`
	// Provides says what the package brings, where opsafe does not know it and
	// the spec refers to it.
	Provides *spec.Provides `yaml:"provides"`
}

// ShortField names the field that a bare word is the value of.
func (Package) ShortField() string { return "state" }

// Fields says what there is to know of the fields.
func (Package) Fields() []spec.Field {
	return []spec.Field{
		{Name: "state", Is: "whether it is installed", More: "absent leaves its configuration, purged does not. A bare word in place of the fields says it, too: vim: installed.", Unset: "only hold is managed", Example: "installed", Form: spec.WordsForm(stateInstalled, Absent, statePurged)},
		{Name: "hold", Is: "apt leaves it alone when all else is upgraded", Example: "true"},
		{Name: "provides", Is: "what the package brings", More: "So that the spec can refer to it. opsafe knows it of docker.io, chrony, samba, openssh-server, and of the common servers (nginx, apache2, php-fpm, postgresql, mariadb-server, redis-server) with their variants and versions. What nobody has said is known after apply.", Unset: "what opsafe knows of the package", Example: "{units: [nginx.service], users: [nginx]}"},
	}
}

func (p *Package) gone() bool { return p.State == Absent || p.State == statePurged }

func packagesOf(b *spec.Backend) map[string]*Package {
	return spec.Of[map[string]*Package](b, "packages")
}

// namePackages tells what the packages bring.
func namePackages(c *spec.Checker) {
	bring := func(name string, said spec.Provides) {
		c.Bring(Known(name))
		c.Bring(said)
	}
	for name, p := range packagesOf(c.Backend()) {
		switch {
		case p.gone():
		case p.Provides != nil:
			bring(name, *p.Provides)
		default:
			bring(name, spec.Provides{})
		}
	}
	for _, p := range c.Backend().Installs() {
		bring(p.Package, p.Brings)
	}
}

func checkPackages(c *spec.Checker) {
	for name, p := range packagesOf(c.Backend()) {
		label := "package " + name
		c.Fail(p.Pos, label, spec.PackageName(name))
		c.One(p.Meta, label, "state", p.State, stateInstalled, Absent, statePurged)
		if p.gone() && spec.Is(p.Hold) {
			c.Addf(p.At("hold"), "%s: is %s and held: want one or the other", label, p.State)
		}
		if p.Hold == nil && !p.Has("state") {
			c.Addf(p.Pos, "%s: says nothing: want a state (installed, absent, purged), a hold, or both", label)
		}
		checkArchitectures(c, name, p)
		if p.Provides != nil {
			c.Provides(label+": provides", *p.Provides)
		}
	}
	checkNeeded(c)
	checkReplaced(c)
}

// checkArchitectures checks a package of one architecture against its bare name, which
// removes and holds all of them.
func checkArchitectures(c *spec.Checker, name string, p *Package) {
	bare, _, ok := strings.Cut(name, ":")
	all := packagesOf(c.Backend())[bare]
	if !ok || all == nil {
		return
	}
	if all.gone() && p.State != "" && p.State != all.State {
		c.Addf(p.Pos, "package %s: is %s, and %s at %s is %s, of all architectures: say one or the other", name, p.State, bare, all.Pos, all.State)
	}
	if all.Hold != nil && p.Hold != nil && *all.Hold != *p.Hold {
		c.Addf(p.Pos, "package %s: its hold is not that of %s at %s, which is for all architectures: say one or the other", name, bare, all.Pos)
	}
}

// checkNeeded refuses to remove packages that sections bring.
func checkNeeded(c *spec.Checker) {
	for _, i := range c.Backend().Installs() {
		if p := packagesOf(c.Backend())[i.Package]; p != nil && p.gone() {
			c.Addf(p.At("state"), "package %s: is %s, but the section %s at %s needs it", i.Package, p.State, i.Section, i.Pos)
		}
	}
}

// checkReplaced finds packages that apt removes for another one that is installed.
func checkReplaced(c *spec.Checker) {
	declared := packagesOf(c.Backend())
	type installer struct {
		label string
		item  spec.Item
	}
	installed := map[string]installer{}
	for name, p := range declared {
		if p.State == stateInstalled {
			installed[name] = installer{"package " + name, p.Item}
		}
	}
	for _, p := range c.Backend().Installs() {
		installed[p.Package] = installer{"the section " + p.Section, p.Item}
	}
	for name, by := range installed {
		for _, other := range Known(name).Replaces {
			p := declared[other]
			if p == nil || p.State != stateInstalled || p.When.Excludes(by.item.When) {
				continue
			}
			c.Addf(p.At("state"), "package %s: is installed, but apt removes it for %s, which %s at %s installs: one of them has to go", other, name, by.label, by.item.Pos)
		}
	}
}
