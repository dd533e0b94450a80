package drift

import (
	"context"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// members are in a group that the spec grants, without being on a list. A group
// that is exact is none of theirs: the plan takes them out of it.
func (f *finder) members(context.Context) error {
	groups := map[string]bool{}
	for name, g := range f.in.Backend.Groups {
		groups[name] = g.State != "absent" && g.Members != "exact"
	}
	for _, role := range f.in.Backend.Roles {
		for _, g := range role.Groups {
			if _, declared := f.in.Backend.Groups[g]; !declared {
				groups[g] = true
			}
		}
	}
	all, err := f.Groups()
	if err != nil {
		return err
	}
	users, err := f.Users()
	if err != nil {
		return err
	}
	for _, g := range all {
		if !groups[g.Name] {
			continue
		}
		for _, m := range g.Members {
			if !f.listed(m) && !f.person(m) {
				f.addPerson(Member, g.Name+"/"+m, m+" is in "+g.Name+", and on no list", "")
			}
		}
		for _, u := range users {
			if u.GID == g.GID && g.GID != 0 && u.Name != g.Name && !f.listed(u.Name) {
				f.addPerson(Member, g.Name+"/"+u.Name, g.Name+" is the primary group of "+u.Name+", who is on no list", disable(u.Name))
			}
		}
	}
	return nil
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
