package access

import (
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// OpenGroup is a group into which somebody gets without root's making them a member,
// see gshadow(5).
type OpenGroup struct {
	Name     string
	Password bool     // whoever knows it gets in, by newgrp(1)
	Admins   []string // they can take anybody in, and set the password, by gpasswd(1)
}

// OpenGroups are all of them, in the order of the host's groups. With an error, they
// are those that could be seen.
func OpenGroups(r host.Reader) ([]OpenGroup, error) {
	groups, err := r.Groups()
	if err != nil {
		return nil, err
	}
	var out []OpenGroup
	for _, g := range groups {
		s, err := r.GroupShadow(g.Name)
		if err != nil {
			return out, err
		}
		if s == nil {
			continue
		}
		open := OpenGroup{Name: g.Name, Password: s.Password == host.PasswordSet, Admins: s.Admins}
		if open.Password || len(open.Admins) > 0 {
			out = append(out, open)
		}
	}
	return out, nil
}

// administers finds out which groups are theirs to change.
func (r *Rights) administers(h host.Reader) {
	if r.Name == root || r.Name == Everybody {
		return
	}
	groups, err := OpenGroups(h)
	if err != nil {
		r.Unknown = append(r.Unknown, err.Error())
	}
	for _, g := range groups {
		if slices.Contains(g.Admins, r.Name) {
			r.Administers = append(r.Administers, g.Name)
		}
	}
}

// administersWithout lists, in words, the groups that are theirs to change, and not
// with the other.
func (r Rights) administersWithout(o Rights) []string {
	var out []string
	for _, g := range r.Administers {
		if slices.Contains(o.Administers, g) {
			continue
		}
		what := "administration of the group " + g
		if RootGroup(g) != "" {
			what += change.RootInEffect
		}
		out = append(out, what)
	}
	return out
}
