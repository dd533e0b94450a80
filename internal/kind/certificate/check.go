package certificate

import (
	"maps"
	"net"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

func check(b *spec.Backend, problems *spec.Problems) {
	for name, c := range of(b) {
		label := "certificate " + name
		switch {
		case c.State == kind.Absent:
			continue
		case c.Path == "" && c.PathFrom == nil:
			problems.Addf(c.At("path"), "%s: has no path, and no path_from: say where it is", label)
		case c.Path != "" && c.PathFrom != nil:
			problems.Addf(c.At("path_from"), "%s: has path and path_from: want one or the other", label)
		}
		if c.Key != "" && c.KeyFrom != nil {
			problems.Addf(c.At("key_from"), "%s: has key and key_from: want one or the other", label)
		}
		for _, from := range c.variables() {
			if from.File == "" || from.Variable == "" {
				problems.Addf(from.Pos, "%s: want a file and a variable of it that names another", label)
			}
		}
		checkSelfSigned(c, label, problems)
	}
}

// checkSelfSigned checks a pair that the host makes, and that nothing is said of one for
// which it does not.
func checkSelfSigned(c *Certificate, label string, problems *spec.Problems) {
	s := c.SelfSigned
	if s == nil {
		for _, field := range []string{"owner", "group", "notify"} {
			if c.Has(field) {
				problems.Addf(c.At(field), "%s: has %s, and comes from elsewhere: it goes with self_signed", label, field)
			}
		}
		return
	}
	if c.Path == "" || c.Key == "" || c.Path == c.Key {
		problems.Addf(s.Pos, "%s: self_signed: want path and key, two files where the pair is made", label)
	}
	if len(s.Names) == 0 {
		problems.Addf(s.At("names"), "%s: self_signed: has no names", label)
	}
	for i, name := range s.Names {
		if ip := net.ParseIP(name); ip != nil && ip.String() != name {
			problems.Addf(s.At("names", i), "%s: self_signed: %s is written %s", label, name, ip)
		}
	}
	if days := s.days(); days < 1 || days > maxDays || days <= c.warnDays() {
		problems.Addf(s.At("days"), "%s: self_signed: days: want a number from %d, which is more than warn_before, to %d", label, c.warnDays()+1, maxDays)
	}
}

// trustedFile is the copy of a certificate that the host trusts.
func trustedFile(name string) string { return path.Join(host.TrustedDir, name+trustedSuffix) }

func owns(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, c := range of(b) {
		own := func(at string) {
			out = append(out, spec.Owned{Path: at, Label: "certificate " + name, Pos: c.Pos, Absent: c.State == kind.Absent, When: c.When})
		}
		if c.State == kind.Absent || c.SelfSigned != nil && c.SelfSigned.Trusted {
			own(trustedFile(name))
		}
		if c.State != kind.Absent && c.SelfSigned != nil {
			own(c.Path)
			own(c.Key)
		}
	}
	return out
}

// declare lists the certificates.
func declare(in *kind.Input) []kind.Resource {
	var out []kind.Resource
	all := of(in.Backend)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		watched := look{decl: c, now: in.Now}
		var look kind.Looker = watched
		switch {
		case c.State == kind.Absent:
			look = untrustLook{kind.GoneFile{Path: trustedFile(name)}}
		case c.SelfSigned != nil:
			look = selfSignedLook{look: watched, name: name}
		}
		out = append(out, kind.Resource{ID: change.ID{Kind: "certificate", Name: name}, Pos: c.Pos, When: c.When, Looker: look})
	}
	return out
}
