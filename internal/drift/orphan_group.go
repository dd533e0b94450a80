package drift

import (
	"context"
	"slices"
	"strings"

	"opsafe/internal/host"
)

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
			f.add(Group, g.Name, strings.Join(by, "; "))
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
