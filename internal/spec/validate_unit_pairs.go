package spec

import (
	"path"

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
		c.Addf(u.At("running"), "unit %s: with Type=oneshot it has ended once it has started, and does not run: say RemainAfterExit=yes in [Service], or leave running out", name)
	}
}

// unitConflicts finds units that are to run and that systemd does not let run side
// by side (Conflicts= in systemd.unit(5)).
func (c *Checker) unitConflicts() {
	for name, u := range Sorted(c.b.Units) {
		text, ok := body(u.Text)
		if !ok || gone(u.State) || !Is(u.Running) {
			continue
		}
		for _, other := range debian.ParseUnit(text).List("Unit", "Conflicts") {
			o := c.b.Units[other]
			if o == nil || gone(o.State) || !Is(o.Running) || u.When.Excludes(o.When) {
				continue
			}
			c.Addf(u.At("running"), "unit %s: is to run, and so is unit %s at %s, but its text says Conflicts=%s: systemd stops one for the other; have one of them not run", name, other, o.Pos, other)
		}
	}
}
