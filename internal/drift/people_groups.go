package drift

import (
	"context"
	"slices"
	"strings"

	"opsafe/internal/access"
	"opsafe/internal/host"
)

// members are in a group without the spec's giving it to them: one that it grants, or
// one that is as good as root. A group that is exact is none of theirs: the plan takes
// them out of it.
func (f *finder) members(context.Context) error {
	return f.membersOf(func(string) bool { return true })
}

// membersOf are members of those groups.
func (f *finder) membersOf(wanted func(group string) bool) error {
	all, err := f.Groups()
	if err != nil {
		return err
	}
	users, err := f.Users()
	if err != nil {
		return err
	}
	entitled := f.in.Entitled()
	for _, g := range all {
		if !wanted(g.Name) {
			continue
		}
		granted := f.grants(g.Name)
		if d := f.in.Backend.Groups[g.Name]; d != nil && (d.State == absent || d.Members == "exact") || !granted && !asRoot(g.Name) {
			continue
		}
		for _, m := range g.Members {
			if planned := granted && f.person(m); !planned && !contains(entitled[g.Name], m) {
				f.addPerson(Member, g.Name+"/"+m, m+" is in "+g.Name+", and "+f.without(m), "")
			}
		}
		for _, u := range users {
			name, is := g.Name+"/"+u.Name, g.Name+" is the primary group of "+u.Name
			switch primary := u.GID == g.GID && g.GID != 0 && u.Name != g.Name; {
			case primary && !f.listed(u.Name):
				f.addPerson(Member, name, is+", who is on no list", disable(u.Name))
			case primary && asRoot(g.Name) && !contains(entitled[g.Name], u.Name):
				f.addPerson(Member, name, is+", and nothing gives them that", "usermod --gid GROUP "+u.Name)
			}
		}
	}
	return nil
}

// contains reports whether a name is in a sorted list.
func contains(sorted []string, name string) bool {
	_, ok := slices.BinarySearch(sorted, name)
	return ok
}

// without says why a member of a group is not to be in it.
func (f *finder) without(name string) string {
	switch {
	case f.listed(name):
		return "nothing gives them that"
	case f.person(name):
		return "no role of theirs has accounts here"
	}
	return "on no list"
}

// asRoot reports whether whoever is in a group is root, or becomes it by the rules of
// sudo that Debian comes with.
func asRoot(group string) bool {
	return group == "sudo" || group == "wheel" || access.RootGroup(group) != ""
}

// openGroups are groups that somebody gets into without being made a member by root:
// by newgrp, with the group's password, or by an administrator of the group. Those
// that the spec declares, grants or lets do something are none of theirs: the plan shuts
// them.
func (f *finder) openGroups(context.Context) error {
	groups, err := f.Groups()
	if err != nil {
		return err
	}
	otherwise := f.in.GrantedOtherwise()
	for _, g := range groups {
		if _, ok := otherwise[g.Name]; ok || f.grants(g.Name) {
			continue
		}
		s, err := f.GroupShadow(g.Name)
		if err != nil {
			return err
		}
		var by []string
		if s != nil && s.Password == host.PasswordSet {
			by = append(by, "it has a password: whoever knows it gets in by newgrp")
		}
		if s != nil && len(s.Admins) > 0 {
			by = append(by, "anybody whom "+strings.Join(s.Admins, ", ")+" take in, as its administrators")
		}
		if len(by) > 0 {
			f.add(Orphan{Category: Group, Name: g.Name, What: strings.Join(by, "; ")}, "groups/"+g.Name)
		}
	}
	return nil
}

// grants reports whether the spec declares a group, or gives somebody membership.
func (f *finder) grants(group string) bool {
	if _, ok := f.in.Backend.Groups[group]; ok {
		return true
	}
	for _, role := range f.in.Backend.Roles {
		if slices.Contains(role.Groups, group) {
			return true
		}
	}
	for _, u := range f.in.Backend.Users {
		if slices.Contains(u.Groups, group) {
			return true
		}
	}
	return false
}
