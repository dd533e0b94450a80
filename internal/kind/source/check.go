package source

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"

	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// judge checks where packages come from.
func judge(c *spec.Checker) {
	a := of(c.Backend())
	c.One(a.Meta, "apt", "mode", a.Mode, "install", "verify")
	for from, to := range a.Mirrors {
		at := a.AtKey("mirrors", from)
		c.Fail(at, "apt: mirrors", archiveAddress(from))
		c.Fail(at, "apt: mirrors: "+from, archiveAddress(to))
	}
	keys := map[string]bool{}
	for name, k := range a.Keys {
		keys[name] = true
		label := "apt key " + name
		if !spec.NameForm().Fits(name) {
			c.Addf(k.Pos, "%s: want letters, digits, _, . and -", label)
		}
		if k.Source == "" {
			c.Addf(k.At("source"), "%s: has no source: want a file beside the spec", label)
		} else if ext := path.Ext(k.Source); ext != ".asc" && ext != ".gpg" {
			c.Addf(k.At("source"), "%s: source: want a file NAME.asc or NAME.gpg", label)
		} else if k.Data != nil {
			c.Fail(k.At("source"), label+": source", keyringData(ext, k.Data))
		}
	}
	for name, s := range a.Sources {
		checkSource(c, name, s, keys)
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

func checkSource(c *spec.Checker, name string, s *Source, keys map[string]bool) {
	label := "apt source " + name
	if !spec.NameForm().Fits(name) {
		c.Addf(s.Pos, "%s: want letters, digits, _, . and -", label)
	}
	c.State(s.Meta, label, s.State)
	if s.State == kind.Absent {
		return
	}
	if len(s.URIs) == 0 || len(s.Suites) == 0 {
		c.Addf(s.Pos, "%s: want uris and suites", label)
	}
	for i, uri := range s.URIs {
		c.Fail(s.At("uris", i), label+": uris", archiveAddress(uri))
	}
	exact := false
	for i, suite := range s.Suites {
		exact = exact || strings.HasSuffix(suite, "/")
		checkWord(c, s.At("suites", i), label+": suites", suite)
	}
	for i, component := range s.Components {
		checkWord(c, s.At("components", i), label+": components", component)
	}
	if len(s.Components) == 0 && !exact && len(s.Suites) > 0 {
		c.Addf(s.At("components"), "%s: has no components, such as main (only suites that end in / do without)", label)
	}
	if s.Has("signed_by") && !keys[s.SignedBy] {
		c.Addf(s.At("signed_by"), "%s: signed_by: no key %s is declared in apt.keys%s", label, strconv.Quote(s.SignedBy), c.Hint(s.SignedBy, maps.Keys(keys)))
	}
}

type badArchive string

func (b badArchive) Error() string {
	return strconv.Quote(string(b)) + ": want an address such as https://deb.debian.org/debian"
}

func archiveAddress(raw string) error {
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

// checkWord notes a text that is not one word.
func checkWord(c *spec.Checker, at spec.Pos, label, s string) {
	if s == "" || strings.ContainsAny(s, " \t\r\n") || strings.ContainsFunc(s, unicode.IsControl) {
		c.Addf(at, "%s: %s: want one word", label, strconv.Quote(s))
	}
}
