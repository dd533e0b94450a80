package spec

import (
	"path"
	"strings"

	"opsafe/internal/debian"
)

// ends refuses to have a service run that has ended as soon as it has started:
// Type=oneshot without RemainAfterExit=, in systemd.service(5).
func (c *Checker) ends(name string, u *Unit) {
	text, ok := body(u.Text)
	if !ok || !Is(u.Running) || path.Ext(name) != ".service" {
		return
	}
	for _, d := range u.DropIns {
		more, ok := body(d.Text)
		if !ok && !gone(d.State) {
			return
		}
		text += "\n" + more
	}
	file := debian.ParseUnit(text)
	if file.Last("Service", "Type") == "oneshot" && file.Last("Service", "RemainAfterExit") == "" {
		c.addf(u.At("running"), "unit %s: with Type=oneshot it has ended once it has started, and does not run: say RemainAfterExit=yes in [Service], or leave running out", name)
	}
}

// unitConflicts finds units that are to run and that systemd does not let run side
// by side (Conflicts= in systemd.unit(5)).
func (c *Checker) unitConflicts() {
	for name, u := range sorted(c.b.Units) {
		text, ok := body(u.Text)
		if !ok || gone(u.State) || !Is(u.Running) {
			continue
		}
		for _, other := range debian.ParseUnit(text).List("Unit", "Conflicts") {
			o := c.b.Units[other]
			if o == nil || gone(o.State) || !Is(o.Running) || exclusive(u.When, o.When) {
				continue
			}
			c.addf(u.At("running"), "unit %s: is to run, and so is unit %s at %s, but its text says Conflicts=%s: systemd stops one for the other; have one of them not run", name, other, o.Pos, other)
		}
	}
}

// dockerUnits finds what is said of docker's own units and what the section docker,
// which has the engine run and start at boot, contradicts.
func (c *Checker) dockerUnits() {
	d := c.b.Docker
	if d == nil {
		return
	}
	for _, name := range []string{"docker.service", "docker.socket"} {
		u := c.b.Units[name]
		if u == nil || exclusive(u.When, d.When) {
			continue
		}
		var said []string
		at := u.Pos
		for _, f := range []struct {
			field string
			off   bool
		}{
			{"enabled", u.Enabled != nil && !*u.Enabled},
			{"running", u.Running != nil && !*u.Running},
			{"masked", Is(u.Masked)},
			{"state", gone(u.State)},
		} {
			if f.off {
				said, at = append(said, f.field+": "+offWord(f.field)), u.At(f.field)
			}
		}
		if len(said) > 0 {
			c.addf(at, "unit %s: %s contradicts the section docker at %s, which has the engine run and start at boot: leave one of them out", name, strings.Join(said, " and "), d.Pos)
		}
	}
}

// offWord is the value by which a unit's field keeps it from running.
func offWord(field string) string {
	switch field {
	case "masked":
		return "true"
	case "state":
		return "absent"
	}
	return "false"
}
