package drift

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/policy"
	"opsafe/internal/words"
)

// Leaver is somebody who has an account and rights on a host, and whom no list
// gives them.
type Leaver struct {
	Name string
	Has  []string // sudo, docker, 2 keys, a password
	// Way is the command that closes the account, or takes what they have.
	Way string
	// Listed is set where a list gives them an account, but not what they have.
	Listed bool
	// Role is set where developers.yaml has them, with no role that has accounts
	// here.
	Role bool
}

// Leavers are the people among the accounts of a host who are on no list any more
// and not disabled, accounts of the system that a password or a key lets into, and who is
// root by a group that no list gives them. What cannot be seen is left out: this is a
// hint, which status works out in full.
func Leavers(r host.Reader, in *kind.Input, now time.Time) []Leaver {
	f := &finder{Reader: r, in: in, now: now}
	users, err := r.Users()
	if err != nil {
		return nil
	}
	ranges, err := r.IDRanges()
	if err != nil {
		return nil
	}
	groups, err := r.Groups()
	if err != nil {
		return nil
	}
	rights := f.rightsOf(groups)
	// What is read for all of them, and only if there is one.
	shared := sync.OnceValues(func() (map[string][]policy.KeyPlace, policy.SudoNamed) {
		places, _ := policy.KeyPlaces(r)
		return policy.PlacesOf(places), policy.ReadSudoNamed(r)
	})
	out := f.rootUnlisted()
	for _, u := range users {
		system := isSystem(u, ranges)
		if u.Name == "root" || system && noShell(u.Shell) || u.Source != "" || f.listed(u.Name) || f.leftAlone(u.Name) || f.closed(u.Name) != "" ||
			in.Roster != nil && in.Roster.Disabled(u.Name) {
			continue
		}
		l := Leaver{Name: u.Name, Role: f.person(u.Name), Way: closeBy(u, ranges)}
		places, named := shared()
		if !system { // a package gives its accounts groups and rules
			l.Has = f.rights(u, rights, named)
		}
		if keys, _ := policy.OwnKeys(r, places[u.Name], u.Name); len(keys) == 1 {
			l.Has = append(l.Has, "a key")
		} else if len(keys) > 1 {
			l.Has = append(l.Has, words.Count(len(keys), "key"))
		}
		if p, err := r.Password(u.Name); err == nil && p != nil && p.State != host.PasswordLocked && !noShell(u.Shell) {
			l.Has = append(l.Has, "a password")
		}
		if len(l.Has) > 0 {
			out = append(out, l)
		}
	}
	return out
}

// rootUnlisted are the listed accounts in groups as good as root that the spec says
// nothing of: what a role no longer gives stays until it is taken away.
func (f *finder) rootUnlisted() []Leaver {
	_ = f.membersOf(asRoot)
	var out []Leaver
	for _, o := range f.found {
		group, name, _ := strings.Cut(o.Name, "/")
		if f.listed(name) {
			out = append(out, Leaver{Name: name, Has: []string{group}, Way: cmp.Or(o.Way, "opsafe prune "+o.String()), Listed: true})
		}
	}
	return out
}

// rightGroup is a group that gives rights, and who is in it.
type rightGroup struct {
	host.Group
	has map[string]bool
}

// rightsOf are those of the groups that give rights.
func (f *finder) rightsOf(groups []host.Group) []rightGroup {
	var out []rightGroup
	for _, g := range groups {
		if !f.right(g.Name) {
			continue
		}
		has := make(map[string]bool, len(g.Members))
		for _, m := range g.Members {
			has[m] = true
		}
		out = append(out, rightGroup{g, has})
	}
	return out
}

// rights are those of the groups in which a person is, the primary one among them, and
// rules of sudo.
func (f *finder) rights(u host.User, groups []rightGroup, named policy.SudoNamed) []string {
	var has []string
	for _, g := range groups {
		if g.has[u.Name] || u.GID == g.GID && u.Name != g.Name {
			has = append(has, g.Name)
		}
	}
	if named.Names(f.Reader, u) {
		has = append(has, "rules of sudo")
	}
	return has
}

func (f *finder) leftAlone(name string) bool {
	return slices.Contains(f.in.Backend.LeftAlone, "users/"+name)
}

// right reports whether to be in a group is a right: the spec grants it, or it is as
// good as root.
func (f *finder) right(group string) bool {
	return f.grants(group) || asRoot(group) || group == "adm"
}
