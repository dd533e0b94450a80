package spec

import (
	"path"
	"slices"
	"strings"
)

// homes finds accounts that share a home: each would put the other's files to
// rights.
func (c *Checker) homes() {
	taken := map[string]thing{} // by a service account
	for name, u := range Sorted(c.b.Users) {
		home := c.home(name)
		if gone(u.State) || nobodysHome(home) || c.members[name] || name == "root" {
			continue
		}
		label, at := "user "+name, u.At("home")
		other, ok := taken[home]
		if person, below := strings.CutPrefix(home, "/home/"); below && c.members[person] {
			other, ok = thing{label: "person " + person, pos: c.r.Person(person).Pos}, true
		}
		switch {
		case home == "/root":
			c.Addf(at, "%s: home /root is root's", label)
		case ok && !u.When.Excludes(other.when):
			c.Addf(at, "%s: home %s is that of %s at %s, too: want one for each", label, home, other.label, other.pos)
		default:
			taken[home] = thing{label: label, pos: u.Pos, when: u.When}
		}
	}
}

// nobodysHome reports whether a home is one that Debian gives accounts which
// have none.
func nobodysHome(home string) bool {
	return slices.Contains([]string{"/nonexistent", "/var/empty", "/run/sshd", "/dev/null"}, home)
}

// Excludes reports whether two lists of conditions can never hold at once, as
// far as their words tell.
func (cs Conditions) Excludes(other Conditions) bool {
	return slices.ContainsFunc(cs, func(x Condition) bool {
		return slices.ContainsFunc(other, func(y Condition) bool { return x.excludes(y) })
	})
}

func (c Condition) excludes(o Condition) bool {
	if c.Fact != o.Fact || c.Not && o.Not {
		return false
	}
	in := func(list []string) func(string) bool {
		return func(s string) bool { return slices.Contains(list, s) }
	}
	switch {
	case c.Not != o.Not: // all that one allows, the other forbids
		allowed, forbidden := c.Args, o.Args
		if c.Not {
			allowed, forbidden = forbidden, allowed
		}
		return !slices.ContainsFunc(allowed, func(s string) bool { return !in(forbidden)(s) })
	case c.Fact == FactRelease:
		return !slices.ContainsFunc(c.Args, in(o.Args))
	}
	return false
}

// aclPlaces finds ACLs of what is declared absent or is a link.
func (c *Checker) aclPlaces() {
	for p, a := range Sorted(c.b.ACLs) {
		if f := c.b.Files[p]; f != nil && f.Has("link") && !gone(f.State) {
			c.Addf(a.Pos, "acl of %s: file %[1]s at %s is a link, which has no ACL: name what it leads to", p, f.Pos)
			continue
		}
		for at := p; at != "/" && at != "."; at = path.Dir(at) {
			if t, ok := c.places[at]; ok && t.absent && !a.When.Excludes(t.when) {
				c.Addf(a.Pos, "acl of %s: %s is declared absent at %s", p, t.label, t.pos)
				break
			}
		}
	}
}

// gitHubIDs finds numbers of accounts that nothing compares: only the API tells
// them. A backend that knows no server asks none.
func (c *Checker) gitHubIDs() {
	g := c.b.Keys.GitHub
	if g.Form != "" && g.Form != "plain" || g.Locked() && g.URL == "" {
		return
	}
	for _, p := range c.r.People {
		if p.GitHubID > 0 && c.asksGitHub(p) {
			c.Addf(p.At("github_id"), "person %s: github_id is only checked with keys.github.form: api, and backend %s asks in the form plain", quote(p.Name), c.b.Name)
		}
	}
}

// asksGitHub reports whether GitHub is asked for somebody's keys: if all of the
// roles that say where keys come from allow it. Of somebody without an account
// here, whom a service account lets in, all roles count.
func (c *Checker) asksGitHub(p *Person) bool {
	member, asks := c.members[p.Name], false
	if !member && !c.guest(p.Name) {
		return false
	}
	for _, name := range p.Roles {
		role := c.b.Roles[name]
		if role == nil || !role.Has("keys") || member && !slices.Contains(c.b.People, name) {
			continue
		}
		if !slices.Contains(c.b.Sources(role), FromGitHub) {
			return false
		}
		asks = true
	}
	return asks
}

func (c *Checker) guest(person string) bool {
	for _, a := range c.b.AuthorizedKeys {
		if slices.Contains(a.People, person) {
			return true
		}
	}
	return false
}

// keysManaged reports whether a person's authorized_keys is opsafe's: if a role
// says where keys come from.
func (c *Checker) keysManaged(p *Person) bool {
	return c.members[p.Name] && slices.ContainsFunc(p.Roles, func(name string) bool {
		role := c.b.Roles[name]
		return role != nil && role.Has("keys") && slices.Contains(c.b.People, name)
	})
}
