package kind

import (
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// LeftEntries are entries of a path's ACL that nothing declares: they let in all the same.
type LeftEntries struct {
	Path            string
	Access, Default []host.Entry
	Below           bool // what is below it may have them, too
}

// String names the entries.
func (l LeftEntries) String() string { return strings.Join(l.list(host.Entry.String), ", ") }

// list has them all, those of default as setfacl(1) calls them.
func (l LeftEntries) list(name func(host.Entry) string) []string {
	var out []string
	for _, e := range l.Access {
		out = append(out, name(e))
	}
	for _, e := range l.Default {
		out = append(out, "default:"+name(e))
	}
	return out
}

// Way is how they are taken away.
func (l LeftEntries) Way() string {
	program := "setfacl "
	if l.Below {
		program = "setfacl --recursive --physical "
	}
	gone := l.list(func(e host.Entry) string { return string(e.Tag) + ":" + e.Name })
	return "sudo " + program + "-x " + strings.Join(gone, ",") + " '" + l.Path + "', or declare its ACL with exact: true"
}

// LeftEntries looks at the paths whose ACLs the spec declares, without exact, or has
// declared. What cannot be seen is left out.
func (in *Input) LeftEntries(r host.Reader) []LeftEntries {
	below := map[string]bool{} // whether it is about what is below the path, too
	for p, a := range in.Backend.ACLs {
		if !spec.Is(a.Exact) {
			below[p] = spec.Is(a.Recursive)
		}
	}
	for _, id := range in.Former {
		if of, p, _ := strings.Cut(id, "/"); of == "acl" {
			at := strings.TrimSuffix(p, "/**")
			below[at] = below[at] || at != p
		}
	}
	var out []LeftEntries
	for _, p := range slices.Sorted(maps.Keys(below)) {
		n, err := r.Stat(p)
		if err != nil || n == nil || slices.Contains(in.Backend.LeftAlone, "acls/"+p) {
			continue
		}
		declared := in.entriesAt(p)
		left := func(entries []host.Entry) []host.Entry {
			return slices.DeleteFunc(slices.Clone(entries), func(e host.Entry) bool { return declared[string(e.Tag)+":"+e.Name] })
		}
		l := LeftEntries{Path: p, Access: left(n.Access.Named), Below: below[p]}
		if n.Access.Default != nil {
			l.Default = left(n.Access.Default.Named)
		}
		if len(l.Access)+len(l.Default) > 0 {
			out = append(out, l)
		}
	}
	return out
}

// entriesAt are the users and groups that ACLs declared for a path, or for what is below one
// above it, name.
func (in *Input) entriesAt(p string) map[string]bool {
	out := map[string]bool{}
	for at := p; ; at = path.Dir(at) {
		if a := in.Backend.ACLs[at]; a != nil && (at == p || spec.Is(a.Recursive)) {
			rule, _ := ruleOf(a) // what cannot be read is an error of its resource
			for _, e := range slices.Concat(rule.Access, rule.Default) {
				out[string(e.Tag)+":"+e.Name] = true
			}
		}
		if at == "/" || at == "." {
			return out
		}
	}
}
