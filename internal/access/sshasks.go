package access

import (
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/roster"
)

// lists applies DenyUsers, AllowUsers, DenyGroups and AllowGroups, in the order
// of sshd_config(5). A pattern for an address may match: then it allows, and it
// denies nothing for certain.
func (p *passage) lists() {
	me := []string{p.user.Name}
	users := func(patterns []string, withAddress bool) bool {
		var plain []string
		for _, p := range patterns {
			name, from, at := strings.Cut(p, "@")
			if !at || from == "*" || withAddress {
				plain = append(plain, name)
			}
		}
		return anyMatch(plain, me)
	}
	c := p.config
	switch {
	case users(c["denyusers"], false):
		p.gate("sshd's DenyUsers names them", true)
	case users(c["denyusers"], true):
		p.doubts = append(p.doubts, "sshd's DenyUsers names them from some addresses: "+strings.Join(c["denyusers"], " "))
	case users(c["allowusers"], true) && !users(c["allowusers"], false):
		p.doubts = append(p.doubts, "sshd's AllowUsers names them from some addresses alone: "+strings.Join(c["allowusers"], " "))
	case len(c["allowusers"]) > 0 && !users(c["allowusers"], true):
		p.gate("sshd's AllowUsers does not name them: "+strings.Join(c["allowusers"], " "), true)
	case anyMatch(c["denygroups"], p.groups):
		p.gate("sshd's DenyGroups names a group of theirs", true)
	case len(c["allowgroups"]) > 0 && !anyMatch(c["allowgroups"], p.groups):
		p.gate("sshd's AllowGroups names none of their groups: "+strings.Join(c["allowgroups"], " "), true)
	}
}

// anyMatch reports whether one of the names matches the patterns, and none is
// refused by them.
func anyMatch(patterns, names []string) bool {
	found := false
	for _, name := range names {
		matched, refused := roster.MatchPatterns(patterns, name)
		if refused {
			return false
		}
		found = found || matched
	}
	return found
}

// methods judges AuthenticationMethods: lists of what has to be passed, of which
// one is enough. Certain is one that a key and a password pass; what else sshd asks
// may be passed, too, but for a password of an account that has none.
func (p *passage) methods() {
	lists := p.config["authenticationmethods"]
	if len(lists) > 0 && !slices.Contains(lists, "any") && !slices.Contains(lists, "publickey") {
		p.way.Untried = true
	}
	c := p.config
	byPassword := c.is("passwordauthentication", yes)
	interactive := c.is("usepam", yes) && (c.is("kbdinteractiveauthentication", yes) || c.is("challengeresponseauthentication", yes))
	certain, possible, keyAlone := false, false, len(lists) == 0
	for _, l := range lists {
		ok, may, alone, keys := true, true, true, 0
		for m := range strings.SplitSeq(l, ",") {
			m, _, _ = strings.Cut(m, ":")
			switch m {
			case "any":
			case "publickey":
				keys++
			case "password":
				ok, alone = ok && byPassword && p.password.State == host.PasswordSet, false
				may = may && byPassword && p.password.State != host.PasswordLocked
			case "keyboard-interactive":
				ok, alone = ok && interactive && p.password.State == host.PasswordSet, false
				may = may && interactive
			default:
				ok = false
			}
		}
		if ok && (!certain || keys < p.wanted) {
			p.wanted = keys
		}
		certain, possible, keyAlone = certain || ok, possible || may, keyAlone || ok && alone
	}
	p.asksPAM = certain && !keyAlone
	if len(lists) > 0 && !certain {
		p.keys = append(p.keys, gate{why: "sshd asks for more than a key, which they do not have: AuthenticationMethods " + strings.Join(lists, " "), sure: !possible})
	}
}

// byPassword is whether sshd lets somebody in who gives their password.
func (p *passage) byPassword() {
	c := p.config
	asks := c.is("passwordauthentication", yes) ||
		c.is("usepam", yes) && (c.is("kbdinteractiveauthentication", yes) || c.is("challengeresponseauthentication", yes))
	empty := p.password.State == host.PasswordEmpty && c.is("permitemptypasswords", yes)
	if !asks || p.password.State != host.PasswordSet && !empty || p.user.UID == 0 && !c.is("permitrootlogin", yes) {
		return
	}
	passes := func(l string) bool {
		m, _, _ := strings.Cut(l, ":")
		return m == "any" || m == "password" || m == "keyboard-interactive"
	}
	if lists := c["authenticationmethods"]; len(lists) > 0 && !slices.ContainsFunc(lists, passes) {
		return
	}
	d := Door{By: ByPassword, At: passwordBySSH}
	p.use(&d, keyLine{pty: true, forwards: true})
	p.doors = append(p.doors, d)
}

// passwordBySSH is how a password is used, in words.
const passwordBySSH = "login with a password"

// others are ways that a file of keys has no part in.
func (p *passage) others() {
	for keyword, by := range map[string]By{"hostbasedauthentication": ByHost, "gssapiauthentication": ByTicket, "kerberosauthentication": ByTicket} {
		d := Door{By: by, Doubt: "sshd has " + keyword + " yes"}
		if p.config.is(keyword, yes) && !slices.ContainsFunc(p.doors, d.same) {
			p.doors = append(p.doors, d)
		}
	}
}
