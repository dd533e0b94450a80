package access

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/host"
)

// readKeys looks for the keys that sshd accepts in the files that it reads, and for
// whom else it asks.
func (p *passage) readKeys() {
	revoked := p.revoked()
	for _, pattern := range p.config["authorizedkeysfile"] {
		if pattern != none {
			p.keyFile(p.expand(pattern), revoked)
		}
	}
	if program := p.config.set("authorizedkeyscommand"); program != "" {
		p.doors = append(p.doors, Door{By: ByProgram, At: program, Doubt: "sshd asks it (AuthorizedKeysCommand)"})
	}
	if len(p.why) == 0 {
		p.why = []string{"there is no key of theirs"}
	}
	if len(p.usable) > 0 {
		p.trust(whereFrom, p.anywhere())
	}
}

// whereFrom is what the options of keys say of addresses: from where people come nobody
// knows here.
const whereFrom = "from where sshd takes their keys"

// anywhere is empty if sshd takes one of the usable keys from anywhere, else it is from
// where it takes them.
func (p *passage) anywhere() string {
	if slices.Contains(p.froms, "") {
		return ""
	}
	froms := slices.Clone(p.froms)
	slices.Sort(froms)
	return strings.Join(slices.Compact(froms), " or ")
}

// expand expands the tokens of AuthorizedKeysFile and its like. What is relative is
// so to the home, and that to the root directory, where sshd is.
func (p *passage) expand(pattern string) string {
	at := strings.NewReplacer("%%", "%", "%h", p.user.Home, "%u", p.user.Name, "%U", strconv.Itoa(p.user.UID)).Replace(pattern)
	if !path.IsAbs(at) {
		at = path.Join("/", p.user.Home, at)
	}
	return path.Clean(at)
}

// keyFile judges the lines of one file of keys.
func (p *passage) keyFile(at string, revoked map[string]bool) {
	data, fault, err := p.readAs(at)
	switch {
	case err != nil:
		p.unread = append(p.unread, err.Error())
		p.doors = append(p.doors, Door{By: ByFile, At: at, Doubt: err.Error()})
		return
	case fault != "":
		p.why = append(p.why, fault)
		return
	case data == nil:
		return
	}
	types := p.keyTypes()
	before := len(p.usable)
	for _, l := range readKeyLines(string(data)) {
		d := p.line(at, l, types)
		switch {
		case d == nil || revoked[d.Key.Fingerprint] && d.Doubt == "":
			continue
		case d.By == ByKey && d.Use == UseShell && d.Doubt == "" && l.certain() && p.takes(l):
			p.usable = append(p.usable, d.Key)
			p.froms = append(p.froms, l.from)
		}
		p.doors = append(p.doors, *d)
	}
	if len(p.usable) > before && !slices.Contains(p.way.KeyFiles, at) {
		p.way.KeyFiles = append(p.way.KeyFiles, at)
	}
	if len(p.usable) == before {
		p.why = append(p.why, "no key in "+at+" lets them in")
	}
}

// keyTypes are the types of keys that sshd accepts.
func (p *passage) keyTypes() []string {
	types := p.config["pubkeyacceptedalgorithms"]
	if len(types) == 0 {
		types = p.config["pubkeyacceptedkeytypes"] // before OpenSSH 8.5
	}
	return strings.Split(strings.Join(types, ","), ",")
}

// line judges one line; nil: it lets nobody in.
func (p *passage) line(at string, l keyLine, types []string) *Door {
	d := Door{By: ByKey, Key: l.key, At: fmt.Sprintf("%s:%d", at, l.number), Doubt: l.doubt}
	switch {
	case l.key.Type == "":
		d.By = ByLine
		return &d
	case l.authority:
		d.By = ByAuthority
		if l.principals != "" {
			d.Limits = append(d.Limits, "for "+l.principals)
		}
	case strings.Contains(l.key.Type, "-cert-v0") || !accepted(l.key.Type, types):
		return nil
	}
	if l.over(p.now) {
		return nil
	}
	p.use(&d, l)
	if l.from != "" {
		d.Limits = append(d.Limits, "from "+l.from)
	}
	if l.until != "" {
		d.Limits = append(d.Limits, "until "+l.until)
	}
	return &d
}

// use finds out what sshd and the shell make of a line.
func (p *passage) use(d *Door, l keyLine) {
	c := p.config
	open := func(key string) bool {
		return !c.is(key, no) && !c.is(key, "remote") && !c.is("disableforwarding", yes)
	}
	streams := l.forwards && len(l.opens) == 0 && open("allowstreamlocalforwarding")
	d.Forwards = streams || l.forwards && open("allowtcpforwarding")
	command, forced := c.set("forcecommand"), c.set("forcecommand") != ""
	if !forced && l.command != nil {
		command, forced = *l.command, true
	}
	sftp := slices.Contains(c["subsystem"], "internal-sftp")
	switch {
	case c.is("permitrootlogin", "forced-commands-only") && p.user.UID == 0 && !forced:
	case c.is("maxsessions", "0"):
		d.Use = forwardingIf(d.Forwards)
	case forced && strings.HasPrefix(command, "internal-sftp"), p.noShell && !forced && sftp:
		d.Use = UseFiles
	case p.noShell:
		d.Use = forwardingIf(d.Forwards)
	case forced:
		d.Use, d.Command = UseCommand, command
	case !l.pty || c.is("permittty", no):
		d.Use = UseCommands
	default:
		d.Use = UseShell
	}
	if d.Use > UseNothing && d.Use < UseCommands && streams {
		d.Socket = p.socket()
	}
}

func forwardingIf(forwards bool) Use {
	if forwards {
		return UseForwarding
	}
	return UseNothing
}

// socket is one that a group of theirs may write to, and that makes root of them.
func (j *judge) socket() string {
	for _, g := range j.groups {
		switch g {
		case "docker":
			return "docker's socket"
		case "lxd", "incus-admin":
			return "the socket of " + g
		}
	}
	return ""
}

// readAs reads a file as sshd does, which follows links, and does not read what
// somebody else could have written. What is behind a link is not looked at, since
// its owner could lead opsafe anywhere.
func (p *passage) readAs(at string) (data []byte, fault string, err error) {
	n, err := p.Stat(at)
	switch {
	case err != nil:
		return nil, "", err
	case n == nil:
		return nil, "", nil
	case n.Type == host.TypeSymlink:
		return nil, "", &host.UnknownError{What: "what sshd reads as " + at, Why: "it is a symbolic link to " + n.Target}
	case n.Type != host.TypeFile:
		return nil, fmt.Sprintf("sshd does not read %s, since it is a %s", at, n.Type), nil
	}
	if p.user.UID != 0 {
		if why, err := p.reach(at, host.Read); why != "" || err != nil {
			return nil, why, err
		}
	}
	if p.config.is("strictmodes", yes) {
		if fault, err := p.strict(at); fault != "" || err != nil {
			return nil, fault, err
		}
	}
	data, err = p.ReadFile(at)
	return data, "", err
}

// strict is what StrictModes finds fault with: somebody else could have written
// the file, or a directory above it up to the home.
func (p *passage) strict(at string) (string, error) {
	for q := at; ; q = path.Dir(q) {
		n, err := p.Stat(q)
		if err != nil {
			return "", err
		}
		alone := true
		if n != nil && n.Access.Mode()&0o020 != 0 {
			if alone, err = p.alone(n); err != nil {
				return "", err
			}
		}
		switch {
		case n == nil:
		case n.Owner != p.user.Name && n.Owner != root && !p.mine(n.Owner):
			return fmt.Sprintf("sshd does not read %s, since %s belongs to %s", at, q, n.Owner), nil
		case n.Access.Mode()&0o002 != 0, !alone:
			return fmt.Sprintf("sshd does not read %s, since others can write %s (mode %s)", at, q, n.Access.Mode()), nil
		}
		if q == p.user.Home || q == "/" {
			return "", nil
		}
	}
}

// alone reports whether nobody but them is in the group of a path. Debian's sshd lets such
// a group write it: everybody has one of their own there.
func (p *passage) alone(n *host.Node) (bool, error) {
	g, err := p.Group(n.Group)
	if err != nil || g == nil {
		return false, err
	}
	users, err := p.Users()
	if err != nil {
		return false, err
	}
	found := len(g.Members) > 0
	for _, u := range users {
		if u.GID != g.GID {
			continue
		}
		if found = true; u.UID != p.user.UID {
			return false, nil
		}
	}
	return found && !slices.ContainsFunc(g.Members, func(name string) bool { return name != n.Owner }), nil
}

// mine reports whether a name is another one for the same number, or for root's.
func (j *judge) mine(owner string) bool {
	u, err := j.User(owner)
	return err == nil && u != nil && (u.UID == j.user.UID || u.UID == 0)
}

// revoked are the keys that sshd takes from nobody, by fingerprint. Of a list in
// sshd's own form it cannot be told.
func (p *passage) revoked() map[string]bool {
	at := p.config.set("revokedkeys")
	if at == "" {
		return nil
	}
	data, err := p.ReadFile(at)
	switch {
	case err == nil && data == nil:
		p.keys = append(p.keys, gate{why: "sshd takes no key at all, since its RevokedKeys " + at + " is not there", sure: true})
		return nil
	case err == nil && bytes.HasPrefix(data, []byte("SSHKRL\n")):
		err = errors.New("it is a list in a form of its own (KRL)")
	}
	if err != nil {
		p.unsure = append(p.unsure, fmt.Sprintf("which keys sshd's RevokedKeys %s takes is unknown: %v", at, err))
		return nil
	}
	out := map[string]bool{}
	for _, l := range readKeyLines(string(data)) {
		out[l.key.Fingerprint] = true
	}
	return out
}

// certificates are those of authorities that sshd trusts for everybody. They are for
// who is named in them, or in a file of those who may log in as this account.
func (p *passage) certificates() {
	at := p.config.set("trustedusercakeys")
	if at == "" {
		return
	}
	var limits []string
	if pattern := p.config.set("authorizedprincipalsfile"); pattern != "" && p.config.set("authorizedprincipalscommand") == "" {
		names := p.expand(pattern)
		data, fault, err := p.readAs(names)
		if err == nil && (fault != "" || data == nil) {
			return
		}
		limits = append(limits, "for whom "+names+" names")
	}
	data, err := p.ReadFile(at)
	switch {
	case err != nil:
		p.doors = append(p.doors, Door{By: ByAuthority, At: at, Doubt: err.Error()})
	default:
		for _, l := range readKeyLines(string(data)) {
			d := Door{By: ByAuthority, Key: l.key, At: fmt.Sprintf("%s:%d", at, l.number), Doubt: l.doubt, Limits: slices.Clone(limits)}
			p.use(&d, keyLine{pty: true, forwards: true})
			p.doors = append(p.doors, d)
		}
	}
}
