// Package roster answers who has an account on a backend, with which rights and
// which public keys: it joins developers.yaml, the roles of a backend, the files
// of keys/, the keys registered with GitHub, and the tombstones that
// disable-user has left on the host. It changes nothing: kinds turn its answers
// into users, memberships and key files.
package roster

import (
	"slices"
	"strings"
	"time"

	"opsafe/internal/spec"
)

// Roster is who has an account on one backend.
type Roster struct {
	// Members have an account, sorted by name.
	Members []Member
	// Guests have no account here, but a service account lets their keys in
	// (authorized_keys.NAME.people). Sorted by name.
	Guests []Member
	// Held are listed in the spec but disabled on this host, sorted by name:
	// they get no account, no membership and no key until enable-user.
	Held []Held

	pins     map[string][]Key // of spec.LockFile, by person
	disabled map[string]Tombstone
	revoked  map[string]string // fingerprint of a disabled person's key: the person

	blocked     map[string]Revocation // keys that revoke-key keeps out
	stillListed []string              // those of them that a list has
}

// Member is a person with an account on the backend, all roles taken together.
type Member struct {
	Name   string
	Pos    spec.Pos // the entry in developers.yaml
	Person *spec.Person
	// Roles are the person's roles that have accounts here, in the order of
	// the backend's people list.
	Roles []string
	// Groups is the union of the roles' groups, sorted.
	Groups []string
	// Shell, HomeMode and Password are empty where no role manages them.
	Shell    string
	HomeMode string
	Password spec.PasswordRule
	// ManageKeys reports whether a role says where keys come from. If none
	// does, authorized_keys is not managed.
	ManageKeys bool
	// Sources is where keys may come from: what all of the roles allow.
	Sources    []spec.KeySource
	KeyOptions string
	Comment    string
}

// Uses reports whether keys may come from the source.
func (m *Member) Uses(s spec.KeySource) bool { return slices.Contains(m.Sources, s) }

// Held is a person whom the spec lists and the host has disabled.
type Held struct {
	Name  string
	Pos   spec.Pos
	Since time.Time // zero if the tombstone does not say
	By    string
	Note  string // what is wrong with the tombstone; empty for nothing
}

// Member finds a member by name. Nil: no account here.
func (r *Roster) Member(name string) *Member {
	i, ok := slices.BinarySearchFunc(r.Members, name, func(m Member, n string) int { return strings.Compare(m.Name, n) })
	if !ok {
		return nil
	}
	return &r.Members[i]
}

// everybody is who has an account, and then the guests. The pointers are into the lists.
func (r *Roster) everybody() []*Member {
	out := make([]*Member, 0, len(r.Members)+len(r.Guests))
	for i := range r.Members {
		out = append(out, &r.Members[i])
	}
	for i := range r.Guests {
		out = append(out, &r.Guests[i])
	}
	return out
}

// Disabled reports whether the person is disabled on this host, listed or not.
func (r *Roster) Disabled(name string) bool {
	_, ok := r.disabled[name]
	return ok
}

// Resolve joins the people with the backend's roles and reads the keys that are
// pinned, without looking at anything else. Disabled are the host's tombstones,
// nil where there is no host. The error is a spec.Problems: roles that
// contradict each other for somebody, roles that are not defined, options or an
// address that cannot be used, pins that are wrong.
func Resolve(repo *spec.Repository, b *spec.Backend, disabled map[string]Tombstone) (*Roster, error) {
	var ps spec.Problems
	r := resolve(repo, b, disabled, &ps)
	r.pin(repo, b, &ps)
	if err := ps.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// resolve is Resolve without the pins, as far as it gets.
func resolve(repo *spec.Repository, b *spec.Backend, disabled map[string]Tombstone, ps *spec.Problems) *Roster {
	rs := checkRoles(b, ps)
	checkGitHub(b, ps)
	r := &Roster{Members: make([]Member, 0, len(repo.People)), disabled: disabled, revoked: map[string]string{}}
	for name, t := range disabled {
		for _, fp := range t.Keys {
			r.revoked[fp] = name
		}
	}
	guests := guestNames(b)
	for _, p := range repo.People {
		roles := rs.of(p)
		if len(roles) == 0 && !guests[p.Name] {
			continue
		}
		if t, ok := disabled[p.Name]; ok {
			r.Held = append(r.Held, Held{Name: p.Name, Pos: p.Pos, Since: t.Since, By: t.By, Note: t.Note})
			continue
		}
		if len(roles) == 0 {
			r.Guests = append(r.Guests, guest(p, b))
			continue
		}
		r.Members = append(r.Members, rs.merge(p, roles))
	}
	rs.report(ps)
	byName := func(a, b Member) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(r.Members, byName)
	slices.SortFunc(r.Guests, byName)
	slices.SortFunc(r.Held, func(a, b Held) int { return strings.Compare(a.Name, b.Name) })
	return r
}

// guestNames are the people whose keys service accounts of the backend let in.
func guestNames(b *spec.Backend) map[string]bool {
	names := map[string]bool{}
	for _, a := range b.AuthorizedKeys {
		if a == nil || off(a.Item) {
			continue
		}
		for _, n := range a.People {
			names[n] = true
		}
	}
	return names
}

// guest is somebody without an account here. Where keys may come from is what
// the person's roles say, if the backend defines them although they have no
// accounts; else it is the repository alone, the stricter choice.
func guest(p *spec.Person, b *spec.Backend) Member {
	m := Member{Name: p.Name, Pos: p.Pos, Person: p, Comment: p.Comment}
	for _, name := range p.Roles {
		if role := b.Roles[name]; role != nil && !off(role.Item) {
			m.addSources(role, b.Sources(role))
		}
	}
	if !m.ManageKeys {
		m.ManageKeys, m.Sources = true, []spec.KeySource{spec.FromRepository}
	}
	return m
}

// off reports whether an included item has been taken out of the backend.
func off(i spec.Item) bool { return i.Managed != nil && !*i.Managed }
