package spec

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/words"
)

// decoder fills typed values from nodes. It is strict: whatever it does not
// understand is a problem, and it goes on to find the next.
type decoder struct {
	schema   *schema
	problems *Problems
	odd      map[Pos]bool // the places of items that have a field nobody knows
}

// spot is where a value goes: the Meta that notes its place, the field's name
// there, and how messages name the item.
type spot struct {
	meta  *Meta
	field string
	label string
	of    Field // what is known of it; of an entry of a list or map, nothing
}

func (s spot) String() string {
	if s.label == "" {
		return s.field
	}
	return s.label + ": " + s.field
}

// structure decodes a map into a struct. at is the place of the item: its key.
func (d *decoder) structure(n *node, v reflect.Value, label string, at Pos) {
	info, meta := d.schema.of(v.Type()), d.schema.metaOf(v)
	meta.Pos = at
	n = expand(v.Type(), n)
	if n.kind != mapNode {
		d.notAStruct(n, v.Type(), label)
		d.odd[at] = true
		if field := short(v.Type()); field != "" {
			meta.fields = map[string]Pos{field: n.pos} // it is said, if not as it has to be
		}
		return
	}
	meta.fields = make(map[string]Pos, len(n.entries))
	for _, e := range n.entries {
		field := e.key
		if info.fields[field] == nil {
			*d.problems = append(*d.problems, Problem{Pos: e.keyPos, Text: d.unknown(field, v.Type(), info, label)})
			d.odd[at] = true
			if field = d.meant(field, n, v.Type(), info); field == "" {
				continue
			}
		}
		meta.fields[field] = e.value.pos
		d.value(e.value, v.FieldByIndex(info.fields[field]), spot{meta, field, label, d.schema.fieldOf(v.Type(), field)}, e.keyPos)
	}
}

// mostFields is how many fields a message lists: a reader finds theirs among these.
const mostFields = 14

// unknown says of a field that there is none of that name.
func (d *decoder) unknown(key string, of reflect.Type, info *typeInfo, label string) string {
	if text := tightColon(key); text != "" {
		return strings.TrimPrefix(label+": "+text, ": ")
	}
	hint := d.problems.hint(key, info.names())
	switch {
	case of == d.schema.top && otherWords()[key] != "":
		hint = ": did you mean " + quote(otherWords()[key]) + "?"
	case hint == "" && of == d.schema.top:
		hint = ": opsafe explain lists the sections"
	case hint == "" && len(info.fields) <= mostFields:
		hint = ": want " + words.Or(slices.Sorted(info.names()))
	}
	return "unknown field " + quote(key) + prefixed(" in ", label) + hint
}

// meant finds the section of a backend whose name is misspelled: it is read as that one, for
// everything else in the spec relies on what is in it. Empty: there is none.
func (d *decoder) meant(key string, n *node, of reflect.Type, info *typeInfo) string {
	if of != d.schema.top || len(*d.problems) >= maxHints || otherWords()[key] != "" {
		return ""
	}
	name := words.Meant(key, info.names())
	if n.get(name) != nil {
		return ""
	}
	return name
}

// otherWords are what other tools call the sections of a backend.
func otherWords() map[string]string {
	return map[string]string{
		"services": "units", "service": "units", "systemd": "units", "timers": "units", "cron": "units", "jobs": "units",
		"ssh": "sshd", "sudo": "sudoers", "links": "files", "symlinks": "files", "templates": "files",
		"ssh_keys": "authorized_keys", "containers": "compose", "variables": "values", "vars": "values", "env": "environments",
		"repositories": "apt", "mounts": "units", "networks": "docker", "settings": "files", "venv": "venvs", "includes": "include",
	}
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func (d *decoder) notAStruct(n *node, t reflect.Type, label string) {
	if n.kind == scalarNode && n.tag == "!!null" {
		d.problems.Addf(n.pos, "%s: nothing follows: indent its fields further than its name, or write {} for one without fields", label)
		return
	}
	if text := tightColon(n.value); n.kind == scalarNode && text != "" {
		d.problems.Addf(n.pos, "%s: %s", label, text)
		return
	}
	word := d.schema.fieldOf(t, short(t)) // that can stand in place of the fields
	switch {
	case len(word.Form.Words) > 0:
		d.problems.Addf(n.pos, "%s: want %s, or a map of fields, got %s", label, words.Or(word.Form.Words), n.what())
	case word.Name != "" && n.kind == scalarNode:
		d.problems.Addf(n.pos, "%s: want text, got %s: write it in quotes: %s", label, n.what(), quote(n.value))
	default:
		d.problems.Addf(n.pos, "%s: want a map of fields, got %s", label, n.what())
	}
}

// value decodes one field. key is the place of its key.
func (d *decoder) value(n *node, v reflect.Value, at spot, key Pos) {
	if v.Type() == reflect.TypeFor[Conditions]() {
		d.conditions(n, v, at)
		return
	}
	if v.Kind() == reflect.Pointer {
		p := reflect.New(v.Type().Elem())
		d.value(n, p.Elem(), at, key)
		v.Set(p)
		return
	}
	if v.Kind() == reflect.Struct {
		label := at.field
		if at.label != "" {
			label += " of " + at.label
		}
		d.structure(n, v, label, key)
		d.itself(v, at.field, label)
		return
	}
	if n.kind == scalarNode && n.tag == "!!null" {
		d.problems.Addf(n.pos, "%s: nothing follows: leave the field out where it is not managed", at)
		return
	}
	switch v.Kind() {
	case reflect.Map:
		d.mapping(n, v, at)
	case reflect.Slice:
		d.list(n, v, at)
	default:
		d.scalar(n, v, at)
	}
}

func (d *decoder) mapping(n *node, v reflect.Value, at spot) {
	elem := v.Type().Elem()
	if n.kind != mapNode {
		want := "names with their values"
		if elem.Kind() == reflect.Pointer {
			want = "items by name"
		}
		if one := at.of.sampleItem(); one != "" {
			want += ", as in " + one
		}
		d.problems.Addf(n.pos, "%s: want a map of %s: got %s", at, want, n.what())
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.entries)))
	for _, e := range n.entries {
		var x reflect.Value
		switch elem.Kind() {
		case reflect.Pointer:
			x = reflect.New(elem.Elem())
			label := at.of.label(e.key, at.label)
			d.structure(e.value, x.Elem(), label, e.keyPos)
			d.itself(x.Elem(), e.key, label)
		case reflect.Interface:
			at.meta.note(at.field, e.key, e.value.pos)
			free := d.free(e.value, spot{meta: at.meta, field: at.field + "." + e.key, label: at.label})
			if free == nil {
				continue
			}
			x = reflect.ValueOf(free)
		default:
			at.meta.note(at.field, e.key, e.value.pos)
			x = reflect.New(elem).Elem()
			d.value(e.value, x, spot{meta: at.meta, field: at.field + "." + e.key, label: at.label}, e.keyPos)
		}
		v.SetMapIndex(reflect.ValueOf(e.key), x)
	}
}

func (m *Meta) note(field, key string, at Pos) { m.fields[field+"."+key] = at }

func (d *decoder) list(n *node, v reflect.Value, at spot) {
	if n.kind != listNode {
		d.problems.Addf(n.pos, "%s: want a list, as in [a, b], got %s", at, n.what())
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		at := spot{meta: at.meta, field: at.field + "[" + strconv.Itoa(i) + "]", label: at.label}
		at.meta.fields[at.field] = item.pos
		d.value(item, v.Index(i), at, item.pos)
	}
}

func (d *decoder) conditions(n *node, v reflect.Value, at spot) {
	items := []*node{n}
	if n.kind == listNode {
		items = n.items
	}
	conditions := make(Conditions, 0, len(items))
	for _, item := range items {
		var text string
		if item.kind != scalarNode || item.tag != "!!str" {
			d.problems.Addf(item.pos, "%s: want %s, got %s", at, conditionForms, item.what())
			continue
		}
		text = item.value
		c, err := parseCondition(item.pos, text)
		if err != nil {
			d.problems.Addf(item.pos, "%s: %v", at, err)
			continue
		}
		conditions = append(conditions, c)
	}
	v.Set(reflect.ValueOf(conditions))
}

func (d *decoder) scalar(n *node, v reflect.Value, at spot) {
	switch v.Kind() {
	case reflect.String:
		if text, ok := d.text(n, at); ok {
			v.SetString(text)
		}
	case reflect.Bool:
		d.boolean(n, v, at)
	case reflect.Int, reflect.Int64:
		i, ok := integer(n)
		if !ok {
			d.problems.Addf(n.pos, "%s: want a whole number such as 10000, got %s", at, n.what())
			return
		}
		v.SetInt(i)
	default:
		d.problems.Addf(n.pos, "%s: cannot hold %s", at, n.what())
	}
}

// text takes what YAML takes for text; numbers and switches need quotes, since
// YAML has its own ideas of how to write them.
func (d *decoder) text(n *node, at spot) (string, bool) {
	switch {
	case n.kind != scalarNode:
		d.problems.Addf(n.pos, "%s: want text, got %s", at, n.what())
	case n.tag == "!!str", n.tag == "!!timestamp":
		return n.value, true
	case n.tag == "!!int" && at.of.Form.Says == ModeForm().Says:
		d.problems.Addf(n.pos, "%s: write the mode in quotes: %s", at, quote(padMode(n.value)))
	default:
		d.problems.Addf(n.pos, "%s: want text, got %s: write it in quotes: %s", at, n.what(), quote(n.value))
	}
	return "", false
}

func padMode(s string) string {
	s = strings.TrimPrefix(s, "0o")
	if len(s) == 3 {
		return "0" + s
	}
	return s
}

func (d *decoder) boolean(n *node, v reflect.Value, at spot) {
	if n.kind == scalarNode && n.tag == "!!bool" && (n.value == "true" || n.value == "false") {
		v.SetBool(n.value == "true")
		return
	}
	if n.kind == scalarNode {
		switch strings.ToLower(n.value) {
		case "yes", "on", "y", "true":
			d.problems.Addf(n.pos, "%s: want true or false, got %s: write true, without quotes", at, quote(n.value))
			return
		case "no", "off", "n", "false":
			d.problems.Addf(n.pos, "%s: want true or false, got %s: write false, without quotes", at, quote(n.value))
			return
		}
	}
	d.problems.Addf(n.pos, "%s: want true or false, got %s", at, n.what())
}

// decimal has no leading zero: YAML takes 010 for eight.
var decimal = words.Pattern(`^(0|-?[1-9][0-9]*)$`)

func integer(n *node) (int64, bool) {
	if n.kind != scalarNode || n.quoted || !decimal().MatchString(n.value) {
		return 0, false
	}
	i, err := strconv.ParseInt(n.value, 10, 64)
	return i, err == nil
}

// free decodes what becomes JSON as it is. Nil: a problem.
func (d *decoder) free(n *node, at spot) any {
	switch n.kind {
	case mapNode:
		out := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			out[e.key] = d.free(e.value, spot{meta: at.meta, field: at.field + "." + e.key, label: at.label})
		}
		return out
	case listNode:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = d.free(item, spot{meta: at.meta, field: at.field + "[" + strconv.Itoa(i) + "]", label: at.label})
		}
		return out
	case scalarNode:
	}
	switch n.tag {
	case "!!str", "!!timestamp":
		return n.value
	case "!!bool":
		if n.value == "true" || n.value == "false" {
			return n.value == "true"
		}
	case "!!int":
		if i, ok := integer(n); ok {
			return i
		}
	case "!!float":
		if f, err := strconv.ParseFloat(n.value, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
	case "!!null":
		d.problems.Addf(n.pos, "%s: nothing follows: leave the field out", at)
		return nil
	}
	d.problems.Addf(n.pos, "%s: want text, a decimal number, true or false, got %s", at, n.what())
	return nil
}
