package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

func (c *checker) unitItems() {
	for name, u := range c.b.Units {
		label := "unit " + name
		c.fail(u.Pos, label, unitName(name))
		c.state(u.Meta, label, u.State)
		bodies := written(u.Meta, "source", "content", "template")
		switch {
		case len(bodies) > 1:
			c.addf(u.At(bodies[1]), "%s: has %s: want one of them", label, strings.Join(bodies, " and "))
		case gone(u.State) && len(bodies) > 0:
			c.addf(u.At(bodies[0]), "%s: is absent and has %s: want one or the other", label, bodies[0])
		case !gone(u.State) && len(bodies) == 0:
			c.hostUnit(name, u)
		}
		c.unitSwitches(u, label)
		if len(bodies) == 1 {
			c.unitText(u.Meta, label, u.Text, true)
		}
		for dropIn, d := range u.DropIns {
			inner := "drop-in " + dropIn + " of " + label
			c.dropIn(d.Meta, inner, d.State, dropInName(dropIn, "systemd"))
			c.unitText(d.Meta, inner, d.Text, false)
		}
		c.activates(name, u)
	}
}

// hostUnit checks that a unit without a text is one that the host will have.
func (c *checker) hostUnit(name string, u *Unit) {
	if !c.hostHas(name) && !c.units[templateOf(name)] && !guarded(u.When, name) && !Is(u.Masked) {
		c.addf(u.Pos, "unit %s: has no text, and no declared package brings it%s; if only some hosts have it, say when: unit %s exists",
			name, c.nearUnit(name), name)
	}
}

func (c *checker) unitSwitches(u *Unit, label string) {
	if Is(u.Masked) && Is(u.Enabled) {
		c.addf(u.At("enabled"), "%s: is masked and enabled: want one or the other", label)
	}
	if Is(u.Masked) && Is(u.Running) {
		c.addf(u.At("running"), "%s: is masked and running: want one or the other", label)
	}
	if gone(u.State) {
		for _, field := range written(u.Meta, "enabled", "running", "masked") {
			if field == "enabled" && Is(u.Enabled) || field == "running" && Is(u.Running) || field == "masked" && Is(u.Masked) {
				c.addf(u.At(field), "%s: is absent and %s: want one or the other", label, field)
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
// systemd.syntax(7). Templates are filled in on the host, which checks them.
func (c *checker) unitText(m Meta, label string, t Text, whole bool) {
	text, ok := body(t)
	if !ok {
		return
	}
	at := m.At("content")
	if t.Source != "" {
		at = Pos{File: path.Join(path.Dir(m.At("source").File), t.Source)}
	}
	sections, err := parseUnit(text)
	switch {
	case err != nil:
		if t.Source != "" {
			at.Line, at.Column = err.line, 1
			c.addf(at, "%s: %s", label, err.text)
			return
		}
		c.addf(at, "%s: line %d of the text: %s", label, err.line, err.text)
	case whole && len(sections) == 0:
		c.addf(at, "%s: the text is empty: want sections, as in [Service]", label)
	}
}

type unitError struct {
	line int
	text string
}

// parseUnit returns the last value of each setting, as Section.Key.
func parseUnit(text string) (map[string]string, *unitError) {
	settings := map[string]string{}
	section, goesOn := "", false
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
			goesOn = goesOn && line != ""
		case goesOn:
			goesOn = strings.HasSuffix(line, `\`)
		case line[0] == '[':
			if !strings.HasSuffix(line, "]") || len(line) < 3 {
				return nil, &unitError{number, fmt.Sprintf("%s: want a section, as in [Service]", quote(line))}
			}
			section = line[1 : len(line)-1]
			settings[section] = ""
		default:
			key, value, ok := strings.Cut(line, "=")
			switch {
			case !ok:
				return nil, &unitError{number, fmt.Sprintf("%s: want KEY=VALUE or [SECTION]", quote(line))}
			case section == "":
				return nil, &unitError{number, fmt.Sprintf("%s stands before the first [SECTION]", quote(line))}
			case strings.TrimSpace(key) == "" || strings.ContainsAny(strings.TrimSpace(key), " \t"):
				return nil, &unitError{number, fmt.Sprintf("%s: want KEY=VALUE", quote(line))}
			}
			settings[section+"."+strings.TrimSpace(key)] = strings.TrimSpace(value)
			goesOn = strings.HasSuffix(line, `\`)
		}
	}
	return settings, nil
}

// activates checks the unit that a timer, path or socket starts.
func (c *checker) activates(name string, u *Unit) {
	text, ok := body(u.Text)
	if !ok || gone(u.State) {
		return
	}
	kinds := map[string]string{".timer": "Timer.Unit", ".path": "Path.Unit", ".socket": "Socket.Service"}
	setting, ok := kinds[path.Ext(name)]
	settings, err := parseUnit(text)
	if !ok || err != nil {
		return
	}
	field := written(u.Meta, "content", "source")[0]
	target, said := settings[setting]
	if !said || target == "" {
		if strings.HasSuffix(settings["Socket.Accept"], "yes") || settings["Socket.Accept"] == "true" {
			return
		}
		target = strings.TrimSuffix(name, path.Ext(name)) + ".service"
	}
	if slices.ContainsFunc([]rune(target), func(r rune) bool { return r == '%' }) {
		return
	}
	c.unit(u.At(field), "unit "+name+": starts "+target, target, u.When)
}
