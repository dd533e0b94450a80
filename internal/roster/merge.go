package roster

import (
	"slices"
	"strings"

	"opsafe/internal/spec"
)

// roleSet is what the roles with accounts on a backend mean there.
type roleSet struct {
	backend *spec.Backend
	clashes []clash
}

// clash is a field that two roles of the same people set differently.
type clash struct {
	field  string
	first  string // role
	second string
	a, b   string // the two values
	people []string
}

// checkRoles checks the roles that have accounts here one by one.
func checkRoles(b *spec.Backend, ps *spec.Problems) *roleSet {
	for i, name := range b.People {
		role := b.Roles[name]
		if role == nil {
			ps.Addf(b.At("people", i), "role %s has accounts here, but roles does not say what it means: add roles.%s", name, name)
			continue
		}
		if len(role.When) > 0 {
			ps.Addf(role.At("when"), "role %s: a role cannot depend on the host: leave out when", name)
		}
		if err := CheckOptions(role.KeyOptions); err != nil {
			ps.Addf(role.At("key_options"), "role %s: %v", name, err)
		}
	}
	return &roleSet{backend: b}
}

// of lists a person's roles that have accounts here, in the backend's order.
func (rs *roleSet) of(p *spec.Person) []string {
	var names []string
	for _, name := range rs.backend.People {
		role := rs.backend.Roles[name]
		if role != nil && !off(role.Item) && slices.Contains(p.Roles, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// merge takes a person's roles together and notes where they contradict.
func (rs *roleSet) merge(p *spec.Person, roles []string) Member {
	m := Member{Name: p.Name, Pos: p.Pos, Person: p, Roles: roles, Comment: p.Comment}
	said := map[string]string{} // field: the role that set it
	set := func(field, role string, have *string, want string) {
		switch {
		case want == "" || want == *have:
		case *have == "":
			*have, said[field] = want, role
		default:
			rs.clash(clash{field: field, first: said[field], second: role, a: *have, b: want}, p.Name)
		}
	}
	password := ""
	for _, name := range roles {
		role := rs.backend.Roles[name]
		m.Groups = append(m.Groups, role.Groups...)
		set("shell", name, &m.Shell, role.Shell)
		set("home_mode", name, &m.HomeMode, role.HomeMode)
		set("password", name, &password, string(role.Password))
		set("key_options", name, &m.KeyOptions, role.KeyOptions)
		before := m.Sources
		if keys := rs.backend.Sources(role); m.addSources(role, keys) {
			rs.clash(clash{field: "keys", first: roles[0], second: name, a: list(before), b: list(keys)}, p.Name)
		}
	}
	m.Password = spec.PasswordRule(password)
	slices.Sort(m.Groups)
	m.Groups = slices.Compact(m.Groups)
	return m
}

// addSources narrows the sources down to what the role allows too, keys: the stricter
// role wins. It reports whether two lists that each name a source leave none,
// which nobody can have meant.
func (m *Member) addSources(role *spec.Role, keys []spec.KeySource) (disjoint bool) {
	if role.Keys == nil && !role.Has("keys") {
		return false
	}
	if !m.ManageKeys {
		m.ManageKeys, m.Sources = true, slices.Clone(keys)
		return false
	}
	both := slices.DeleteFunc(slices.Clone(m.Sources), func(s spec.KeySource) bool { return !slices.Contains(keys, s) })
	disjoint = len(both) == 0 && len(m.Sources) > 0 && len(keys) > 0
	m.Sources = both
	return disjoint
}

// clash records a contradiction once, with all of the people whom it concerns.
func (rs *roleSet) clash(c clash, person string) {
	for i, have := range rs.clashes {
		if have.field == c.field && have.first == c.first && have.second == c.second {
			rs.clashes[i].people = append(have.people, person)
			return
		}
	}
	c.people = []string{person}
	rs.clashes = append(rs.clashes, c)
}

func (rs *roleSet) report(ps *spec.Problems) {
	for _, c := range rs.clashes {
		slices.Sort(c.people)
		first, second := rs.backend.Roles[c.first], rs.backend.Roles[c.second]
		if c.field == "keys" {
			ps.Addf(second.At("keys"), "role %s takes keys from %s, role %s (%s) from %s: together they leave no source for %s",
				c.second, c.b, c.first, first.At("keys"), c.a, strings.Join(c.people, ", "))
			continue
		}
		ps.Addf(second.At(c.field), "role %s sets %s %s, but role %s sets %s (%s), and %s: give both roles the same, or these people one role",
			c.second, c.field, c.b, c.first, c.a, first.At(c.field), haveBoth(c.people))
	}
}

func haveBoth(people []string) string {
	if len(people) == 1 {
		return people[0] + " has both roles"
	}
	return strings.Join(people, ", ") + " have both roles"
}

func list(sources []spec.KeySource) string {
	words := make([]string, len(sources))
	for i, s := range sources {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}
