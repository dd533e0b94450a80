package kind

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Groups is the kind group.
func Groups() Kind {
	return Kind{
		Part:  spec.Part{Name: "group", Plural: "groups", Is: "groups and who is in them", Sections: []string{"groups"}},
		Stage: StageAccounts, Declare: declareGroups, Adopt: adoptGroups, TakenOver: true,
	}
}

// declareGroups lists the declared groups, those that only get members, groups of
// the distribution or of a package that a role grants, and those that are only sealed.
func declareGroups(in *Input) []Resource { return groupResources(in, false) }

// goneGroups lists those that go: after the accounts whose primary groups they
// were.
func goneGroups(in *Input) []Resource { return groupResources(in, true) }

func groupResources(in *Input, absent bool) []Resource {
	members, brings := in.Entitled(), in.verifiedGroups()
	names := slices.Collect(maps.Keys(in.Backend.Groups))
	for name := range members {
		if _, ok := in.Backend.Groups[name]; !ok {
			names = append(names, name)
		}
	}
	opens := in.GrantedOtherwise()
	for name := range opens {
		if _, ok := members[name]; !ok && in.Backend.Groups[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	people := map[string]bool{}
	for _, p := range in.Repo.People {
		people[p.Name] = true
	}
	reserved := in.reserved()
	var out []Resource
	for _, name := range names {
		g := in.Backend.Groups[name]
		if gone := g != nil && g.State == Absent; gone != absent {
			continue
		}
		id := change.ID{Kind: "group", Name: name}
		if _, ok := members[name]; g == nil && !ok {
			out = append(out, Resource{ID: id, Pos: opens[name], Looker: sealLook{group: name, asIs: true}})
			continue
		}
		look := groupLook{name: name, decl: g, members: members[name], people: people, reserved: reserved, brings: brings[name]}
		res := Resource{ID: id, Looker: look}
		if g == nil {
			res.Pos = grantedAt(in, name)
		} else {
			res.Pos, res.When = g.Pos, g.When
		}
		out = append(out, res)
	}
	return out
}

type groupLook struct {
	name    string
	decl    *spec.Group // nil: only its members are managed
	members []string
	people  map[string]bool // everybody in developers.yaml
	// reserved are ids that are declared.
	reserved idSet
	// brings is the package that the group comes from, if this backend only verifies
	// packages.
	brings string
}

func (l groupLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	c, err := l.look(r)
	if err != nil {
		return c, err
	}
	return c, HeedStrays(r, &c, l.name, "group", "gshadow")
}

func (l groupLook) look(r host.Reader) (change.Change, error) {
	g, err := r.Group(l.name)
	if err != nil {
		return change.Change{}, err
	}
	if g != nil && g.Source != "" && (l.decl != nil || len(l.members) > 0) {
		return change.Change{}, elsewhere("group", l.name, g.GID, g.Source)
	}
	if l.decl != nil && l.decl.State == Absent {
		return l.remove(r, g)
	}
	var c change.Change
	switch {
	case g != nil && g.Source != "":
		return c, nil // nobody is to be in it by us
	case g == nil && l.decl == nil && len(l.members) == 0:
		return c, nil // nobody is to be in it
	case g == nil && l.decl == nil && l.brings != "":
		return c, fmt.Errorf("there is no such group on this host: package %s brings it, which is missing, and this backend only verifies packages; %s will be in it once it is there",
			l.brings, strings.Join(l.members, ", "))
	case g == nil && l.decl == nil:
		return c, Missing("group "+l.name, "there is no such group on this host, and nothing that is declared brings it: declare the package that does, with groups under its provides, or declare it under groups")
	case g == nil:
		g = &host.Group{Name: l.name}
		if err := l.add(r, &c); err != nil {
			return c, err
		}
	case l.decl != nil && l.decl.GID != nil && *l.decl.GID != g.GID:
		if err := gidFree(r, *l.decl.GID); err != nil {
			return c, err
		}
		if err := host.GroupGoesAlone(r, g.GID); err != nil {
			return c, err
		}
		c.Action = change.Modify
		c.Notes = append(c.Notes, fmt.Sprintf("files that belong to gid %d keep it", g.GID))
		c.Differ("gid", idText(g.GID), idText(*l.decl.GID))
		c.Steps = append(c.Steps, host.SetGID{Name: l.name, GID: *l.decl.GID})
	}
	return c, l.join(r, g, &c)
}

func (l groupLook) add(r host.Reader, c *change.Change) error {
	ranges, err := r.IDRanges()
	if err != nil {
		return err
	}
	step := host.AddGroup{Name: l.name, System: spec.Is(l.decl.System)}
	if l.decl.GID != nil {
		step.GID = *l.decl.GID
		err = gidFree(r, step.GID)
	} else {
		step.GID, err = nextGID(r, ranges, step.System, l.reserved)
	}
	if err != nil {
		return err
	}
	c.Action = change.Add
	takeOver(r, l.name, c)
	c.FreshID("gid", step.GID)
	c.Steps = append(c.Steps, step)
	return nil
}

// join adds and removes members. Accounts that do not exist yet come with all
// of their groups when they are made.
func (l groupLook) join(r host.Reader, g *host.Group, c *change.Change) error {
	users, there, err := withMembers(r, g.Members)
	if err != nil {
		return err
	}
	var want []string
	entitled, members := setOf(l.members), setOf(g.Members)
	for _, u := range users {
		in, out := entitled[u.Name], members[u.Name]
		primary := u.GID == g.GID && g.GID != host.UnknownID && g.GID != 0
		switch {
		case in && (!primary || out), out && !in && !l.leaves(u.Name):
			want = append(want, u.Name)
		}
	}
	// A member without an account holds no access, and gpasswd would refuse it:
	// it goes from a group that opsafe owns, and with the next change of others.
	have := g.Members
	if gone := func(m string) bool { return !there[m] }; !l.exact() && slices.ContainsFunc(have, gone) {
		have = slices.DeleteFunc(slices.Clone(have), gone)
	}
	slices.Sort(want)
	if slices.Equal(want, have) {
		return sealGroup(r, l.name, want, c)
	}
	wanted := setOf(want)
	for _, m := range want {
		if !members[m] {
			c.Attrs = append(c.Attrs, change.Attr{Name: "member", After: change.Text(m)})
		}
	}
	for _, m := range g.Members {
		if !wanted[m] {
			c.Attrs = append(c.Attrs, change.Attr{Name: "member", Before: change.Text(m)})
		}
	}
	c.Action = cmp.Or(c.Action, change.Modify)
	c.Steps = append(c.Steps, host.SetMembers{Group: l.name, Members: want})
	return sealGroup(r, l.name, want, c)
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}

// leaves reports whether a member has to go who is not entitled: everybody from
// a group that opsafe owns, and people of the roster from every group that it
// grants.
func (l groupLook) leaves(name string) bool {
	return l.exact() || l.people[name]
}

// exact reports whether opsafe owns the group.
func (l groupLook) exact() bool { return l.decl != nil && l.decl.Members == "exact" }

func (l groupLook) remove(r host.Reader, g *host.Group) (change.Change, error) {
	var c change.Change
	if g == nil {
		return c, nil
	}
	users, err := r.Users()
	if err != nil {
		return c, err
	}
	for _, u := range users {
		if u.GID == g.GID {
			return c, fmt.Errorf("cannot remove it: it is the primary group of %s", u.Name)
		}
	}
	c.Action = change.Remove
	c.Differ("gid", idText(g.GID), "")
	for _, m := range g.Members {
		c.Attrs = append(c.Attrs, change.Attr{Name: "member", Before: change.Text(m)})
	}
	c.Steps = []host.Step{host.DeleteGroup{Name: l.name}}
	return c, nil
}

// withMembers are the host's users, and those of the members that come from
// another source of accounts, which does not list them; there are their names.
func withMembers(r host.Reader, members []string) (users []host.User, there map[string]bool, err error) {
	users, err = r.Users()
	if err != nil {
		return nil, nil, err
	}
	users = slices.Clip(users)
	there = userNames(users)
	for _, m := range members {
		if there[m] {
			continue
		}
		u, err := r.User(m)
		if err != nil {
			return nil, nil, err
		}
		if u != nil {
			users = append(users, *u)
			there[u.Name] = true
		}
	}
	return users, there, nil
}

func userNames(users []host.User) map[string]bool {
	set := make(map[string]bool, len(users))
	for _, u := range users {
		set[u.Name] = true
	}
	return set
}

func gidFree(r host.Reader, gid int) error {
	g, err := r.GroupByID(gid)
	if err == nil && g != nil {
		err = fmt.Errorf("gid %d is taken by group %s%s", gid, g.Name, from(g.Source))
	}
	return err
}

func nextGID(r host.Reader, ranges host.IDRanges, system bool, reserved idSet) (int, error) {
	if system && ranges.SystemLater {
		return host.UnknownID, nil
	}
	_, used, err := host.NumbersOf(r)
	if err != nil {
		return 0, err
	}
	lo, hi := ranges.GIDMin, ranges.GIDMax
	if system {
		lo, hi = ranges.SysGIDMin, ranges.SysGIDMax
	}
	return nextFree(r, [2][]int{used}, reserved, lo, hi, system)
}

// idText writes an id, or that it is not known yet.
func idText(id int) string {
	if id == host.UnknownID {
		return "known after apply"
	}
	return strconv.Itoa(id)
}
