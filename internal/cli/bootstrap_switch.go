package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/converge"
	"opsafe/internal/drift"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// formers finds what the backend that a host was declares, and the one that it is
// to be does not. With --prune, what runs and what gives access goes in the same run;
// else it is named, and what else stays is named in any case.
func (a *App) formers(ctx context.Context, o bootstrapOptions, repo *spec.Repository, was string, kinds []converge.Kind) ([]converge.Kind, []string, error) {
	if was == "" || was == o.backend {
		return kinds, nil, nil
	}
	old, err := o.load(a, was)
	if err != nil {
		return kinds, []string{fmt.Sprintf("note: what %s declares cannot be told, so look with opsafe status for what it left: %v", was, err)}, nil
	}
	o.silent = true // nobody has to be asked for keys to know who has any
	next, former := repo.Backends[o.backend], old.Backends[was]
	in, err := o.input(ctx, a, repo, next)
	if err != nil {
		return nil, nil, err
	}
	inFormer, err := o.input(ctx, a, old, former)
	if err != nil {
		return nil, nil, err
	}
	now, unseen, err := drift.Find(ctx, a.Host, in, a.Now())
	if err != nil {
		return nil, nil, err
	}
	before, _, err := drift.Find(ctx, a.Host, inFormer, a.Now())
	if err != nil {
		return nil, nil, err
	}
	left := slices.DeleteFunc(now, func(x drift.Orphan) bool {
		return slices.ContainsFunc(before, func(y drift.Orphan) bool { return x.String() == y.String() })
	})
	var notes []string
	for _, why := range unseen {
		notes = append(notes, "note: what "+was+" left may be more: "+why)
	}
	byPrune := slices.DeleteFunc(slices.Clone(left), func(x drift.Orphan) bool { return x.Way != "" })
	switch {
	case len(byPrune) > 0 && o.prune:
		for _, more := range drift.Kinds(in, byPrune) {
			kinds = with(kinds, more)
		}
	case len(byPrune) > 0:
		names := make([]string, len(byPrune))
		for i, x := range byPrune {
			names[i] = x.String()
		}
		notes = append(notes, fmt.Sprintf("note: %s declared these, and %s does not; they stay, and run on: %s\n  to take them away: sudo opsafe prune %s",
			was, o.backend, strings.Join(names, ", "), strings.Join(names, " ")))
	}
	for _, x := range left {
		if x.Way != "" {
			notes = append(notes, fmt.Sprintf("note: %s stays: %s\n  to end that: %s", x, x.What, x.Way))
		}
	}
	return kinds, append(notes, a.stays(former, next)...), nil
}

// with has the resources of a kind among the others of it; one that has none, as what
// somebody loses who is no account's own, comes first in its stage.
func with(kinds []converge.Kind, more converge.Kind) []converge.Kind {
	if i := slices.IndexFunc(kinds, func(k converge.Kind) bool { return k.Name == more.Name }); i >= 0 {
		kinds[i].Resources = append(kinds[i].Resources, more.Resources...)
		return kinds
	}
	i := slices.IndexFunc(kinds, func(k converge.Kind) bool { return k.Stage == more.Stage })
	return slices.Insert(kinds, max(0, i), more)
}

// stays names what is neither run nor a way in, and is left behind.
func (a *App) stays(former, next *spec.Backend) []string {
	var names []string
	packages := func(b *spec.Backend) map[string]*kind.Package {
		return spec.Of[map[string]*kind.Package](b, "packages")
	}
	for _, p := range onlyIn(former.Files, next.Files) {
		if f := former.Files[p]; f.State != "absent" {
			names = append(names, a.ifThere("file", p)...)
		}
	}
	for _, p := range onlyIn(former.Directories, next.Directories) {
		names = append(names, a.ifThere("directory", p)...)
	}
	for _, name := range onlyIn(packages(former), packages(next)) {
		if p, err := a.Host.Package(name); err == nil && p != nil && p.State == host.Installed {
			names = append(names, "package/"+name)
		}
	}
	for _, name := range onlyIn(former.Users, next.Users) {
		if u, err := a.Host.User(name); err == nil && u != nil {
			names = append(names, "user/"+name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("note: %s declared these, too, and they stay: %s", former.Name, strings.Join(names, ", "))}
}

func (a *App) ifThere(kind, p string) []string {
	if n, err := a.Host.Stat(p); err != nil || n == nil {
		return nil
	}
	return []string{kind + "/" + p}
}

func onlyIn[T any](one, other map[string]T) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(one)), func(name string) bool {
		_, both := other[name]
		return both
	})
}
