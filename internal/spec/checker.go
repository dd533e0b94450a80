package spec

import (
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/words"
)

// Checker validates one backend: it knows what exists once the backend is in place.
type Checker struct {
	*loader
	r        *Repository
	b        *Backend
	problems *Problems
	people   set // of developers.yaml
	members  set // those of them with an account here
	users    set // all that exist once the backend is in place
	groups   set
	units    set            // declared ones, by all of their names
	noUnits  map[string]Pos // those that are declared absent, with the place
	brought  set            // units of declared packages
	base     set
	places   map[string]thing // by path: what manages it
}

// thing is something that the spec puts at a path.
type thing struct {
	label  string
	pos    Pos
	absent bool
	dir    bool
	when   Conditions
}

func (l *loader) newChecker(r *Repository, b *Backend) *Checker {
	many := len(r.People)
	c := &Checker{
		loader: l, r: r, b: b, problems: &l.problems, people: make(set, many), members: make(set, many),
		users: systemUsers(), groups: systemGroups(), units: set{}, noUnits: map[string]Pos{}, brought: set{}, base: baseUnits(), places: make(map[string]thing, many),
	}
	for _, p := range r.People {
		c.people.add(p.Name)
		if slices.ContainsFunc(p.Roles, func(role string) bool { return slices.Contains(b.People, role) }) {
			c.members.add(p.Name)
			c.users.add(p.Name)
			c.groups.add(p.Name)
		}
	}
	for name, g := range b.Groups {
		if gone(g.State) {
			delete(c.groups, name)
		} else {
			c.groups.add(name)
		}
	}
	for name, u := range b.Users {
		switch {
		case gone(u.State):
			delete(c.users, name)
		case u.Group == "":
			c.users.add(name)
			if g := b.Groups[name]; g == nil || !gone(g.State) {
				c.groups.add(name)
			}
		default:
			c.users.add(name)
		}
	}
	for _, p := range l.parts {
		if p.Names != nil {
			p.Names(c)
		}
	}
	return c
}

// Bring adds what a package brings.
func (c *Checker) Bring(p Provides) {
	c.users.add(p.Users...)
	c.groups.add(p.Groups...)
	c.groups.add(p.Users...)
	c.brought.add(p.Units...)
}

// Units adds units that are declared, by all of their names.
func (c *Checker) Units(names ...string) { c.units.add(names...) }

// NoUnit adds a unit that is declared absent at a place.
func (c *Checker) NoUnit(name string, at Pos) { c.noUnits[name] = at }

// Provides checks what a package is said to bring.
func (c *Checker) Provides(label string, p Provides) {
	for i, u := range p.Units {
		c.Fail(p.At("units", i), label, UnitName(u))
	}
	for i, f := range p.Files {
		c.Fail(p.At("files", i), label, CleanPath(f))
	}
	for i, d := range p.Directories {
		c.Fail(p.At("directories", i), label, CleanPath(d))
	}
	for i, u := range p.Users {
		c.Fail(p.At("users", i), label+": user "+quote(u), accountName(u))
	}
	for i, g := range p.Groups {
		c.Fail(p.At("groups", i), label+": group "+quote(g), accountName(g))
	}
}

// gone reports whether a state means that the thing is not there.
func gone(state string) bool { return state == "absent" || state == "purged" }

// Backend is what is checked.
func (c *Checker) Backend() *Backend { return c.b }

// Addf notes a problem of a field of an item.
func (c *Checker) Addf(at Pos, format string, args ...any) { c.problems.Addf(at, format, args...) }

// Fail notes an error of a field, if there is one.
func (c *Checker) Fail(at Pos, label string, err error) {
	if err != nil {
		c.Addf(at, "%s: %v", label, err)
	}
}

// Hint is what a problem says of a name that is none of those that are known: which one
// may have been meant.
func (c *Checker) Hint(name string, known iter.Seq[string]) string {
	return c.problems.hint(name, known)
}

// One checks a field that takes one of a few words.
func (c *Checker) One(m Meta, label, field, value string, choices ...string) {
	if m.Has(field) {
		c.Choice(m.At(field), label, field, value, choices)
	}
}

// Choice notes a value that is none of a few words.
func (c *Checker) Choice(at Pos, label, field, value string, choices []string) {
	if slices.Contains(choices, value) {
		return
	}
	c.Addf(at, "%s: %s %s: want %s%s", label, field, quote(value), words.Or(choices), c.problems.hint(value, slices.Values(choices)))
}

// State checks a field that is present or absent.
func (c *Checker) State(m Meta, label, value string) {
	c.One(m, label, "state", value, "present", "absent")
}

// Path checks a field that holds a path, if it is written.
func (c *Checker) Path(m Meta, label, field, value string) {
	if m.Has(field) {
		c.Fail(m.At(field), label+": "+field, CleanPath(value))
	}
}

// Mode checks a field that holds a mode, if it is written.
func (c *Checker) Mode(m Meta, label, field, value string) {
	if m.Has(field) && value == "" {
		value = "empty"
	}
	c.Fail(m.At(field), label+": "+field, checkMode(value))
}

// Owner checks a reference to a user, if it is written.
func (c *Checker) Owner(m Meta, label, name string) {
	if !m.Has("owner") || c.users[name] {
		return
	}
	c.Addf(m.At("owner"), "%s: owner: %s", label, c.noUser(name))
}

func (c *Checker) noUser(name string) string {
	switch u := c.b.Users[name]; {
	case u != nil:
		return fmt.Sprintf("user %s is declared absent at %s", quote(name), u.Pos)
	case c.people[name]:
		return fmt.Sprintf("user %s has no role in people of this backend", quote(name))
	}
	return fmt.Sprintf("no user %s is declared, nor brought by a declared package (provides)%s", quote(name), c.problems.hint(name, c.users.names()))
}

// Group checks a reference to a group, if it is written.
func (c *Checker) Group(m Meta, label, field, name string, index ...int) {
	if !m.Has(field) || c.groups[name] {
		return
	}
	c.Addf(m.At(field, index...), "%s: %s: %s", label, field, c.noGroup(name))
}

func (c *Checker) noGroup(name string) string {
	if g := c.b.Groups[name]; g != nil {
		return fmt.Sprintf("group %s is declared absent at %s", quote(name), g.Pos)
	}
	return fmt.Sprintf("no group %s is declared, nor brought by a declared package (provides)%s", quote(name), c.problems.hint(name, c.groups.names()))
}

func (c *Checker) groupList(m Meta, label, field string, names []string) {
	c.Distinct(m, label, field, names)
	for i, name := range names {
		c.Group(m, label, field, name, i)
	}
}

// Unit notes a reference to a unit that there is not. when guards it: unit X exists.
func (c *Checker) Unit(at Pos, label, name string, when Conditions) {
	if err := UnitName(name); err != nil {
		c.Fail(at, label, err)
		return
	}
	if c.units[name] || c.Brought(name, when) {
		return
	}
	if absent, ok := c.noUnits[name]; ok {
		c.Addf(at, "%s: unit %s is declared absent at %s", label, quote(name), absent)
		return
	}
	c.Addf(at, "%s: no unit %s is declared, nor brought by a declared package%s; if only some hosts have it, say when: unit %s exists",
		label, quote(name), c.NearUnit(name), name)
}

// Brought reports whether a unit is there without being declared: a package brings it, or
// the host has it by itself, or when guards it, or it is an instance of a declared template.
func (c *Checker) Brought(name string, when Conditions) bool {
	template := debian.TemplateOf(name)
	_, absent := c.noUnits[name]
	return guarded(when, name) || c.units[template] ||
		!absent && (c.brought[name] || c.brought[template] || isBaseUnit(name, c.base))
}

// NearUnit suggests a unit of the same type; the type itself, which makes all
// of them alike, does not count.
func (c *Checker) NearUnit(name string) string {
	if len(*c.problems) >= maxHints {
		return ""
	}
	ext := path.Ext(name)
	stems := func(yield func(string) bool) {
		for _, known := range []set{c.units, c.brought, c.base} {
			for unit := range known {
				if stem, ok := strings.CutSuffix(unit, ext); ok && !yield(stem) {
					return
				}
			}
		}
	}
	if n := words.Meant(strings.TrimSuffix(name, ext), stems); n != "" {
		return ": did you mean " + quote(n+ext) + "?"
	}
	return ""
}

func guarded(when Conditions, unit string) bool {
	return slices.ContainsFunc(when, func(w Condition) bool {
		return w.Fact == FactUnit && !w.Not && slices.Contains(w.Args, unit)
	})
}

// Project refuses a compose project that the backend does not declare, by the entry that
// stands for it in a list of units, and reports whether the entry stands for one.
func (c *Checker) Project(at Pos, label, entry string) bool {
	name, ok := ProjectNamed(entry)
	if ok && !c.b.Project(name) {
		c.Addf(at, "%s: there is no compose project %s under compose", label, quote(name))
	}
	return ok
}

// filesAlone is why anything but a file notifies no compose project.
const filesAlone = "only a file has a content with which a compose project's containers are made anew: say recreate_on of its services"

// Notify checks the units that an item acts on when it changes, and the compose projects
// unless there is a reason why it never can. when is the item's.
func (c *Checker) Notify(n Notify, label, never string, when Conditions) {
	for field, units := range map[string][]string{"restart": n.Restart, "reload": n.Reload} {
		c.Distinct(n.Meta, label, field, units)
		for i, unit := range units {
			at, label := n.At(field, i), label+": "+field
			_, project := ProjectNamed(unit)
			switch project = project && field == "restart"; {
			case project && never != "":
				c.Addf(at, "%s: %s", label, never)
			case project:
				c.Project(at, label, unit)
			default:
				c.Unit(at, label, unit, when)
			}
		}
	}
}

// Distinct refuses entries of a list that are empty or repeat another.
func (c *Checker) Distinct(m Meta, label, field string, list []string) {
	seen := make(set, len(list))
	for i, s := range list {
		switch {
		case s == "":
			c.Addf(m.At(field, i), "%s: %s: an entry is empty", label, field)
		case seen[s]:
			c.Addf(m.At(field, i), "%s: %s: %s is there twice", label, field, quote(s))
		}
		seen.add(s)
	}
}

// Line refuses text that does not fit on one line.
func (c *Checker) Line(at Pos, label, text string) {
	if strings.ContainsFunc(text, func(r rune) bool { return isControl(r) && r != '\t' }) {
		c.Addf(at, "%s: want one line without control characters", label)
	}
}

// Sorted yields the items of a section in the order of their names.
func Sorted[T any](m map[string]T) iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
