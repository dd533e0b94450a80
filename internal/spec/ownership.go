package spec

import (
	"slices"
	"strconv"
)

// withDefaults gives what a file's defaults say to those of its items that leave it
// out. Of an item that an included file has begun, had, only what is written is
// overridden. It changes neither.
func withDefaults(n, had *node) *node {
	defaults := n.get("defaults")
	if defaults == nil {
		return n
	}
	out := *n
	out.entries = slices.Clone(n.entries)
	for i, e := range out.entries {
		owners := defaults.get(e.key)
		if owners == nil || e.value.kind != mapNode || e.key != "directories" && e.key != "files" {
			continue
		}
		var before *node
		if had != nil {
			before = had.get(e.key)
		}
		section := *e.value
		section.entries = slices.Clone(section.entries)
		for k, item := range section.entries {
			if before.get(item.key) == nil {
				section.entries[k].value = withOwners(item.value, owners, e.key == "files")
			}
		}
		out.entries[i].value = &section
	}
	return &out
}

// withOwners gives an item the owner and group that it leaves out, and those that it has
// then to a rule for what is below it. Of a part of a file, and of a link, the owner is
// not managed.
func withOwners(item, owners *node, file bool) *node {
	whole := !file || slices.ContainsFunc([]string{"source", "content", "template"}, func(body string) bool { return item.get(body) != nil })
	if item.kind != mapNode || removal(item) || !whole {
		return item
	}
	var keys []string
	for _, key := range []string{"owner", "group"} {
		if owners.get(key) != nil {
			keys = append(keys, key)
		}
	}
	out := filled(item, owners, keys)
	if i := out.index("recurse"); i >= 0 && !file {
		out.entries[i].value = filled(out.entries[i].value, out, keys)
	}
	return out
}

// filled is a map with the keys of another one that it leaves out.
func filled(n, from *node, keys []string) *node {
	if n.kind != mapNode {
		return n
	}
	out := *n
	out.entries = slices.Clone(n.entries)
	for _, key := range keys {
		if out.get(key) == nil {
			out.entries = append(out.entries, from.entries[from.index(key)])
		}
	}
	return &out
}

// expandACLs makes of each directory's field acl what the section acls says in more
// words: these entries and no others, and where there is a rule for what is below, for
// that, too, and for what is made there from now on.
func (b *Backend) expandACLs(problems *Problems) {
	for name, d := range Sorted(b.Directories) {
		if !d.Has("acl") || gone(d.State) {
			continue
		}
		if other := b.ACLs[name]; other != nil {
			problems.Addf(other.Pos, "acl of %s: directory %[1]s has the field acl at %s, too: one of them has to go", name, d.At("acl"))
			continue
		}
		exact := true
		a := &ACL{Item: Item{Meta: Meta{Pos: d.At("acl"), fields: map[string]Pos{}}, When: d.When}, Access: d.ACL, Exact: &exact, field: true}
		if r := d.Recurse; r != nil {
			a.Default, a.Recursive, a.From, a.Except = d.ACL, &exact, r.From, r.Except
			a.fields["recursive"] = r.Pos
		}
		for i := range d.ACL {
			a.fields["access["+strconv.Itoa(i)+"]"] = d.At("acl", i)
		}
		if b.ACLs == nil {
			b.ACLs = map[string]*ACL{}
		}
		b.ACLs[name] = a
	}
}
