package snapshot

import (
	"slices"

	"opsafe/internal/host"
)

// User finds a user. The account databases are recorded whole or not at all.
func (r *Reader) User(name string) (*host.User, error) {
	if err := r.trouble(askUser(name)); err != nil {
		return nil, err
	}
	users, err := r.Users()
	users = append(users, r.state.Sources.Users...)
	for i := range users {
		if users[i].Name == name {
			return &users[i], nil
		}
	}
	return nil, err
}

// Group finds a group.
func (r *Reader) Group(name string) (*host.Group, error) {
	if err := r.trouble(askGroup(name)); err != nil {
		return nil, err
	}
	groups, err := r.Groups()
	groups = append(groups, r.state.Sources.Groups...)
	for i := range groups {
		if groups[i].Name == name {
			return &groups[i], nil
		}
	}
	return nil, err
}

// UserByID finds the first user that has a number.
func (r *Reader) UserByID(uid int) (*host.User, error) {
	if err := r.trouble(askUserID(uid)); err != nil {
		return nil, err
	}
	users, err := r.Users()
	users = append(users, r.state.Sources.Users...)
	for i := range users {
		if users[i].UID == uid {
			return &users[i], nil
		}
	}
	return nil, err
}

// GroupByID finds the first group that has a number.
func (r *Reader) GroupByID(gid int) (*host.Group, error) {
	if err := r.trouble(askGroupID(gid)); err != nil {
		return nil, err
	}
	groups, err := r.Groups()
	groups = append(groups, r.state.Sources.Groups...)
	for i := range groups {
		if groups[i].GID == gid {
			return &groups[i], nil
		}
	}
	return nil, err
}

// Users lists all users.
func (r *Reader) Users() ([]host.User, error) {
	if err := r.trouble(askUsers); err != nil {
		return nil, err
	}
	if r.state.Users == nil {
		return nil, r.missing("list of users")
	}
	return slices.Clone(r.state.Users), nil
}

// Groups lists all groups.
func (r *Reader) Groups() ([]host.Group, error) {
	if err := r.trouble(askGroups); err != nil {
		return nil, err
	}
	if r.state.Groups == nil {
		return nil, r.missing("list of groups")
	}
	out := slices.Clone(r.state.Groups)
	for i := range out {
		out[i].Members = slices.Clone(out[i].Members)
	}
	return out, nil
}

// Password tells about a user's password.
func (r *Reader) Password(name string) (*host.Password, error) {
	if err := r.trouble(askPassword(name)); err != nil {
		return nil, err
	}
	p, ok := r.state.Passwords[name]
	switch {
	case ok && p.State != "":
		return &p, nil
	case ok, r.state.Whole != (Whole{}) && !r.hasUser(name):
		return nil, nil // there is no line for it
	}
	return nil, r.missing("password of " + name)
}

// GroupShadow is what gshadow says of a group.
func (r *Reader) GroupShadow(name string) (*host.GroupShadow, error) {
	if err := r.trouble(askShadow(name)); err != nil {
		return nil, err
	}
	groups, err := r.Groups()
	if err != nil || !slices.ContainsFunc(groups, func(g host.Group) bool { return g.Name == name }) {
		return nil, err
	}
	s, ok := r.state.Shadows[name]
	if !ok {
		s.Password = host.PasswordLocked
	}
	s.Admins, s.Torn = slices.Clone(s.Admins), slices.Clone(s.Torn)
	return &s, nil
}

// Strays are those recorded.
func (r *Reader) Strays() (host.Strays, error) {
	if err := r.trouble(askStrays); err != nil {
		return host.Strays{}, err
	}
	return r.state.Strays, nil
}

func (r *Reader) hasUser(name string) bool {
	return r.state.Users == nil || slices.ContainsFunc(r.state.Users, func(u host.User) bool { return u.Name == name })
}

// IDRanges are those recorded.
func (r *Reader) IDRanges() (host.IDRanges, error) {
	if err := r.trouble(askRanges); err != nil {
		return host.IDRanges{}, err
	}
	if r.state.Ranges == (host.IDRanges{}) {
		return host.IDRanges{}, r.missing("id ranges of login.defs")
	}
	return r.state.Ranges, nil
}

// Traces tells what an account leaves running.
func (r *Reader) Traces(name string) (host.Traces, error) {
	if err := r.trouble(askTraces(name)); err != nil {
		return host.Traces{}, err
	}
	if t, ok := r.state.Traces[name]; ok {
		return t, nil
	}
	return host.Traces{}, r.missing("traces of " + name)
}

// UserUnits lists an account's own units.
func (r *Reader) UserUnits(name string) ([]string, error) {
	if u, ok := r.state.UserUnits[name]; ok {
		return u, nil
	}
	return nil, r.missing("units of " + name)
}
