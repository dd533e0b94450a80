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

// split writes the attributes: short ones for the resource's own line, long
// ones and repeated ones for lines below.
func (t *Text) split(r change.Result) (short, long []string) {
	for _, g := range groupAttrs(compact(r)) {
		text := t.attr(r.Change.Action, g)
		if len(g.values) == 1 && utf8.RuneCountInString(g.values[0].Before.Text)+utf8.RuneCountInString(g.values[0].After.Text) <= longValue {
			short = append(short, text...)
		} else {
			long = append(long, text...)
		}
	}
	return short, long
}

// compact leaves out what goes without saying, and writes owner, group and mode
// of something new as one.
func compact(r change.Result) []change.Attr {
	attrs := r.Change.Attrs
	if r.Change.Action != change.Add {
		return attrs
	}
	if r.ID.Kind == "package" {
		return slices.DeleteFunc(slices.Clone(attrs), func(a change.Attr) bool {
			return a.Name == "state" && a.Before.Kind == change.Absent
		})
	}
	named := map[string]string{}
	for _, a := range attrs {
		if a.Before.Kind == change.Absent && a.After.Kind == change.Known {
			named[a.Name] = a.After.Text
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

func (t *Text) attr(action change.Action, g attrGroup) []string {
	if len(g.values) == 1 {
		a := g.values[0]
		switch {
		case g.name == "":
			return []string{t.value(a.After)}
		case a.Before.Kind == change.Absent && action == change.Add:
			return []string{clean(g.name) + " " + t.value(a.After)}
		case a.Before.Kind == change.Absent:
			return []string{clean(g.name) + " " + t.style.paint(green, "+") + t.value(a.After)}
		case a.After.Kind == change.Absent:
			return []string{clean(g.name) + " " + t.style.paint(red, "-") + t.value(a.Before)}
		default:
			return []string{clean(g.name) + " " + t.value(a.Before) + " → " + t.value(a.After)}
		}
	}
	return t.many(g)
}

// many writes several values of one attribute: short ones side by side, long
// ones a line each, folded when there are too many.
func (t *Text) many(g attrGroup) []string {
	const most = 12
	var items []string
	wide := false
	for _, a := range g.values {
		switch {
		case a.Before.Kind == change.Absent:
			items = append(items, t.style.paint(green, "+")+t.value(a.After))
		case a.After.Kind == change.Absent:
			items = append(items, t.style.paint(red, "-")+t.value(a.Before))
		default:
			items = append(items, t.value(a.Before)+" → "+t.value(a.After))
		}
		wide = wide || utf8.RuneCountInString(a.Before.Text)+utf8.RuneCountInString(a.After.Text) > longValue/2
	}
	if more := len(items) - most; more > 1 && !t.style.Full {
		items = append(items[:most], t.style.paint(dim, fmt.Sprintf("and %d more", more)))
	}
	if !wide {
		return []string{clean(g.name) + " " + strings.Join(items, " ")}
	}
	for i := range items {
		items[i] = clean(g.name) + " " + items[i]
	}
	return items
}

func (t *Text) value(v change.Value) string {
	switch v.Kind {
	case change.Known:
		return clean(v.Text)
	case change.Secret:
		return t.style.paint(dim, "(secret, sha256 "+clean(v.Text)+")")
	case change.Absent:
		return t.style.paint(dim, "none")
	default:
		return t.style.paint(dim, "("+string(v.Kind)+")")
	}
}
