package spec

import (
	"maps"
	"path"
	"slices"
)

// put notes what the spec puts at a path; two things at one are a
// contradiction.
func (c *Checker) put(p string, t thing) {
	if other, taken := c.places[p]; taken {
		c.Addf(t.pos, "%s: %s is at %s, too: one of them has to go", t.label, other.label, other.pos)
		return
	}
	c.places[p] = t
}

// owned notes the paths of the kinds: those that are the names of items, or the others.
func (c *Checker) owned(named bool) {
	for _, p := range c.parts {
		if p.Owns == nil {
			continue
		}
		for _, o := range p.Owns(c.b) {
			if o.Named == named {
				if o.Private {
					c.b.private = append(c.b.private, o.Path)
				}
				c.put(o.Path, thing{label: o.Label, pos: o.Pos, absent: o.Absent, dir: o.Dir, when: o.When})
			}
		}
	}
}

// contradictions finds what cannot be true of one host at the same time.
func (c *Checker) contradictions() {
	c.ownPlaces()
	c.owned(false)
	c.b.owned = slices.Sorted(maps.Keys(c.places))
	for name, d := range Sorted(c.b.Directories) {
		c.put(name, thing{label: "directory " + name, pos: d.Pos, absent: gone(d.State), dir: true, when: d.When})
	}
	for name, f := range Sorted(c.b.Files) {
		c.put(name, thing{label: "file " + name, pos: f.Pos, absent: gone(f.State), when: f.When})
	}
	c.owned(true)
	slices.Sort(c.b.private)
	for p, t := range Sorted(c.places) {
		if t.absent {
			continue
		}
		for dir := path.Dir(p); dir != "/" && dir != "."; dir = path.Dir(dir) {
			above, ok := c.places[dir]
			switch {
			case !ok:
			case above.absent:
				c.Addf(t.pos, "%s: %s above it is declared absent at %s", t.label, above.label, above.pos)
			case !above.dir:
				c.Addf(t.pos, "%s: %s above it at %s is no directory", t.label, above.label, above.pos)
			}
		}
	}
}

// ownPlaces are the files that sections other than files write.
func (c *Checker) ownPlaces() {
	for name, a := range Sorted(c.b.AuthorizedKeys) {
		if home := c.home(name); home != "" {
			c.put(home+"/.ssh/authorized_keys", thing{label: "authorized_keys of " + name, pos: a.Pos})
		}
	}
	for _, p := range c.r.People {
		if c.keysManaged(p) && c.b.AuthorizedKeys[p.Name] == nil {
			c.put("/home/"+p.Name+"/.ssh/authorized_keys", thing{label: "authorized_keys of person " + p.Name, pos: p.Pos})
		}
	}
}

func (c *Checker) home(user string) string {
	if user == "root" {
		return "/root"
	}
	u := c.b.Users[user]
	switch {
	case u == nil:
		return ""
	case u.Home != "":
		return u.Home
	}
	return "/home/" + user
}
