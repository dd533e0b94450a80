package spec

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
)

// apt checks where packages come from.
func (c *Checker) apt() {
	a := c.b.Apt
	c.One(a.Meta, "apt", "mode", a.Mode, "install", "verify")
	for from, to := range a.Mirrors {
		at := a.AtKey("mirrors", from)
		c.Fail(at, "apt: mirrors", archive(from))
		c.Fail(at, "apt: mirrors: "+from, archive(to))
	}
	keys := set{}
	for name, k := range a.Keys {
		keys.add(name)
		label := "apt key " + name
		if !namePattern().MatchString(name) {
			c.Addf(k.Pos, "%s: want letters, digits, _, . and -", label)
		}
		if k.Source == "" {
			c.Addf(k.Pos, "%s: has no source: want a file beside the spec", label)
		} else if ext := path.Ext(k.Source); ext != ".asc" && ext != ".gpg" {
			c.Addf(k.At("source"), "%s: source: want a file NAME.asc or NAME.gpg", label)
		} else if k.Data != nil {
			c.Fail(k.At("source"), label+": source", keyringData(ext, k.Data))
		}
	}
	for name, s := range a.Sources {
		c.aptSource(name, s, keys)
	}
}

// keyringData checks that apt would take a file for a keyring: it passes over others,
// and then refuses the source.
func keyringData(ext string, data []byte) error {
	const armour = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	// The first octet of a packet has its tag, in the old or in the new format: a
	// public key is 6.
	binary := len(data) > 0 && (data[0]&0xfc == 0x98 || data[0] == 0xc6)
	armoured := bytes.Contains(data, []byte(armour))
	switch {
	case ext == ".asc" && !armoured && binary, ext == ".gpg" && armoured && !binary:
		return errors.New("the name does not fit the content: armoured keyrings are .asc, binary ones .gpg")
	case ext == ".asc" && !armoured:
		return fmt.Errorf("it is no keyring: there is no %s in it", armour)
	case ext == ".gpg" && !binary:
		return errors.New("it is no keyring: want what gpg --export writes")
	}
	return nil
}

func (c *Checker) aptSource(name string, s *AptSource, keys set) {
	label := "apt source " + name
	if !namePattern().MatchString(name) {
		c.Addf(s.Pos, "%s: want letters, digits, _, . and -", label)
	}
	c.State(s.Meta, label, s.State)
	if gone(s.State) {
		return
	}
	if len(s.URIs) == 0 || len(s.Suites) == 0 {
		c.Addf(s.Pos, "%s: want uris and suites", label)
	}
	for i, uri := range s.URIs {
		c.Fail(s.At("uris", i), label+": uris", archive(uri))
	}
	exact := false
	for i, suite := range s.Suites {
		exact = exact || strings.HasSuffix(suite, "/")
		c.Word(s.At("suites", i), label+": suites", suite)
	}
	for i, component := range s.Components {
		c.Word(s.At("components", i), label+": components", component)
	}
	if len(s.Components) == 0 && !exact && len(s.Suites) > 0 {
		c.Addf(s.Pos, "%s: has no components, such as main (only suites that end in / do without)", label)
	}
	if s.Has("signed_by") && !keys[s.SignedBy] {
		c.Addf(s.At("signed_by"), "%s: signed_by: no key %s is declared in apt.keys%s", label, quote(s.SignedBy), c.problems.hint(s.SignedBy, keys.names()))
	}
}

// Word notes a text that is not one word.
func (c *Checker) Word(at Pos, label, s string) {
	if s == "" || strings.ContainsAny(s, " \t\r\n") || strings.ContainsFunc(s, isControl) {
		c.Addf(at, "%s: %s: want one word", label, quote(s))
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
