package undo

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/before"
	"opsafe/internal/history"
	"opsafe/internal/host"
)

// Later lists the runs after one which have built upon what it left, the last
// first: they have to be undone before it. Those that have been undone themselves,
// and those that only undid them, do not count.
func Later(r host.Reader, h *history.History, rec *history.Record) []*history.Record {
	ours := basis(r, rec)
	var out []*history.Record
	for _, l := range slices.Backward(h.Records) {
		if l.Run <= rec.Run || h.By[l.Run] != 0 || l.Undoes >= rec.Run {
			continue
		}
		if slices.ContainsFunc(l.Kept, func(k history.Kept) bool { return k.Touched() && ours.bears(k) }) {
			out = append(out, l)
		}
	}
	return out
}

// ground is what a run has left, on which others may build.
type ground struct {
	subjects map[host.Subject]bool
	paths    map[string]bool // of files and of trees
	dirs     []string        // that it has made
	users    map[string]bool // that it has made
	groups   map[string]bool
}

func basis(r host.Reader, rec *history.Record) *ground {
	g := &ground{subjects: map[host.Subject]bool{}, paths: map[string]bool{}, users: map[string]bool{}, groups: map[string]bool{}}
	for _, k := range rec.Kept {
		if !k.Touched() {
			continue
		}
		g.subjects[k.Subject()] = true
		switch {
		case k.Path != nil:
			g.paths[k.Path.Path] = true
			if k.Path.Node == nil && (k.After == nil || k.After.Path.Node != nil && k.After.Path.Node.Type == host.TypeDir) {
				g.dirs = append(g.dirs, k.Path.Path)
			}
		case k.Tree != nil:
			for _, n := range k.Tree.Nodes {
				g.paths[n.Path] = true
			}
		case k.User != nil:
			g.users[k.User.Name] = k.User.User == nil
		case k.Group != nil:
			g.groups[k.Group.Name] = k.Group.Group == nil
		case k.Package != nil && k.Package.Package == nil:
			conf, units := host.PackageFiles(r, k.Package.Name)
			for _, p := range conf {
				g.paths[p] = true
			}
			for _, u := range units {
				g.subjects[host.Subject{Type: host.SubjectUnit, Name: u}] = true
			}
		}
	}
	return g
}

// bears reports whether what a later run left rests on it.
func (g *ground) bears(k history.Kept) bool {
	if g.subjects[k.Subject()] {
		return true
	}
	switch {
	case k.Path != nil:
		at := k.Path.Path
		if g.paths[at] || slices.ContainsFunc(g.dirs, func(d string) bool { return under(path.Clean(at), d) }) {
			return true
		}
		return k.After != nil && k.After.Path.Node != nil && g.owns(*k.After.Path.Node)
	case k.Tree != nil:
		return slices.ContainsFunc(k.Tree.Nodes, func(n before.TreeNode) bool { return g.paths[n.Path] })
	case k.Group != nil:
		after := k.After
		return after != nil && after.Group.Group != nil && slices.ContainsFunc(after.Group.Group.Members, func(m string) bool { return g.users[m] })
	}
	return false
}

// owns reports whether a path belongs to, or is open to, an account or group that
// would go.
func (g *ground) owns(n host.Node) bool {
	if g.users[n.Owner] || g.groups[n.Group] {
		return true
	}
	entries := n.Access.Named
	if d := n.Access.Default; d != nil {
		entries = slices.Concat(entries, d.Named)
	}
	return slices.ContainsFunc(entries, func(e host.Entry) bool {
		return e.Tag == host.TagUser && g.users[e.Name] || e.Tag == host.TagGroup && g.groups[e.Name]
	})
}

// Begun are the runs that have begun to undo a run and did not bring all of it back:
// they failed, or were killed.
func Begun(h *history.History, rec *history.Record) []*history.Record {
	var out []*history.Record
	for _, l := range h.Records {
		if l.Undoes == rec.Run && l.Result != history.Succeeded && l.Result != history.Running && h.By[l.Run] == 0 {
			out = append(out, l)
		}
	}
	return out
}

// ChangedSince names what is neither as the run left it nor as it was before, nor as
// an undo of the run left it that did not get to its end: somebody has changed it by
// hand. Of an undo that was killed it is not known how it left things.
func ChangedSince(ctx context.Context, r host.Reader, h *history.History, rec *history.Record) ([]string, error) {
	own, gone := map[host.Subject][]*before.Image{}, nameless{}
	for _, l := range Begun(h, rec) {
		for _, k := range l.Kept {
			own[k.Subject()] = append(own[k.Subject()], k.After)
			gone.add(r, k)
		}
	}
	var out []string
	for _, k := range rec.Kept {
		if k.After == nil || !k.Touched() || k.Owners() {
			continue
		}
		now, err := before.Again(ctx, r, k.Image)
		if host.IsUnknown(err) {
			continue // bringing it back says so
		}
		if err != nil {
			return nil, fmt.Errorf("cannot tell whether %s has been changed since: %w", k, err)
		}
		ours := func(left *before.Image) bool { return left == nil || before.Same(now, *left) }
		if !before.Same(now, *k.After) && !before.Same(now, gone.image(*k.After)) && !before.Same(now, k.Bare()) && !slices.ContainsFunc(own[k.Subject()], ours) {
			out = append(out, k.String())
		}
	}
	return slices.Compact(out), nil
}

// Runs writes runs as a person would type them.
func Runs(records []*history.Record) string {
	names := make([]string, len(records))
	for i, r := range records {
		names[i] = fmt.Sprintf("%d (%s by %s)", r.Run, r.Title(), r.By)
	}
	return strings.Join(names, ", ")
}
