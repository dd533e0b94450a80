package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
)

func (c *Checker) unitItems() {
	for name, u := range c.b.Units {
		label := "unit " + name
		c.Fail(u.Pos, label, unitName(name))
		c.State(u.Meta, label, u.State)
		bodies := written(u.Meta, "source", "content", "template")
		switch {
		case len(bodies) > 1:
			c.Addf(u.At(bodies[1]), "%s: has %s: want one of them", label, strings.Join(bodies, " and "))
		case gone(u.State) && len(bodies) > 0:
			c.Addf(u.At(bodies[0]), "%s: is absent and has %s: want one or the other", label, bodies[0])
		case len(bodies) == 1 && path.Ext(name) == ".scope":
			c.Addf(u.At(bodies[0]), "%s: systemd reads no unit file of a scope, which a program makes while it runs: declare a slice or a service", label)
		case !gone(u.State) && len(bodies) == 0:
			c.hostUnit(name, u)
		}
		if len(bodies) > 0 && Is(u.Masked) {
			c.Addf(u.At("masked"), "%s: is masked and has %s, whose file is where the mask would be: want one or the other", label, bodies[0])
		}
		c.ends(name, u)
		c.named(u.Meta, label, u.Text)
		c.unitSwitches(u, label)
		if len(bodies) == 1 {
			c.unitText(u.Meta, label, u.Text, true, u.When)
		}
		for dropIn, d := range u.DropIns {
			inner := "drop-in " + dropIn + " of " + label
			c.Whole(d.Meta, inner, d.Text, d.State, DropInName(dropIn, "systemd"))
			c.unitText(d.Meta, inner, d.Text, false, slices.Concat(u.When, d.When))
		}
		c.activates(name, u)
	}
}

// hostUnit checks that a unit without a text is one that the host will have.
func (c *Checker) hostUnit(name string, u *Unit) {
	if !c.hostHas(name) && !c.units[templateOf(name)] && !guarded(u.When, name) && !Is(u.Masked) {
		c.Addf(u.Pos, "unit %s: has no text, and no declared package brings it%s: if one does, say so under its provides; if only some hosts have it, say when: unit %s exists",
			name, c.nearUnit(name), name)
	}
}

func (c *Checker) unitSwitches(u *Unit, label string) {
	if Is(u.Masked) && Is(u.Enabled) {
		c.Addf(u.At("enabled"), "%s: is masked and enabled: want one or the other", label)
	}
	if Is(u.Masked) && Is(u.Running) {
		c.Addf(u.At("running"), "%s: is masked and running: want one or the other", label)
	}
	if gone(u.State) {
		for _, field := range written(u.Meta, "enabled", "running", "masked") {
			if field == "enabled" && Is(u.Enabled) || field == "running" && Is(u.Running) || field == "masked" && Is(u.Masked) {
				c.Addf(u.At(field), "%s: is absent and %s: want one or the other", label, field)
			}
		}
	}
}

// body is the text as far as it is known before it reaches a host.
func body(t Text) (string, bool) {
	switch {
	case t.Content != nil:
		return *t.Content, true
	case t.Source != "":
		return string(t.Data), t.Data != nil
	default:
		return "", false
	}
}

// unitText checks that a text has the form of a unit file, after
// systemd.syntax(7), and that the units which it cannot do without are there.
// Templates are filled in on the host, which checks them.
func (c *Checker) unitText(m Meta, label string, t Text, whole bool, when Conditions) {
	text, ok := body(t)
	if !ok {
		return
	}
	at := m.At("content")
	if t.Source != "" {
		at = Pos{File: path.Join(path.Dir(m.At("source").File), t.Source)}
	}
	// line is the place of a line of the text, and what to call it.
	line := func(n int) (Pos, string) {
		if t.Source != "" {
			return Pos{File: at.File, Line: n, Column: 1}, label
		}
		return at, fmt.Sprintf("%s: line %d of the text", label, n)
	}
	file := debian.ParseUnit(text)
	switch {
	case len(file.Wrong) > 0:
		first := file.Wrong[0]
		where, label := line(first.Line)
		c.Addf(where, "%s: %s", label, first.Text)
		return
	case whole && len(file.Sections) == 0:
		c.Addf(at, "%s: the text is empty: want sections, as in [Service]", label)
	}
	for _, s := range needs(file) {
		where, label := line(s.Line)
		c.Unit(where, label+": "+s.Key, s.Value, when)
	}
}

// activates checks the unit that a timer, path or socket starts. The mount of an automount
// may be one of fstab's.
func (c *Checker) activates(name string, u *Unit) {
	text, ok := body(u.Text)
	if !ok || gone(u.State) {
		return
	}
	file := debian.ParseUnit(text)
	target := file.Starts(name)
	if target == "" || len(file.Wrong) > 0 || debian.IsGeneratedUnit(target) || strings.Contains(target, "%") {
		return
	}
	field := written(u.Meta, "content", "source")[0]
	c.Unit(u.At(field), "unit "+name+": starts "+target, target, u.When)
}
