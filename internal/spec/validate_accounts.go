package spec

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"opsafe/internal/words"
)

// roles checks roles and who of them has accounts.
func (c *Checker) roles() {
	known := set{}
	for name, role := range c.b.Roles {
		known.add(name)
		label := "role " + name
		if !backendPattern().MatchString(name) {
			c.Addf(role.Pos, "%s: want small letters, digits and -, beginning with a letter", label)
		}
		c.groupList(role.Meta, label, "groups", role.Groups)
		c.Path(role.Meta, label, "shell", role.Shell)
		c.Mode(role.Meta, label, "home_mode", role.HomeMode)
		c.password(role.Meta, label, role.Password)
		c.Line(role.At("key_options"), label+": key_options", role.KeyOptions)
		for i, source := range role.Keys {
			c.source(role, label, i, source)
		}
	}
	if c.nobody && len(c.b.People) > 0 {
		c.Addf(c.b.At("people"), "people: there is no %s to say who has these roles", peopleFile)
	}
	c.Distinct(c.b.Meta, "the backend", "people", c.b.People)
	for i, role := range c.b.People {
		if !known[role] {
			c.Addf(c.b.At("people", i), "people: no role %s is declared%s", quote(role), c.problems.hint(role, known.names()))
		}
	}
	for name := range c.b.Values {
		if !variablePattern().MatchString(name) {
			c.Addf(c.b.AtKey("values", name), "value %s: want letters, digits and _: templates say .Values.NAME", quote(name))
		}
	}
}

func (c *Checker) source(role *Role, label string, i int, source KeySource) {
	at := role.At("keys", i)
	known := []string{string(FromRepository), string(FromGitHub)}
	switch {
	case !slices.Contains(known, string(source)):
		c.Addf(at, "%s: keys: %s: want %s%s", label, quote(string(source)), words.Or(known), c.problems.hint(string(source), slices.Values(known)))
	case slices.Contains(role.Keys[:i], source):
		c.Addf(at, "%s: keys: %s is there twice", label, source)
	case source == FromGitHub && c.b.Keys.GitHub.URL == "" && !c.b.Keys.GitHub.Locked():
		c.Addf(at, "%s: keys: github needs keys.github.url, such as https://github.com", label)
	}
}

func (c *Checker) password(m Meta, label string, rule PasswordRule) {
	c.One(m, label, "password", string(rule), string(PasswordLocked), string(PasswordSetAtFirstLogin), string(PasswordSetByAdmin))
}

// fetching checks where keys are fetched.
func (c *Checker) fetching() {
	k := c.b.Keys
	c.One(k.GitHub.Meta, "keys.github", "form", k.GitHub.Form, "plain", "api")
	if k.GitHub.Has("url") {
		c.keyServer(k.GitHub.At("url"), k.GitHub.URL)
	}
	c.Path(k.GitHub.Meta, "keys.github", "token_file", k.GitHub.TokenFile)
	c.One(k.GitHub.Meta, "keys.github", "mode", k.GitHub.Mode, "live", "locked", "off")
	c.One(k.GitHub.Meta, "keys.github", "trust", k.GitHub.Trust, "pinned", "live")
	if k.GitHub.Mode == "locked" && k.GitHub.TrustsServer() {
		c.Addf(k.GitHub.At("trust"), "keys.github: trust live contradicts mode locked, which asks no server: leave one of them out, or say trust: pinned")
	}
	if k.Has("min_rsa_bits") && (k.MinRSABits < 2048 || k.MinRSABits > 16384) {
		c.Addf(k.At("min_rsa_bits"), "keys: min_rsa_bits %d: want 2048 to 16384", k.MinRSABits)
	}
}

func (c *Checker) keyServer(at Pos, raw string) {
	const label = "keys.github: url"
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		c.Addf(at, "%s: %s: want an address such as https://github.com", label, quote(raw))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		c.Addf(at, "%s: want an address without user, query or fragment", label)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		c.Addf(at, "%s: %s: keys are fetched over https: (http: only from this machine)", label, quote(raw))
	case u.Scheme != "https" && u.Scheme != "http":
		c.Addf(at, "%s: %s: want https:", label, quote(raw))
	}
}

func loopback(name string) bool {
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && addr.IsLoopback()
}

// accounts checks groups and users.
func (c *Checker) accounts() {
	gids, uids := map[int]string{}, map[int]string{}
	for name, g := range Sorted(c.b.Groups) {
		label := "group " + name
		c.Fail(g.Pos, label, accountName(name))
		c.State(g.Meta, label, g.State)
		c.One(g.Meta, label, "members", g.Members, "exact", "additive")
		c.id(g.Meta, label, "gid", g.GID, gids)
	}
	system := systemUsers()
	for name, u := range Sorted(c.b.Users) {
		label := "user " + name
		c.Fail(u.Pos, label, accountName(name))
		switch {
		case system[name]:
			c.Addf(u.Pos, "%s: is an account of the system, which opsafe does not touch: choose another name", label)
		case c.members[name]:
			c.Addf(u.Pos, "%s: is a person of developers.yaml, with a role on this backend, and users are accounts of services: remove it here", label)
		}
		c.userItem(u, label)
		c.id(u.Meta, label, "uid", u.UID, uids)
	}
}

func (c *Checker) userItem(u *User, label string) {
	c.State(u.Meta, label, u.State)
	if !gone(u.State) {
		c.Group(u.Meta, label, "group", u.Group)
		c.groupList(u.Meta, label, "groups", u.Groups)
		name := strings.TrimPrefix(label, "user ")
		if g := c.b.Groups[name]; u.Group == "" && g != nil && gone(g.State) {
			c.Addf(u.Pos, "%s: its group of the same name is declared absent at %s: say group", label, g.Pos)
		}
	}
	c.Path(u.Meta, label, "home", u.Home)
	c.Mode(u.Meta, label, "home_mode", u.HomeMode)
	c.Path(u.Meta, label, "shell", u.Shell)
	c.password(u.Meta, label, u.Password)
	if u.Comment != nil {
		c.Line(u.At("comment"), label+": comment", *u.Comment)
		if strings.Contains(*u.Comment, ":") {
			c.Addf(u.At("comment"), "%s: comment: want one without a colon: passwd(5) has none", label)
		}
	}
	c.Distinct(u.Meta, label, "reown", u.Reown)
	for i, p := range u.Reown {
		c.Fail(u.At("reown", i), label+": reown", CleanPath(p))
	}
}

// id checks a fixed uid or gid and that nothing else has it.
func (c *Checker) id(m Meta, label, field string, id *int, taken map[int]string) {
	if id == nil {
		return
	}
	at := m.At(field)
	switch {
	case *id < 1 || *id > lastID || *id == 65534 || *id == 65535:
		c.Addf(at, "%s: %s %d: want 1 to 4294967293, and neither 65534 nor 65535", label, field, *id)
		return
	case taken[*id] != "":
		c.Addf(at, "%s: %s %d is %s's, too", label, field, *id, taken[*id])
		return
	}
	taken[*id] = label
}

// keys checks authorized_keys.
func (c *Checker) keys() {
	for name, a := range c.b.AuthorizedKeys {
		label := "authorized_keys of " + name
		switch {
		case c.members[name]:
			c.Addf(a.Pos, "%s: is a person of developers.yaml: people's keys come from keys/ and GitHub, after their role: remove it here", label)
		case !c.users[name]:
			c.Addf(a.Pos, "%s: %s", label, c.noUser(name))
		}
		c.Mode(a.Meta, label, "mode", a.Mode)
		c.Line(a.At("options"), label+": options", a.Options)
		c.Distinct(a.Meta, label, "keys", a.Keys)
		for i, k := range a.Keys {
			c.Line(a.At("keys", i), label+": keys", k)
		}
		c.Distinct(a.Meta, label, "people", a.People)
		for i, p := range a.People {
			if !c.people[p] {
				c.Addf(a.At("people", i), "%s: people: %s is not in developers.yaml%s", label, quote(p), c.problems.hint(p, c.people.names()))
			}
		}
		c.Distinct(a.Meta, label, "from", a.From)
	}
}
