package spec

import (
	"reflect"
	"slices"
)

// merge lays one node over another: structs field by field, sections item by
// item, lists and scalars as a whole. It changes neither.
func (s *schema) merge(t reflect.Type, base, over *node) *node {
	t = deref(t)
	base, over = expand(t, base), expand(t, over)
	if base.kind != mapNode || over.kind != mapNode {
		return over
	}
	switch t.Kind() {
	case reflect.Struct:
		return s.mergeStruct(t, base, over)
	case reflect.Map:
		return s.mergeEntries(base.entries, over, func(string) reflect.Type { return t.Elem() })
	default:
		return over
	}
}

// mergeStruct drops from what is inherited everything that the overriding item
// replaces as a group: the body of a file, and all of it when it goes.
func (s *schema) mergeStruct(t reflect.Type, base, over *node) *node {
	info := s.of(t)
	kept := base.entries
	saysBody := slices.ContainsFunc(over.entries, func(e entry) bool { return slices.Contains(info.bodies, e.key) })
	goes := removal(over) && !removal(base)
	if saysBody || goes {
		kept = slices.DeleteFunc(slices.Clone(kept), func(e entry) bool {
			return saysBody && slices.Contains(info.bodies, e.key) && over.get(e.key) == nil || goes && e.key != "when"
		})
	}
	return s.mergeEntries(kept, over, func(name string) reflect.Type { return info.field(t, name) })
}

func removal(n *node) bool {
	state := n.get("state")
	return state != nil && (state.value == "absent" || state.value == "purged")
}

func (s *schema) mergeEntries(base []entry, over *node, typeOf func(string) reflect.Type) *node {
	out := &node{pos: over.pos, kind: mapNode, merged: true, entries: slices.Clone(base)}
	at := make(map[string]int, len(base))
	for i, e := range out.entries {
		at[e.key] = i
	}
	for _, e := range over.entries {
		i, inherited := at[e.key]
		if !inherited {
			out.entries = append(out.entries, e)
			continue
		}
		if t := typeOf(e.key); t != nil && t.Kind() != reflect.Interface {
			e.value = s.merge(t, out.entries[i].value, e.value)
		}
		out.entries[i] = e
	}
	return out
}

// unmanaged takes out the items that say managed: false. An item that nothing
// included declares cannot be taken out: it is a slip of the pen.
func (s *schema) unmanaged(t reflect.Type, n *node, parent string, problems *Problems) *node {
	t = deref(t)
	if n.kind != mapNode || t.Kind() != reflect.Struct {
		return n
	}
	info := s.of(t)
	out := &node{pos: n.pos, kind: n.kind, merged: n.merged}
	for _, e := range n.entries {
		ft := info.field(t, e.key)
		switch {
		case ft == nil:
		case ft.Kind() == reflect.Map && deref(ft.Elem()).Kind() == reflect.Struct && e.value.kind == mapNode:
			e.value = s.unmanagedItems(deref(ft.Elem()), s.fieldOf(t, e.key), e, parent, problems)
		case deref(ft).Kind() == reflect.Struct:
			if s.takenOut(deref(ft), e, e.key, problems) {
				continue
			}
			e.value = s.unmanaged(ft, e.value, e.key, problems)
		}
		out.entries = append(out.entries, e)
	}
	return out
}

func (s *schema) unmanagedItems(t reflect.Type, items Field, section entry, parent string, problems *Problems) *node {
	out := &node{pos: section.value.pos, kind: mapNode, merged: section.value.merged}
	for _, e := range section.value.entries {
		label := items.label(e.key, parent)
		if s.takenOut(t, e, label, problems) {
			continue
		}
		e.value = s.unmanaged(t, e.value, label, problems)
		out.entries = append(out.entries, e)
	}
	return out
}

// leftAlone lists the items of all sections that say managed: false.
func leftAlone(n *node) []string {
	var out []string
	for _, section := range n.entries {
		if section.value.kind != mapNode {
			continue
		}
		for _, item := range section.value.entries {
			if item.value.kind != mapNode {
				continue
			}
			if m := item.value.get("managed"); m != nil && m.value == "false" {
				out = append(out, section.key+"/"+item.key)
			}
		}
	}
	return out
}

func (s *schema) takenOut(t reflect.Type, e entry, label string, problems *Problems) bool {
	if !s.of(t).item || e.value.kind != mapNode {
		return false
	}
	m := e.value.get("managed")
	if m == nil || m.tag != "!!bool" || m.value != "false" {
		return false
	}
	if !e.value.merged {
		problems.Addf(m.pos, "%s: managed: false takes out an item of an included part, but none declares this one", label)
	}
	return true
}
