// Package undo brings back what a run has changed: it makes resources of the
// images that the run's record holds, which are planned, guarded, made and looked
// at again as declared ones are.
package undo

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/image"
	"opsafe/internal/journal"
	"opsafe/internal/kind"
)

// The order in which things come back. What the run has made goes first, the last
// first, so that its names and numbers are free; then what it has changed or
// removed comes. Ways in come before those go that stand in their place.
const (
	unitsGo = iota
	networksGo
	pathsGo
	packagesGo // their scripts may take accounts with them
	accountsGo
	packagesCome
	groupsCome
	accountsCome
	groupsGo  // when they are nobody's primary groups any more
	treesCome // what is in a directory before it
	pathsCome
	waysInGo
	passwordsCome
	lingerComes
	networksCome
	unitsCome
	ranks
)

// Kinds are the resources that bring a run's changes back, in the order in which
// they are made.
func Kinds(r host.Reader, rec *journal.Record) []converge.Kind {
	kinds := make([]converge.Kind, ranks)
	for i := range kinds {
		kinds[i].Kind = kind.Kind{Name: "undo", Stage: kind.StageUnits, Batch: i == packagesGo || i == packagesCome}
	}
	all := &whole{coming: map[string]bool{}, going: map[string]bool{}, kept: rec.Kept}
	homes := map[change.ID][]change.ID{}
	for _, k := range rec.Kept {
		if k.User != nil && k.User.User != nil {
			all.coming[k.User.Name] = true
		}
		if k.Package != nil && !k.Package.There() {
			_, units := image.PackageFiles(r, k.Package.Name)
			for _, u := range units {
				all.going[u] = true
			}
		}
		if k.Path != nil && k.Path.Home {
			homes[k.Of] = append(homes[k.Of], idOf(k))
		}
	}
	for _, k := range slices.Backward(rec.Kept) {
		res := kind.Resource{ID: idOf(k), Looker: look{kept: k, whole: all}}
		if k.User != nil && k.User.User == nil {
			// An account without its home's would leave files that belong to nobody.
			res.Needs = homes[k.Of]
		}
		at := &kinds[rank(k)]
		at.Resources = append(at.Resources, res)
	}
	// No package goes before the holds are off.
	slices.SortStableFunc(kinds[packagesGo].Resources, func(a, b kind.Resource) int { return held(b) - held(a) })
	return slices.DeleteFunc(kinds, func(k converge.Kind) bool { return len(k.Resources) == 0 })
}

// held is 1 for a package that the run has held.
func held(r kind.Resource) int {
	if l, ok := r.Looker.(look); ok && l.kept.After != nil && l.kept.After.Package.Package != nil && l.kept.After.Package.Package.Hold {
		return 1
	}
	return 0
}

func rank(k journal.Kept) int {
	pick := func(new bool, goes, comes int) int {
		if new {
			return goes
		}
		return comes
	}
	switch {
	case k.Unit != nil:
		return pick(k.Unit.Absent, unitsGo, unitsCome)
	case k.Network != nil:
		return pick(k.Network.Network == nil, networksGo, networksCome)
	case k.User != nil:
		return pick(k.User.User == nil, accountsGo, accountsCome)
	case k.Group != nil:
		return pick(k.Group.Group == nil, groupsGo, groupsCome)
	case k.Package != nil:
		return pick(!k.Package.There(), packagesGo, packagesCome)
	case k.Password != nil:
		return passwordsCome
	case k.Linger != nil:
		return lingerComes
	case k.Tree != nil:
		return treesCome
	case k.Path != nil && k.Path.Node == nil:
		return pick(wayIn(k.Path.Path), waysInGo, pathsGo)
	}
	return pathsCome
}

// wayIn reports whether a file decides who gets in or becomes root.
func wayIn(at string) bool { return under(at, sudoersDir) || under(at, "/etc/ssh") }

func under(at, dir string) bool { return strings.HasPrefix(path.Clean(at), dir+"/") }

// idOf names a thing as its kind would.
func idOf(k journal.Kept) change.ID {
	s := k.Subject()
	switch {
	case k.Network != nil:
		return change.ID{Kind: "docker", Name: "network/" + s.Name}
	case k.Tree != nil:
		return change.ID{Kind: cmp.Or(k.Of.Kind, "directory"), Name: k.Tree.Root + "/** (" + k.Tree.Rule + ")"}
	case k.Path == nil:
		return change.ID{Kind: string(s.Sort), Name: s.Name}
	}
	if slices.Contains([]string{"key", "sudoers", "sshd", "cron"}, k.Of.Kind) {
		return change.ID{Kind: k.Of.Kind, Name: s.Name}
	}
	for _, i := range []*image.Image{&k.Image, k.After} {
		if i != nil && i.Path != nil && i.Path.Node != nil && i.Path.Node.Type == host.TypeDir {
			return change.ID{Kind: "directory", Name: s.Name}
		}
	}
	return change.ID{Kind: "file", Name: s.Name}
}
