package spec

import (
	"strings"
)

func (c *Checker) packages() {
	for name, p := range c.b.Packages {
		label := "package " + name
		c.Fail(p.Pos, label, PackageName(name))
		c.One(p.Meta, label, "state", p.State, "installed", "absent", "purged")
		if gone(p.State) && Is(p.Hold) {
			c.Addf(p.At("hold"), "%s: is %s and held: want one or the other", label, p.State)
		}
		if p.State == "" && p.Hold == nil && p.fields != nil && !p.Has("state") {
			c.Addf(p.Pos, "%s: says nothing: want a state (installed, absent, purged), a hold, or both", label)
		}
		c.otherArch(name, label, p)
		if p.Provides == nil {
			continue
		}
		for i, u := range p.Provides.Units {
			c.Fail(p.Provides.At("units", i), label+": provides", unitName(u))
		}
		for i, f := range p.Provides.Files {
			c.Fail(p.Provides.At("files", i), label+": provides", CleanPath(f))
		}
		for i, d := range p.Provides.Directories {
			c.Fail(p.Provides.At("directories", i), label+": provides", CleanPath(d))
		}
		for i, u := range p.Provides.Users {
			c.Fail(p.Provides.At("users", i), label+": provides: user "+quote(u), accountName(u))
		}
		for i, g := range p.Provides.Groups {
			c.Fail(p.Provides.At("groups", i), label+": provides: group "+quote(g), accountName(g))
		}
	}
}

// otherArch checks a package of one architecture against its bare name, which removes
// and holds all of them.
func (c *Checker) otherArch(name, label string, p *Package) {
	bare, _, ok := strings.Cut(name, ":")
	all := c.b.Packages[bare]
	if !ok || all == nil {
		return
	}
	if gone(all.State) && p.State != "" && p.State != all.State {
		c.Addf(p.Pos, "%s: is %s, and %s at %s is %s, of all architectures: say one or the other", label, p.State, bare, all.Pos, all.State)
	}
	if all.Hold != nil && p.Hold != nil && *all.Hold != *p.Hold {
		c.Addf(p.Pos, "%s: its hold is not that of %s at %s, which is for all architectures: say one or the other", label, bare, all.Pos)
	}
}

// installs refuses to remove packages that sections bring.
func (c *Checker) installs() {
	for _, p := range c.b.installs {
		c.needsPackage(p.Section, p.Meta, p.Package)
	}
}

// needsPackage refuses to remove a package that a section brings.
func (c *Checker) needsPackage(section string, m Meta, name string) {
	if p := c.b.Packages[name]; p != nil && gone(p.State) {
		c.Addf(p.At("state"), "package %s: is %s, but the section %s at %s needs it", name, p.State, section, m.Pos)
	}
}
