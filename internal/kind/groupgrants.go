package kind

import (
	"maps"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/policy"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// Entitled lists, for each group that is granted, who is declared to be in it, sorted.
func (in *Input) Entitled() map[string][]string {
	members := map[string][]string{}
	// A role that nobody has any more still grants its groups: who was in one
	// leaves it.
	for _, role := range in.Backend.Roles {
		for _, g := range role.Groups {
			members[g] = nil
		}
	}
	if in.Roster != nil {
		for _, m := range in.Roster.Members {
			for _, g := range m.Groups {
				members[g] = append(members[g], m.Name)
			}
		}
	}
	for name, u := range in.Backend.Users {
		if u.State == Absent {
			continue
		}
		for _, g := range u.Groups {
			members[g] = append(members[g], name)
		}
	}
	for g := range members {
		slices.Sort(members[g])
		members[g] = slices.Compact(members[g])
	}
	return members
}

// grantedAt is the first place that grants a group which is not declared.
func grantedAt(in *Input, group string) spec.Pos {
	for _, name := range slices.Sorted(maps.Keys(in.Backend.Roles)) {
		if i := slices.Index(in.Backend.Roles[name].Groups, group); i >= 0 {
			return in.Backend.Roles[name].At("groups", i)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.Backend.Users)) {
		if i := slices.Index(in.Backend.Users[name].Groups, group); i >= 0 {
			return in.Backend.Users[name].At("groups", i)
		}
	}
	return in.Backend.Pos
}

// GrantedOtherwise are the groups that the spec lets do something without having a say
// in who is in them, each with the first place that does: rules of sudo, the groups of
// files and directories, and ACLs. A condition does not matter, since nobody loses
// anything that is declared by a group's being sealed.
func (in *Input) GrantedOtherwise() map[string]spec.Pos {
	at := map[string]spec.Pos{}
	add := func(pos spec.Pos, groups ...string) {
		for _, g := range groups {
			if _, ok := at[g]; !ok && g != "" {
				at[g] = pos
			}
		}
	}
	for _, d := range spec.Sorted(DropInsOf(in.Backend, "sudoers")) {
		if d.State != Absent {
			add(d.Pos, in.sudoGroups(d.Text)...)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(in.Backend.Directories)) {
		d := in.Backend.Directories[p]
		if d.State == Absent {
			continue
		}
		add(d.Pos, d.Group)
		if d.Recurse != nil {
			add(d.Pos, d.Recurse.Group)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(in.Backend.Files)) {
		if f := in.Backend.Files[p]; f.State != Absent {
			add(f.Pos, f.Group)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(in.Backend.ACLs)) {
		a := in.Backend.ACLs[p]
		for _, entry := range slices.Concat(a.Access, a.Default) {
			if e, err := readEntry(entry); err == nil && e.Tag == host.TagGroup {
				add(a.Pos, e.Name)
			}
		}
	}
	return at
}

// templateActions are what a template has between its text.
var templateActions = words.Pattern(`(?s)\{\{.*?\}\}`)

// sudoGroups are the groups that rules of sudo name. A template is read both as it is
// and as it comes out on no host in particular: what it has under a condition counts.
func (in *Input) sudoGroups(t spec.Text) []string {
	if t.Content != nil {
		return groupsOfSudo([]byte(*t.Content))
	}
	if t.Template == "" {
		return groupsOfSudo(t.Data)
	}
	groups := groupsOfSudo(templateActions().ReplaceAll(t.Data, []byte("\n")))
	data := templateData{Backend: in.Backend.Name, Values: in.Backend.Values}
	if text, err := renderTemplate(t.Template, string(t.Data), data); err == nil {
		groups = append(groups, groupsOfSudo(text)...)
	}
	return groups
}

// groupsOfSudo are the groups by whose names sudoers(5) has rules or User_Aliases. A
// number, %#GID, and a group of another source, %:NAME, are none of /etc/group's names.
func groupsOfSudo(data []byte) []string {
	var groups []string
	for _, l := range policy.SudoRules(data) {
		words := policy.SudoUsers(l.Text)
		if strings.HasPrefix(l.Text, "User_Alias") {
			words = policy.SudoWords(l.Text)
		}
		for _, w := range words {
			name, ok := strings.CutPrefix(strings.TrimPrefix(w, "!"), "%")
			if ok && name != "" && !strings.ContainsAny(name, "#:") {
				groups = append(groups, name)
			}
		}
	}
	return groups
}
