package spec

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// validate checks everything that was loaded. all are the names of all
// backends, loaded or not.
func (l *loader) validate(r *Repository, all []string) {
	for name, b := range Sorted(r.Backends) {
		l.problems.backendName(name, b)
		if b.unread || l.unreadable(peopleFile) {
			continue
		}
		c := l.newChecker(r, b)
		c.roles()
		c.fetching()
		c.accounts()
		c.applications()
		c.keys()
		c.directories()
		c.acls()
		c.files()
		c.ownSections()
		c.contradictions()
		c.homes()
		c.aclPlaces()
		c.gitHubIDs()
	}
	l.registry(r)
	l.validatePeople(r, all)
}

func (ps *Problems) backendName(name string, b *Backend) {
	if err := backendName(name); err != nil {
		ps.Addf(Pos{File: b.Dir}, "backend %s: %v", quote(name), err)
	}
}

// validatePeople checks developers.yaml and the names of key files.
func (l *loader) validatePeople(r *Repository, all []string) {
	system := systemUsers()
	lower, ids := map[string]*Person{}, map[int64]*Person{}
	for _, p := range r.People {
		label := "person " + quote(p.Name)
		if err := accountName(p.Name); err != nil {
			l.problems.Addf(p.Pos, "%s: %v", label, err)
		}
		if system[p.Name] {
			l.problems.Addf(p.Pos, "%s: is an account of the system: people have names of their own", label)
		}
		if other := lower[strings.ToLower(p.Name)]; other != nil {
			l.problems.Addf(p.Pos, "%s: differs only in capitals from %s at line %d", label, quote(other.Name), other.Pos.Line)
		}
		lower[strings.ToLower(p.Name)] = p
		if !p.Has("roles") {
			l.problems.Addf(p.Pos, "%s: has no roles: write roles: [] if that is meant", label)
		}
		l.personID(p, ids)
	}
	l.rolesAndKeyFiles(r, all)
}

func (l *loader) personID(p *Person, ids map[int64]*Person) {
	if !p.Has("github_id") {
		return
	}
	label := "person " + quote(p.Name)
	if p.GitHubID <= 0 {
		l.problems.Addf(p.At("github_id"), "%s: github_id: want the number of the account, above 0", label)
		return
	}
	if other := ids[p.GitHubID]; other != nil {
		l.problems.Addf(p.At("github_id"), "%s: github_id %d is %s's, too, at line %d", label, p.GitHubID, other.Name, other.Pos.Line)
	}
	ids[p.GitHubID] = p
}

// rolesAndKeyFiles checks what any backend can make right: the others are
// looked at only when something is unknown to those that are loaded.
func (l *loader) rolesAndKeyFiles(r *Repository, all []string) {
	roles, owners, accounts := set{}, set{}, set{}
	for _, p := range r.People {
		owners.add(p.Name)
	}
	for _, b := range r.Backends {
		b.namesInto(roles, owners, accounts)
	}
	known := func() bool {
		for _, p := range r.People {
			if slices.ContainsFunc(p.Roles, func(role string) bool { return !roles[role] }) {
				return false
			}
		}
		for name := range r.KeyFiles {
			if !owners[name] {
				return false
			}
		}
		return true
	}
	if known() {
		l.distinctRoles(r)
		return
	}
	for _, name := range all {
		if r.Backends[name] == nil {
			var theirs Problems
			l.backend(name, &theirs).namesInto(roles, owners, accounts)
			for _, p := range theirs { // the rest is no matter of the backends that were asked for
				if l.unreadable(p.Pos.File) && !known() {
					l.problems = append(l.problems, p)
				}
			}
		}
	}
	for file := range l.broken {
		if l.unreadable(file) { // what is unknown may be in it
			l.distinctRoles(r)
			return
		}
	}
	l.unknownRoles(r, roles)
	for name := range r.KeyFiles {
		at := Pos{File: keysDir + "/" + name}
		switch {
		case owners[name]:
		case accounts[name]:
			l.problems.Addf(at, "has no effect: a service account's keys are those that authorized_keys.%s says: name this file in its from", name)
		default:
			l.problems.Addf(at, "belongs to nobody: no person of developers.yaml and no service account is called %s%s",
				quote(name), cmp.Or(l.problems.hint(name, owners.names()), ": if they have left, remove the file"))
		}
	}
	l.distinctRoles(r)
}

// unknownRoles notes each role that no backend has once, at the first person with it.
func (l *loader) unknownRoles(r *Repository, roles set) {
	with := map[string][]string{}
	for _, p := range r.People {
		for _, role := range p.Roles {
			if !roles[role] && !slices.Contains(with[role], p.Name) {
				with[role] = append(with[role], p.Name)
			}
		}
	}
	for _, p := range r.People {
		for i, role := range p.Roles {
			people := with[role]
			if len(people) == 0 || people[0] != p.Name {
				continue
			}
			who := "person " + quote(p.Name)
			if n := len(people) - 1; n > 0 {
				who += " and " + strconv.Itoa(n) + " more"
			}
			l.problems.Addf(p.At("roles", i), "%s: no backend has a role %s%s", who, quote(role), l.problems.hint(role, roles.names()))
			delete(with, role)
		}
	}
}

func (l *loader) distinctRoles(r *Repository) {
	c := &Checker{problems: &l.problems}
	for _, p := range r.People {
		c.Distinct(p.Meta, "person "+quote(p.Name), "roles", p.Roles)
	}
}

// namesInto adds the roles that a backend declares, whose key files it takes
// beside people's own, and its service accounts.
func (b *Backend) namesInto(roles, owners, accounts set) {
	for name := range b.Roles {
		roles.add(name)
	}
	for name := range b.Users {
		accounts.add(name)
	}
	for name, a := range b.AuthorizedKeys {
		accounts.add(name)
		for i, from := range a.From {
			if file, err := beside(a.At("from", i).File, from); err == nil {
				if key, ok := strings.CutPrefix(file, keysDir+"/"); ok {
					owners.add(key)
				}
			}
		}
	}
}
