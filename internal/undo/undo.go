// Package undo brings back what a run has changed: it makes resources of the
// images that the run's record holds, which are planned, guarded, made and looked
// at again as declared ones are.
package undo

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/before"
	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/debian"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
)

// The order in which things come back. What the run has made goes first, the last
// first, so that its names and numbers are free; then what it has changed or
// removed comes. Ways in come before those go that stand in their place.
const (
	unitsGo      = iota
	containersGo // before their networks
	networksGo
	pathsOnMountsGo // as long as these are there
	mountsGo
	pathsGo
	packagesGo // their scripts may take accounts with them
	accountsGo
	packagesCome
	mountFilesCome
	mountsCome // homes and files may lie on them
	groupsCome
	accountsCome
	groupsGo  // when they are nobody's primary groups any more
	treesCome // what is in a directory before it
	pathsCome
	waysInGo
	passwordsCome
	lingerComes
	firewallsCome // before containers can be on their networks
	networksCome
	containersCome
	unitsCome
	firewallsGo
	ranks
)

// Kinds are the resources that bring a run's changes back, in the order in which
// they are made.
func Kinds(ctx context.Context, r host.Reader, rec *history.Record) []converge.Kind {
	return kindsOf(ctx, r, rec, &whole{})
}

// Unjudged is Kinds without anybody who judges what comes back: it worked before, and
// what others have broken since must not keep it away.
func Unjudged(ctx context.Context, r host.Reader, rec *history.Record) []converge.Kind {
	return kindsOf(ctx, r, rec, &whole{unjudged: true})
}

func kindsOf(ctx context.Context, r host.Reader, rec *history.Record, all *whole) []converge.Kind {
	kinds := make([]converge.Kind, ranks)
	for i := range kinds {
		kinds[i].Kind = kind.Bare("undo", kind.StageUnits)
		kinds[i].Batch = i == packagesGo || i == packagesCome
	}
	all.coming, all.going, all.goingPaths, all.kept = map[string]bool{}, map[string]string{}, map[string]string{}, rec.Kept
	homes := map[change.ID][]change.ID{}
	for _, k := range rec.Kept {
		if k.User != nil && k.User.User != nil {
			all.coming[k.User.Name] = true
		}
		if k.Package != nil && !k.Package.There() {
			_, units := host.PackageFiles(r, k.Package.Name)
			for _, u := range units {
				all.going[u] = k.Package.Name
			}
			for _, p := range host.PackagePaths(r, k.Package.Name) {
				all.goingPaths[p] = k.Package.Name
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
		at := &kinds[rank(k, rec.Kept)]
		at.Resources = append(at.Resources, res)
	}
	belowFirst(r, kinds[pathsCome].Resources)
	// No package goes before the holds are off.
	slices.SortStableFunc(kinds[packagesGo].Resources, func(a, b kind.Resource) int { return held(b) - held(a) })
	if all.swaps = swapped(ctx, r, rec.Kept); len(all.swaps) > 0 {
		kinds[packagesGo].Resources = slices.Concat(kinds[packagesCome].Resources, kinds[packagesGo].Resources)
		kinds[packagesCome].Resources = nil
	}
	return slices.DeleteFunc(kinds, func(k converge.Kind) bool { return len(k.Resources) == 0 })
}

// belowFirst has a directory that root gives to somebody come after what is below it:
// once it is theirs, they can have put anything there, and nothing is given away any
// more.
func belowFirst(r host.Reader, all []kind.Resource) {
	slices.SortStableFunc(all, func(a, b kind.Resource) int { return depth(r, b) - depth(r, a) })
}

// depth is how deep a directory lies that root gives away, and deeper for all else.
func depth(r host.Reader, res kind.Resource) int {
	const deepest = 1 << 20
	l, ok := res.Looker.(look)
	if !ok || l.kept.Path == nil || l.kept.Path.Node == nil || l.kept.Path.Node.Type != host.TypeDir || l.kept.Path.Node.Owner == "root" {
		return deepest
	}
	if l.kept.Path.Unpacked != "" { // a tree takes its place as a whole: what was changed in it comes after
		return deepest
	}
	have, err := r.Stat(l.kept.Path.Path)
	if err != nil || have == nil || have.Type != host.TypeDir || have.Owner != "root" {
		return deepest
	}
	return strings.Count(path.Clean(l.kept.Path.Path), "/")
}

// held is 1 for a package that the run has held.
func held(r kind.Resource) int {
	if l, ok := r.Looker.(look); ok && l.kept.After != nil && l.kept.After.Package.Package != nil && l.kept.After.Package.Package.Hold {
		return 1
	}
	return 0
}

func rank(k history.Kept, all []history.Kept) int {
	pick := func(new bool, goes, comes int) int {
		if new {
			return goes
		}
		return comes
	}
	switch {
	case k.Unit != nil && debian.MountPoint(k.Unit.Name) != "" && (k.Unit.Absent || k.Unit.Running):
		return pick(k.Unit.Absent, mountsGo, mountsCome)
	case k.Unit != nil:
		return pick(k.Unit.Absent, unitsGo, unitsCome)
	case k.Network != nil:
		return pick(k.Network.Network == nil, networksGo, networksCome)
	case k.Firewall != nil:
		return pick(k.Firewall.Firewall == nil, firewallsGo, firewallsCome)
	case k.Container != nil:
		return pick(k.Container.Absent, containersGo, containersCome)
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
	case k.Path != nil && k.Path.Node == nil && onMount(k.Path.Path, all):
		return pathsOnMountsGo
	case k.Path != nil && k.Path.Node != nil && under(k.Path.Path, debian.UnitDir) && debian.MountPoint(path.Base(k.Path.Path)) != "":
		return mountFilesCome
	case k.Path != nil && k.Path.Node == nil && inTree(k.Path.Path, all):
		return pathsCome
	case k.Path != nil && k.Path.Node == nil:
		return pick(wayIn(k.Path.Path) || k.Path.Unpacked != "", waysInGo, pathsGo) // links lead elsewhere before a tree goes
	}
	return pathsCome
}

// onMount reports whether a path lies on what a unit of the run has mounted.
func onMount(at string, all []history.Kept) bool {
	return slices.ContainsFunc(all, func(k history.Kept) bool {
		return k.Unit != nil && debian.MountPoint(k.Unit.Name) != "" && under(at, debian.MountPoint(k.Unit.Name))
	})
}

// inTree reports whether a path lies in a tree that comes back as its archive gives it:
// what somebody had removed from it goes after that.
func inTree(at string, all []history.Kept) bool {
	return slices.ContainsFunc(all, func(k history.Kept) bool {
		return k.Path != nil && k.Path.Unpacked != "" && k.Path.Node != nil && under(at, k.Path.Path)
	})
}

// wayIn reports whether a file decides who gets in or becomes root.
func wayIn(at string) bool { return under(at, debian.SudoersDir) || under(at, "/etc/ssh") }

func under(at, dir string) bool { return strings.HasPrefix(path.Clean(at), dir+"/") }

// idOf names a thing as its kind would.
func idOf(k history.Kept) change.ID {
	s := k.Subject()
	switch {
	case k.Network != nil:
		return change.ID{Kind: "docker", Name: "network/" + s.Name}
	case k.Container != nil:
		return change.ID{Kind: "compose", Name: s.Name}
	case k.Tree != nil:
		return change.ID{Kind: cmp.Or(k.Of.Kind, "directory"), Name: k.Tree.Root + "/** (" + k.Tree.Rule + ")"}
	case k.Path == nil:
		return change.ID{Kind: string(s.Type), Name: s.Name}
	}
	if of, _ := kinds.Find(k.Of.Kind); of.WayIn || k.Of.Kind == "cron" { // of offboarding
		return change.ID{Kind: k.Of.Kind, Name: s.Name}
	}
	for _, i := range []*before.Image{&k.Image, k.After} {
		if i != nil && i.Path != nil && i.Path.Node != nil && i.Path.Node.Type == host.TypeDir {
			return change.ID{Kind: "directory", Name: s.Name}
		}
	}
	return change.ID{Kind: "file", Name: s.Name}
}
