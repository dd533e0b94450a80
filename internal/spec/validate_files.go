package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/words"
)

func (c *Checker) directories() {
	for name, d := range c.b.Directories {
		label := "directory " + name
		c.Fail(d.Pos, label, CleanPath(name))
		c.State(d.Meta, label, d.State)
		c.Owner(d.Meta, label, d.Owner)
		c.Group(d.Meta, label, "group", d.Group)
		c.Mode(d.Meta, label, "mode", d.Mode)
		c.sharedDirectory(d, name, label)
		c.Notify(d.Notify, label+": notify", filesAlone, d.When)
		c.aclEntries(d.Meta, label, "acl", d.ACL)
		if gone(d.State) && d.Has("acl") {
			c.Addf(d.At("acl"), "%s: acl: what is absent has none", label)
		}
		r := d.Recurse
		if r == nil {
			continue
		}
		if gone(d.State) {
			c.Addf(d.At("recurse"), "%s: recurse: what is absent has nothing below it", label)
		}
		label += ": recurse"
		c.Owner(r.Meta, label, r.Owner)
		c.Group(r.Meta, label, "group", r.Group)
		c.Mode(r.Meta, label, "files", r.Files)
		c.Mode(r.Meta, label, "directories", r.Directories)
		c.tree(r.Meta, label, r.From, r.Except)
	}
}

// tree checks whose files a rule for a tree takes over, and what it leaves alone.
func (c *Checker) tree(m Meta, label string, from, except []string) {
	for i, name := range from {
		group, ok := strings.CutPrefix(name, "group:")
		switch {
		case ok && !c.groups[group]:
			c.Addf(m.At("from", i), "%s: from: %s", label, c.noGroup(group))
		case !ok && !strings.HasPrefix(name, "#") && !c.users[name]:
			c.Addf(m.At("from", i), "%s: from: %s", label, c.noUser(name))
		}
	}
	for i, p := range except {
		if p == "" || path.IsAbs(p) || path.Clean(p) != p || p == ".." || strings.HasPrefix(p, "../") || p == "." {
			c.Addf(m.At("except", i), "%s: except: %s is no path below it, such as cache or work/scratch", label, quote(p))
		}
	}
}

func (c *Checker) acls() {
	for name, a := range c.b.ACLs {
		if a.field {
			continue // the directory's checks say so
		}
		label := "acl of " + name
		c.Fail(a.Pos, label, CleanPath(name))
		if len(a.Access) == 0 && len(a.Default) == 0 && !Is(a.Exact) {
			c.Addf(a.Pos, "%s: says nothing: want access or default entries", label)
		}
		if !Is(a.Recursive) {
			for field, list := range map[string][]string{"from": a.From, "except": a.Except} {
				if list != nil {
					c.Addf(a.At(field), "%s: %s: is about what lies below it, and the ACL is not recursive: add recursive: true, or leave it out", label, field)
				}
			}
		}
		c.tree(a.Meta, label, a.From, a.Except)
		c.aclEntries(a.Meta, label, "access", a.Access)
		c.aclEntries(a.Meta, label, "default", a.Default)
	}
}

func (c *Checker) aclEntries(m Meta, label, field string, entries []string) {
	seen := set{}
	for i, text := range entries {
		at := m.At(field, i)
		e, err := ParseEntry(text)
		if err != nil {
			c.Addf(at, "%s: %s: %v", label, field, err)
			continue
		}
		if id := string(e.Tag) + ":" + e.Name; seen[id] {
			c.Addf(at, "%s: %s: %s is there twice", label, field, id)
		} else {
			seen.add(id)
		}
		switch {
		case e.Tag == host.TagUser && !c.users[e.Name]:
			c.Addf(at, "%s: %s: %s", label, field, c.noUser(e.Name))
		case e.Tag == host.TagGroup && !c.groups[e.Name]:
			c.Addf(at, "%s: %s: %s", label, field, c.noGroup(e.Name))
		}
	}
}

// ParseEntry parses a named ACL entry, user:NAME:rwx or group:NAME:rX.
func ParseEntry(text string) (host.Entry, error) {
	const want = "want user:NAME:rwx or group:NAME:rX"
	parts := strings.Split(text, ":")
	tag := parts[0]
	switch {
	case tag == "default" || tag == "d":
		return host.Entry{}, fmt.Errorf("entry %s: write default entries in the list default, without that word", quote(text))
	case tag == "mask" || tag == "m":
		return host.Entry{}, fmt.Errorf("entry %s: the mask is computed, as setfacl does: leave it out", quote(text))
	case tag == "other" || tag == "o":
		return host.Entry{}, fmt.Errorf("entry %s: the mode says what others may do: leave it out", quote(text))
	case tag != string(host.TagUser) && tag != string(host.TagGroup):
		return host.Entry{}, fmt.Errorf("entry %s: %s%s", quote(text), want, words.DidYouMean(tag, slices.Values([]string{"user", "group"})))
	case len(parts) != 3:
		return host.Entry{}, fmt.Errorf("entry %s: %s", quote(text), want)
	case parts[1] == "":
		return host.Entry{}, fmt.Errorf("entry %s: has no name: the mode says what the owner and its group may do", quote(text))
	}
	perm, err := host.ParsePerm(parts[2])
	if err != nil {
		return host.Entry{}, fmt.Errorf("entry %s: %w", quote(text), err)
	}
	return host.Entry{Tag: host.Tag(tag), Name: parts[1], Perm: perm}, nil
}

func (c *Checker) files() {
	for name, f := range c.b.Files {
		label := "file " + name
		c.Fail(f.Pos, label, CleanPath(name))
		c.State(f.Meta, label, f.State)
		c.Owner(f.Meta, label, f.Owner)
		c.Group(f.Meta, label, "group", f.Group)
		c.Mode(f.Meta, label, "mode", f.Mode)
		c.passwordFile(f, name, label)
		c.database(f, name, label)
		never := ""
		if f.Link != "" {
			never = "a link has no content with which a compose project's containers are made anew: say it of the file that it leads to"
		}
		c.Notify(f.Notify, label+": notify", never, f.When)
		c.fileBody(f, label)
		c.fileParts(f, label)
	}
}

// passwordFile finds a mode by which everybody gets the hashes of all passwords, which Debian
// keeps for root and the group shadow (passwd(5), shadow(5)).
func (c *Checker) passwordFile(f *File, name, label string) {
	hashes := []string{"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-"}
	if m := Mode(f.Mode); m != nil && *m&0o007 != 0 && slices.Contains(hashes, name) {
		c.Addf(f.At("mode"), "%s: mode: lets everybody at the passwords' hashes: want 0640, or less", label)
	}
}

// database refuses content for a file in which a program keeps what it knows: whatever that
// has written since is lost with each run. Lines of the ranges of subordinate ids can be
// declared beside those that useradd gives.
func (c *Checker) database(f *File, name, label string) {
	way := ""
	dir, base := path.Split(strings.TrimSuffix(name, "-"))
	switch {
	case dir == "/etc/" && slices.Contains([]string{"passwd", "group", "shadow", "gshadow", ".pwd.lock"}, base):
		way = "useradd, passwd and others keep the accounts of the host in it: declare them under users and groups"
	case dir == "/etc/" && (base == "subuid" || base == "subgid"):
		if len(f.Written("lines", "block")) > 0 {
			return
		}
		way = "useradd gives each account a range in it, without which their containers do not run: declare those of others under lines"
	case strings.HasPrefix(name, "/var/lib/dpkg/"):
		way = "dpkg keeps in it what is installed: declare that under packages"
	case strings.HasPrefix(name, "/var/lib/opsafe/"):
		way = "opsafe keeps its own notes there: choose another place"
	default:
		return
	}
	for _, field := range f.Written("source", "content", "template", "link", "lines", "block", "settings", "state") {
		if field != "state" || gone(f.State) {
			c.Addf(f.At(field), "%s: %s: %s", label, field, way)
		}
	}
}

// sharedDirectory finds a mode of the directories of temporary files by which everybody may
// remove and replace what others have there: it takes the sticky bit (hier(7)).
func (c *Checker) sharedDirectory(d *Directory, name, label string) {
	shared := []string{"/tmp", "/var/tmp", "/dev/shm", "/run/lock"}
	if m := Mode(d.Mode); m != nil && *m&0o002 != 0 && *m&0o1000 == 0 && slices.Contains(shared, name) {
		c.Addf(d.At("mode"), "%s: mode: lets everybody remove and replace what others have there: want 1777", label)
	}
}

func (c *Checker) fileBody(f *File, label string) {
	bodies := f.Written("source", "content", "template", "link", "lines", "block", "settings")
	c.oneBody(f.Meta, label, f.State, bodies)
	switch {
	case len(bodies) > 1:
		return
	case !gone(f.State) && len(bodies) == 0 && f.Owner == "" && f.Group == "" && f.Mode == "":
		c.Addf(f.Pos, "%s: says nothing: want source, content, template, link, lines, block or settings, or owner, group or mode, or state: absent", label)
	}
	if f.Has("once") && (f.Has("lines") || f.Has("block") || f.Has("settings")) {
		c.Addf(f.At("once"), "%s: once goes with a whole file, not with %s", label, bodies[0])
	}
	if f.Has("comment") && !f.Has("block") {
		c.Addf(f.At("comment"), "%s: comment begins the marker lines of a block: there is none", label)
	}
}

func (c *Checker) fileParts(f *File, label string) {
	c.named(f.Meta, label, f.Text)
	if f.Has("link") {
		if f.Link == "" {
			c.Addf(f.At("link"), "%s: link is empty", label)
		}
		c.Line(f.At("link"), label+": link", f.Link)
		for _, field := range f.Written("mode", "secret", "check", "once") {
			c.Addf(f.At(field), "%s: a link has no %s", label, field)
		}
	}
	if f.Has("lines") && len(f.Lines) == 0 {
		c.Addf(f.At("lines"), "%s: lines: want at least one", label)
	}
	c.Distinct(f.Meta, label, "lines", f.Lines)
	for i, line := range f.Lines {
		c.Line(f.At("lines", i), label+": lines", line)
	}
	if f.Settings != nil {
		c.settings(label+": settings", f.Settings)
	}
	c.Line(f.At("comment"), label+": comment", f.Comment)
	if f.Has("check") && !slices.ContainsFunc(f.Check, func(arg string) bool { return strings.Contains(arg, "%") }) {
		c.Addf(f.At("check"), "%s: check: want a program and its arguments with %% for the staged file, as in [visudo, -cf, \"%%\"]", label)
	}
}

// named refuses a text that is in a file without a name.
func (c *Checker) named(m Meta, label string, t Text) {
	if m.Has("source") && t.Source == "" {
		c.Addf(m.At("source"), "%s: source is empty", label)
	}
	if m.Has("template") && t.Template == "" {
		c.Addf(m.At("template"), "%s: template is empty", label)
	}
}

// Whole checks an item that is a text as a whole, or is absent; err is what is wrong with
// its name.
func (c *Checker) Whole(m Meta, label string, t Text, state string, err error) {
	c.Fail(m.Pos, label, err)
	if bodies := c.Text(m, label, t, state); len(bodies) == 0 && !gone(state) {
		c.Addf(m.Pos, "%s: has no text: want source, content or template, or state: absent", label)
	}
}

// Text checks an item that can be a text as a whole, or absent, and lists which fields
// say the text.
func (c *Checker) Text(m Meta, label string, t Text, state string) []string {
	c.named(m, label, t)
	c.State(m, label, state)
	bodies := m.Written("source", "content", "template")
	c.oneBody(m, label, state, bodies)
	return bodies
}

// oneBody refuses more than one of the fields that say what an item is to be, and any of
// one that is absent.
func (c *Checker) oneBody(m Meta, label, state string, bodies []string) {
	switch {
	case len(bodies) > 1:
		c.Addf(m.At(bodies[1]), "%s: has %s: want one of them", label, strings.Join(bodies, " and "))
	case gone(state) && len(bodies) > 0:
		c.Addf(m.At(bodies[0]), "%s: is absent and has %s: want one or the other", label, bodies[0])
	}
}
