package render

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"opsafe/internal/change"
)

// longValue is the length from which an attribute gets a line of its own.
const longValue = 48

// attrs are a resource's attributes as they are shown.
type attrs struct {
	short  []string // for the resource's own line
	long   []string // for lines below
	arrows []change.Attr
	rest   []string // the short ones without arrows
}

// split writes the attributes: short ones for the resource's own line, long ones
// and repeated ones for lines below.
func (t *Text) split(r change.Result) attrs {
	var out attrs
	for _, g := range groupAttrs(compact(r)) {
		text := describe(t.style, r.Change.Action, g)
		a := g.values[0]
		if len(g.values) > 1 || utf8.RuneCountInString(a.Before.Text)+utf8.RuneCountInString(a.After.Text) > longValue {
			out.long = append(out.long, text...)
			continue
		}
		out.short = append(out.short, text...)
		if a.Before.Kind != change.Absent && a.After.Kind != change.Absent {
			out.arrows = append(out.arrows, a)
		} else {
			out.rest = append(out.rest, text...)
		}
	}
	return out
}

// table writes attributes below each other: names, what was before, what is after.
func table(s Style, attrs []change.Attr) []string {
	names, befores := 0, 0
	for _, a := range attrs {
		names, befores = max(names, visible(s.word(a.Name))), max(befores, visible(s.value(a.Before)))
	}
	var out []string
	for _, a := range attrs {
		out = append(out, pad(s.word(a.Name), names)+"  "+pad(s.value(a.Before), befores)+" → "+s.value(a.After))
	}
	return out
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-visible(text)))
}

// compact leaves out what goes without saying, and writes owner, group and mode of
// something that comes or goes as one.
func compact(r change.Result) []change.Attr {
	attrs := r.Change.Attrs
	here, there := func(a change.Attr) change.Value { return a.After }, func(a change.Attr) change.Value { return a.Before }
	switch r.Change.Action {
	case change.Add:
	case change.Remove:
		here, there = there, here
	default:
		return attrs
	}
	if r.ID.Kind == "package" {
		return slices.DeleteFunc(slices.Clone(attrs), func(a change.Attr) bool {
			return a.Name == "state" && there(a).Kind == change.Absent
		})
	}
	named := map[string]string{}
	for _, a := range attrs {
		if there(a).Kind == change.Absent && here(a).Kind == change.Known {
			named[a.Name] = here(a).Text
		}
	}
	owner, group := named["owner"], named["group"]
	if owner == "" || group == "" {
		return attrs
	}
	whole := change.Attr{After: change.Text(strings.TrimSpace(owner + ":" + group + " " + named["mode"]))}
	rest := slices.DeleteFunc(slices.Clone(attrs), func(a change.Attr) bool {
		return a.Name == "owner" || a.Name == "group" || a.Name == "mode"
	})
	return append([]change.Attr{whole}, rest...)
}

// attrGroup is the values of attributes of one name, such as the members of a
// group that come and go.
type attrGroup struct {
	name   string
	values []change.Attr
}

func groupAttrs(attrs []change.Attr) []attrGroup {
	var out []attrGroup
	for _, a := range attrs {
		if n := len(out); n > 0 && out[n-1].name == a.Name {
			out[n-1].values = append(out[n-1].values, a)
		} else {
			out = append(out, attrGroup{a.Name, []change.Attr{a}})
		}
	}
	return out
}

// pen writes the parts of an attribute in the way of a format.
type pen interface {
	// word writes a name.
	word(text string) string
	value(v change.Value) string
	// comes and goes write a value that is there only afterwards, or was there
	// only before.
	comes(value string) string
	goes(value string) string
	aside(text string) string
	// unfolded reports whether long lists are written in full.
	unfolded() bool
}

// describe writes the attributes of one name, in one item or several.
func describe(p pen, action change.Action, g attrGroup) []string {
	if len(g.values) > 1 {
		return many(p, g)
	}
	a := g.values[0]
	switch {
	case g.name == "":
		return []string{p.value(a.After)}
	case a.Before.Kind == change.Absent && action == change.Add:
		return []string{p.word(g.name) + " " + p.value(a.After)}
	case a.After.Kind == change.Absent && action == change.Remove:
		return []string{p.word(g.name) + " " + p.value(a.Before)}
	default:
		return []string{p.word(g.name) + " " + beforeAfter(p, a)}
	}
}

func beforeAfter(p pen, a change.Attr) string {
	switch {
	case a.Before.Kind == change.Absent:
		return p.comes(p.value(a.After))
	case a.After.Kind == change.Absent:
		return p.goes(p.value(a.Before))
	default:
		return p.value(a.Before) + " → " + p.value(a.After)
	}
}

// many writes several values of one attribute: short ones side by side, long
// ones a line each, folded when there are too many.
func many(p pen, g attrGroup) []string {
	const most = 12
	var items []string
	wide := false
	for _, a := range g.values {
		items = append(items, beforeAfter(p, a))
		wide = wide || utf8.RuneCountInString(a.Before.Text)+utf8.RuneCountInString(a.After.Text) > longValue/2
	}
	if more := len(items) - most; more > 1 && !p.unfolded() {
		items = append(items[:most], p.aside(fmt.Sprintf("and %d more (--full)", more)))
	}
	if !wide {
		return []string{p.word(g.name) + " " + strings.Join(items, " ")}
	}
	for i := range items {
		items[i] = p.word(g.name) + " " + items[i]
	}
	return items
}

// Style is the pen of text.

func (s Style) word(text string) string  { return clean(text) }
func (s Style) comes(text string) string { return s.paint(green, "+") + text }
func (s Style) goes(text string) string  { return s.paint(red, "-") + text }
func (s Style) aside(text string) string { return s.paint(dim, text) }
func (s Style) unfolded() bool           { return s.Full }

func (s Style) value(v change.Value) string {
	switch v.Kind {
	case change.Known:
		return clean(v.Text)
	case change.Secret:
		return s.paint(dim, "(secret, digest "+clean(v.Text)+")")
	case change.Absent:
		return s.paint(dim, "none")
	default:
		return s.paint(dim, "("+string(v.Kind)+")")
	}
}
