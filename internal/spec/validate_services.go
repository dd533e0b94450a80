package spec

import (
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// apt checks where packages come from.
func (c *checker) apt() {
	a := c.b.Apt
	c.one(a.Meta, "apt", "mode", a.Mode, "install", "verify")
	for from, to := range a.Mirrors {
		at := a.AtKey("mirrors", from)
		c.fail(at, "apt: mirrors", archive(from))
		c.fail(at, "apt: mirrors: "+from, archive(to))
	}
	keys := set{}
	for name, k := range a.Keys {
		keys.add(name)
		label := "apt key " + name
		if !networkPattern.MatchString(name) {
			c.addf(k.Pos, "%s: want letters, digits, _, . and -", label)
		}
		if k.Source == "" {
			c.addf(k.Pos, "%s: has no source: want a file beside the spec", label)
		} else if ext := path.Ext(k.Source); ext != ".asc" && ext != ".gpg" {
			c.addf(k.At("source"), "%s: source: want a file NAME.asc or NAME.gpg", label)
		}
	}
	for name, s := range a.Sources {
		c.aptSource(name, s, keys)
	}
}

func (c *checker) aptSource(name string, s *AptSource, keys set) {
	label := "apt source " + name
	if !networkPattern.MatchString(name) {
		c.addf(s.Pos, "%s: want letters, digits, _, . and -", label)
	}
	c.state(s.Meta, label, s.State)
	if gone(s.State) {
		return
	}
	if len(s.URIs) == 0 || len(s.Suites) == 0 {
		c.addf(s.Pos, "%s: want uris and suites", label)
	}
	for i, uri := range s.URIs {
		c.fail(s.At("uris", i), label+": uris", archive(uri))
	}
	exact := false
	for i, suite := range s.Suites {
		exact = exact || strings.HasSuffix(suite, "/")
		c.word(s.At("suites", i), label+": suites", suite)
	}
	for i, component := range s.Components {
		c.word(s.At("components", i), label+": components", component)
	}
	if len(s.Components) == 0 && !exact && len(s.Suites) > 0 {
		c.addf(s.Pos, "%s: has no components, such as main (only suites that end in / do without)", label)
	}
	if s.Has("signed_by") && !keys[s.SignedBy] {
		c.addf(s.At("signed_by"), "%s: signed_by: no key %s is declared in apt.keys%s", label, quote(s.SignedBy), c.problems.hint(s.SignedBy, keys.names()))
	}
}

func (c *checker) word(at Pos, label, s string) {
	if s == "" || strings.ContainsAny(s, " \t\r\n") || strings.ContainsFunc(s, isControl) {
		c.addf(at, "%s: %s: want one word", label, quote(s))
	}
}

type badArchive string

func (b badArchive) Error() string {
	return quote(string(b)) + ": want an address such as https://deb.debian.org/debian"
}

func archive(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || strings.ContainsAny(raw, " \t") {
		return badArchive(raw)
	}
	switch {
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
	case (u.Scheme == "file" || u.Scheme == "copy") && strings.HasPrefix(u.Path, "/"):
	default:
		return badArchive(raw)
	}
	return nil
}

func (c *checker) packages() {
	for name, p := range c.b.Packages {
		label := "package " + name
		c.fail(p.Pos, label, packageName(name))
		c.one(p.Meta, label, "state", p.State, "installed", "absent", "purged")
		if gone(p.State) && Is(p.Hold) {
			c.addf(p.At("hold"), "%s: is %s and held: want one or the other", label, p.State)
		}
		if p.State == "" && p.Hold == nil && p.fields != nil {
			c.addf(p.Pos, "%s: says nothing: want a state (installed, absent, purged), a hold, or both", label)
		}
		if p.Provides == nil {
			continue
		}
		for i, u := range p.Provides.Units {
			c.fail(p.Provides.At("units", i), label+": provides", unitName(u))
		}
		for i, f := range p.Provides.Files {
			c.fail(p.Provides.At("files", i), label+": provides", cleanPath(f))
		}
		for i, u := range p.Provides.Users {
			c.fail(p.Provides.At("users", i), label+": provides: user "+quote(u), accountName(u))
		}
		for i, g := range p.Provides.Groups {
			c.fail(p.Provides.At("groups", i), label+": provides: group "+quote(g), accountName(g))
		}
	}
}

func (c *checker) docker() {
	d := c.b.Docker
	if d == nil {
		return
	}
	if d.Has("package") {
		c.fail(d.At("package"), "docker", packageName(d.Package))
	}
	c.needsPackage("docker", d.Meta, dockerPackage(d))
	c.dockerd(d)
	bridges := map[string]string{}
	for name, n := range sorted(d.Networks) {
		label := "network " + name
		if !networkPattern.MatchString(name) {
			c.addf(n.Pos, "%s: want letters, digits, _, . and -", label)
		}
		c.state(n.Meta, label, n.State)
		if n.Has("interface") && !bridgePattern.MatchString(n.Interface) {
			c.addf(n.At("interface"), "%s: interface %s: want at most 15 letters, digits, _, . and -", label, quote(n.Interface))
		}
		if other := bridges[n.Interface]; other != "" && n.Interface != "" && !gone(n.State) {
			c.addf(n.At("interface"), "%s: interface %s is network %s's, too", label, n.Interface, other)
		}
		bridges[n.Interface] = name
		c.subnet(n, label)
	}
}

func (c *checker) subnet(n *Network, label string) {
	var prefix netip.Prefix
	if n.Has("subnet") {
		p, err := netip.ParsePrefix(n.Subnet)
		switch {
		case err != nil:
			c.addf(n.At("subnet"), "%s: subnet %s: want one such as 172.30.0.0/24", label, quote(n.Subnet))
			return
		case p != p.Masked():
			c.addf(n.At("subnet"), "%s: subnet %s: has bits beyond its prefix: write %s", label, quote(n.Subnet), p.Masked())
		}
		prefix = p.Masked()
	}
	if !n.Has("gateway") {
		return
	}
	gateway, err := netip.ParseAddr(n.Gateway)
	switch {
	case err != nil:
		c.addf(n.At("gateway"), "%s: gateway %s: want an address", label, quote(n.Gateway))
	case !n.Has("subnet"):
		c.addf(n.At("gateway"), "%s: gateway: wants a subnet, too", label)
	case !prefix.Contains(gateway):
		c.addf(n.At("gateway"), "%s: gateway %s is outside %s", label, gateway, prefix)
	}
}

func (c *checker) chrony() {
	k := c.b.Chrony
	if k == nil {
		return
	}
	c.needsPackage("chrony", k.Meta, "chrony")
	for i, s := range k.Servers {
		c.line(k.At("servers", i), "chrony: servers", s)
	}
	for i, s := range k.Pools {
		c.line(k.At("pools", i), "chrony: pools", s)
	}
	for i, s := range k.Config {
		c.line(k.At("config", i), "chrony: config", s)
	}
	c.line(k.At("refclock"), "chrony: refclock", k.Refclock)
	c.distinct(k.Meta, "chrony", "stop_around", k.StopAround)
	for i, u := range k.StopAround {
		c.unit(k.At("stop_around", i), "chrony: stop_around", u, k.When)
	}
}

// needsPackage refuses to remove a package that a section brings.
func (c *checker) needsPackage(section string, m Meta, name string) {
	if p := c.b.Packages[name]; p != nil && gone(p.State) {
		c.addf(p.At("state"), "package %s: is %s, but the section %s at %s needs it", name, p.State, section, m.Pos)
	}
}
