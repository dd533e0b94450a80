package packages

import (
	"reflect"
	"strings"

	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// section is the section packages.
func section() spec.Section {
	return spec.Section{
		Type: reflect.TypeFor[map[string]*kind.Package](), After: "apt", Judge: check,
		Field: spec.Field{
			Name: "packages", Item: "package NAME", Is: "packages", More: "A bare word is a package's state.",
			Unset: "none", Example: "{vim: installed, nginx: {state: installed, hold: true}}", Names: new(spec.PackageForm()),
		},
	}
}

// names tells what the packages bring.
func names(c *spec.Checker) {
	bring := func(name string, said spec.Provides) {
		c.Bring(kind.Known(name))
		c.Bring(said)
	}
	for name, p := range kind.PackagesOf(c.Backend()) {
		switch {
		case p.Gone():
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

func check(c *spec.Checker) {
	for name, p := range kind.PackagesOf(c.Backend()) {
		label := "package " + name
		c.Fail(p.Pos, label, spec.PackageName(name))
		c.One(p.Meta, label, "state", p.State, kind.Installed, kind.Absent, kind.Purged)
		if p.Gone() && spec.Is(p.Hold) {
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
func checkArchitectures(c *spec.Checker, name string, p *kind.Package) {
	bare, _, ok := strings.Cut(name, ":")
	all := kind.PackagesOf(c.Backend())[bare]
	if !ok || all == nil {
		return
	}
	if all.Gone() && p.State != "" && p.State != all.State {
		c.Addf(p.Pos, "package %s: is %s, and %s at %s is %s, of all architectures: say one or the other", name, p.State, bare, all.Pos, all.State)
	}
	if all.Hold != nil && p.Hold != nil && *all.Hold != *p.Hold {
		c.Addf(p.Pos, "package %s: its hold is not that of %s at %s, which is for all architectures: say one or the other", name, bare, all.Pos)
	}
}

// checkNeeded refuses to remove packages that sections bring.
func checkNeeded(c *spec.Checker) {
	for _, i := range c.Backend().Installs() {
		if p := kind.PackagesOf(c.Backend())[i.Package]; p != nil && p.Gone() {
			c.Addf(p.At("state"), "package %s: is %s, but the section %s at %s needs it", i.Package, p.State, i.Section, i.Pos)
		}
	}
}

// checkReplaced finds packages that apt removes for another one that is installed.
func checkReplaced(c *spec.Checker) {
	declared := kind.PackagesOf(c.Backend())
	type installer struct {
		label string
		item  spec.Item
	}
	installed := map[string]installer{}
	for name, p := range declared {
		if p.State == kind.Installed {
			installed[name] = installer{"package " + name, p.Item}
		}
	}
	for _, p := range c.Backend().Installs() {
		installed[p.Package] = installer{"the section " + p.Section, p.Item}
	}
	for name, by := range installed {
		for _, other := range kind.Known(name).Replaces {
			p := declared[other]
			if p == nil || p.State != kind.Installed || p.When.Excludes(by.item.When) {
				continue
			}
			c.Addf(p.At("state"), "package %s: is installed, but apt removes it for %s, which %s at %s installs: one of them has to go", other, name, by.label, by.item.Pos)
		}
	}
}
