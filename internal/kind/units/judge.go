package units

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// judge judges the units of a spec.
type judge struct {
	*spec.Checker
	keys debian.UnitKeys
}

func check(checker *spec.Checker) {
	c := judge{checker, debian.KnownUnitKeys()}
	for name, u := range kind.UnitsOf(c.Backend()) {
		label := "unit " + name
		c.Fail(u.Pos, label, spec.UnitName(name))
		bodies := c.Text(u.Meta, label, u.Text, u.State)
		switch {
		case u.State == kind.Absent:
		case len(bodies) == 0:
			checkHostUnit(checker, name, u)
		case len(bodies) == 1 && path.Ext(name) == ".scope":
			c.Addf(u.At(bodies[0]), "%s: systemd reads no unit file of a scope, which a program makes while it runs: declare a slice or a service", label)
		}
		if len(bodies) > 0 && spec.Is(u.Masked) {
			c.Addf(u.At("masked"), "%s: is masked and has %s, whose file is where the mask would be: want one or the other", label, bodies[0])
		}
		checkEnds(checker, name, u)
		checkSwitches(checker, u, label)
		if len(bodies) == 1 {
			c.text(name, u.Meta, label, u.Text, true, u.When)
		}
		for dropIn, d := range u.DropIns {
			inner := "drop-in " + dropIn + " of " + label
			c.Whole(d.Meta, inner, d.Text, d.State, spec.DropInName(dropIn, "systemd"))
			c.text(name, d.Meta, inner, d.Text, false, slices.Concat(u.When, d.When))
		}
		checkActivates(checker, name, u)
	}
	checkConflicts(checker)
	checkStarts(checker)
	checkLinks(checker)
}

// checkHostUnit checks that a unit without a text is one that the host will have.
func checkHostUnit(c *spec.Checker, name string, u *kind.Unit) {
	if spec.UnitName(name) == nil && !c.Brought(name, u.When) && !spec.Is(u.Masked) {
		c.Addf(u.Pos, "unit %s: has no text, and no declared package brings it%s: if one does, say so under its provides; if only some hosts have it, say when: unit %s exists",
			name, c.NearUnit(name), name)
	}
}

func checkSwitches(c *spec.Checker, u *kind.Unit, label string) {
	if spec.Is(u.Masked) && spec.Is(u.Enabled) {
		c.Addf(u.At("enabled"), "%s: is masked and enabled: want one or the other", label)
	}
	if spec.Is(u.Masked) && spec.Is(u.Running) {
		c.Addf(u.At("running"), "%s: is masked and running: want one or the other", label)
	}
	if u.State == kind.Absent {
		for _, field := range u.Written("enabled", "running", "masked") {
			if field == "enabled" && spec.Is(u.Enabled) || field == "running" && spec.Is(u.Running) || field == "masked" && spec.Is(u.Masked) {
				c.Addf(u.At(field), "%s: is absent and %s: want one or the other", label, field)
			}
		}
	}
}

// text checks that a text has the form of a unit file, after
// systemd.syntax(7), and that the units which it cannot do without are there.
// Templates are filled in on the host, which checks them.
func (c judge) text(name string, m spec.Meta, label string, t spec.Text, whole bool, when spec.Conditions) {
	text, ok := t.Known()
	if !ok {
		return
	}
	at := m.At("content")
	if t.Source != "" {
		at = spec.Pos{File: path.Join(path.Dir(m.At("source").File), t.Source)}
	}
	// line is the place of a line of the text, and what to call it.
	line := func(n int) (spec.Pos, string) {
		if t.Source != "" {
			return spec.Pos{File: at.File, Line: n, Column: 1}, label
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
	c.ignored(name, file, line)
	for _, s := range hardNeeds(file) {
		where, label := line(s.Line)
		c.Unit(where, label+": "+s.Key, s.Value, when)
	}
}

// checkActivates checks the unit that a timer, path or socket starts. The mount of an automount
// may be one of fstab's.
func checkActivates(c *spec.Checker, name string, u *kind.Unit) {
	text, ok := u.Known()
	if !ok || u.State == kind.Absent {
		return
	}
	file := debian.ParseUnit(text)
	target := file.Starts(name)
	if target == "" || len(file.Wrong) > 0 || debian.IsGeneratedUnit(target) || strings.Contains(target, "%") {
		return
	}
	field := u.Written("content", "source")[0]
	c.Unit(u.At(field), "unit "+name+": starts "+target, target, u.When)
}

// checkEnds refuses to have a service run that has ended as soon as it has started:
// Type=oneshot without RemainAfterExit=, in systemd.service(5).
func checkEnds(c *spec.Checker, name string, u *kind.Unit) {
	text, ok := u.Known()
	if !ok || !spec.Is(u.Running) || path.Ext(name) != ".service" {
		return
	}
	for _, d := range u.DropIns {
		more, ok := d.Known()
		if !ok && d.State != kind.Absent {
			return
		}
		text += "\n" + more
	}
	file := debian.ParseUnit(text)
	if file.Last("Service", "Type") == "oneshot" && file.Last("Service", "RemainAfterExit") == "" {
		c.Addf(u.At("running"), "unit %s: with Type=oneshot it has ended once it has started, and does not run: say RemainAfterExit=yes in [Service], or leave running out", name)
	}
}

// checkConflicts finds units that are to run and that systemd does not let run side
// by side (Conflicts= in systemd.unit(5)).
func checkConflicts(c *spec.Checker) {
	for name, u := range kind.UnitsOf(c.Backend()) {
		text, ok := u.Known()
		if !ok || u.State == kind.Absent || !spec.Is(u.Running) {
			continue
		}
		for _, other := range debian.ParseUnit(text).List("Unit", "Conflicts") {
			o := kind.UnitsOf(c.Backend())[other]
			if o == nil || o.State == kind.Absent || !spec.Is(o.Running) || u.When.Excludes(o.When) {
				continue
			}
			c.Addf(u.At("running"), "unit %s: is to run, and so is unit %s at %s, but its text says Conflicts=%s: systemd stops one for the other; have one of them not run", name, other, o.Pos, other)
		}
	}
}

// checkStarts finds units that are not to run, and that systemd starts for the sake of one
// that is: run after run would stop them, and what needs them.
func checkStarts(c *spec.Checker) {
	declared := kind.UnitNames(c.Backend())
	for name, u := range kind.UnitsOf(c.Backend()) {
		if u.State == kind.Absent || !spec.Is(u.Running) {
			continue
		}
		starts := map[string]string{}
		for _, key := range []string{"Wants", "Requires", "BindsTo", "Upholds"} {
			for _, other := range u.Listed(key) {
				starts[other] = key + "=" + other
			}
		}
		if other := kind.Activated(name, u.Data); other != "" {
			starts[other] = ""
		}
		for other, by := range starts {
			o := kind.UnitsOf(c.Backend())[declared[other]]
			switch {
			case o == nil || o.State == kind.Absent || o.Running == nil || *o.Running || u.When.Excludes(o.When):
			case by == "":
				c.Addf(o.At("running"), "unit %s: is not to run, and unit %s at %s, which is to run, starts it: leave running out here, or have %s not run either", other, name, u.Pos, name)
			default:
				c.Addf(o.At("running"), "unit %s: is not to run, and unit %s at %s is, whose text says %s: systemd starts one with the other; leave running out here, or have %s not run either", other, name, u.Pos, by, name)
			}
		}
	}
}

// hardNeeds lists the units that a unit file names and cannot do without, each as a
// setting with one name. Wants=, After= and Before= may name what is not there.
func hardNeeds(f debian.UnitFile) []debian.Setting {
	hard := []string{"Requires", "Requisite", "BindsTo", "PartOf"}
	var out []debian.Setting
	for _, s := range f.Settings {
		if s.Section != "Unit" || !slices.Contains(hard, s.Key) {
			continue
		}
		for name := range strings.FieldsSeq(s.Value) {
			s.Value = strings.Trim(name, `"'`)
			if !madeBySystemd(s.Value) {
				out = append(out, s)
			}
		}
	}
	return out
}

// madeBySystemd reports whether a unit is of a type that systemd makes by itself,
// or has a specifier in its name: there is no telling before the host.
func madeBySystemd(name string) bool {
	return debian.IsGeneratedUnit(name) || strings.Contains(name, "%")
}
