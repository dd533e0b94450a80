package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/roster"
)

// Summarize compares what people may do before and after a change: at the paths,
// too.
func Summarize(ctx context.Context, q Question, paths []string) (*change.Access, error) {
	q.Before, q.After = Cache(q.Before), Cache(q.After)
	names, err := Subjects(q)
	if err != nil {
		return nil, err
	}
	return Turns(ctx, q, append(names, Everybody), paths)
}

// Turns compares what some may do before and after a change. What is given to
// everybody, or taken, is said of them alone, if they are among the names.
func Turns(ctx context.Context, q Question, names, paths []string) (*change.Access, error) {
	out := &change.Access{}
	var all *pair
	if slices.Contains(names, Everybody) {
		p, err := q.both(ctx, Everybody, paths)
		if err != nil {
			return nil, err
		}
		all = &p
	}
	for _, name := range names {
		one, err := q.both(ctx, name, paths)
		if err != nil {
			return nil, err
		}
		but := all
		if name == Everybody {
			but = nil
		}
		out.Unknown = append(out.Unknown, one.unknown()...)
		out.Turns = addTurn(out.Turns, one.turn(but))
	}
	slices.Sort(out.Unknown)
	out.Unknown = slices.Compact(out.Unknown)
	return out, nil
}

// addTurn adds a turn, to one that is the same if there is one.
func addTurn(turns []change.Turn, t change.Turn) []change.Turn {
	if len(t.Gains)+len(t.Loses) == 0 {
		return turns
	}
	for i := range turns {
		if slices.Equal(turns[i].Gains, t.Gains) && slices.Equal(turns[i].Loses, t.Loses) && t.Names[0] != Everybody {
			turns[i].Names = append(turns[i].Names, t.Names...)
			return turns
		}
	}
	return append(turns, t)
}

// Subjects are those whom the spec names, people, and whoever is in a group by
// which one is root.
func Subjects(q Question) ([]string, error) {
	names := slices.Clone(q.Declared)
	for _, r := range []host.Reader{q.Before, q.After} {
		users, err := r.Users()
		if err != nil {
			return nil, fmt.Errorf("cannot tell who is on the host: %w", err)
		}
		ids, err := r.IDRanges()
		if err != nil {
			return nil, fmt.Errorf("cannot tell who is on the host: %w", err)
		}
		for _, u := range users {
			if u.UID >= ids.UIDMin && u.UID <= ids.UIDMax {
				names = append(names, u.Name)
			}
		}
		groups, err := r.Groups()
		if err != nil {
			return nil, fmt.Errorf("cannot tell who is on the host: %w", err)
		}
		for _, g := range groups {
			if _, root := rootGroups()[g.Name]; root {
				names = append(names, g.Members...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// pair is what one person may do before and after a change.
type pair struct{ before, after Rights }

func (q Question) both(ctx context.Context, name string, paths []string) (p pair, err error) {
	if p.before, err = Of(ctx, q.Before, name, paths, q.Now); err != nil {
		return pair{}, err
	}
	p.after, err = Of(ctx, q.After, name, paths, q.Now)
	return p, err
}

func (p pair) unknown() []string { return slices.Concat(p.before.Unknown, p.after.Unknown) }

// turn is what the change gives and takes, but for what it gives and takes of
// everybody.
func (p pair) turn(all *pair) change.Turn {
	if all == nil {
		all = &pair{}
	}
	return change.Turn{
		Names: []string{p.before.Name},
		Gains: append(p.after.without(p.before), p.after.pathsWithout(p.before, all.after, all.before)...),
		Loses: append(p.before.without(p.after), p.before.pathsWithout(p.after, all.before, all.after)...),
	}
}

// without lists, in words, what one has that the other has not, but for paths.
func (r Rights) without(o Rights) []string {
	var out []string
	switch {
	case r.Login && !o.Login:
		out = append(out, "login ("+count(len(r.Keys), "key")+")")
	case r.Login || r.Exists && o.Exists:
		if n := len(keysWithout(r.Keys, o.Keys)); n > 0 {
			out = append(out, count(n, "key"))
		}
	case r.Exists && !o.Exists && r.Unsure:
		out = append(out, "an account")
	case r.Exists && !o.Exists:
		out = append(out, "an account without login")
	}
	if r.Password && !o.Password {
		out = append(out, "login with a password")
	}
	out = append(out, r.sudoWithout(o)...)
	for _, g := range r.Groups {
		if slices.Contains(o.Groups, g) || g == r.Name || g == "sudo" && r.Everything && !o.Everything {
			continue
		}
		if RootGroup(g) != "" {
			out = append(out, g+" (root by another name)")
		} else {
			out = append(out, "group "+g)
		}
	}
	return out
}

// pathsWithout says what one may do where the other may not, but for what makes the
// same difference to everybody. Of paths one below the other, on which it is the
// same, it says the uppermost, and counts the others.
func (r Rights) pathsWithout(o, all, others Rights) []string {
	type top struct {
		may, path string
		below     int
	}
	var tops []top
	for _, p := range r.Paths {
		common := mayWithout(all.at(p.Path), others.at(p.Path))
		may := strings.Join(mayWithout(mayWithout(p.May, o.at(p.Path)), common), " and ")
		if may == "" {
			continue
		}
		i := slices.IndexFunc(tops, func(t top) bool {
			return t.may == may && strings.HasPrefix(p.Path, strings.TrimSuffix(t.path, "/")+"/")
		})
		if i >= 0 {
			tops[i].below++
			continue
		}
		tops = append(tops, top{may: may, path: p.Path})
	}
	out := make([]string, len(tops))
	for i, t := range tops {
		out[i] = t.may + " on " + t.path
		if t.below > 0 {
			out[i] += fmt.Sprintf(" and %d below", t.below)
		}
	}
	return out
}

func (r Rights) sudoWithout(o Rights) []string {
	switch {
	case r.Name == root:
		return nil
	case r.Everything && !o.Everything && r.Free:
		return []string{"sudo without a password"}
	case r.Everything && !o.Everything:
		return []string{"sudo"}
	case r.Everything && r.Free && !o.Free:
		return []string{"sudo without a password"}
	case r.Everything:
		return nil
	}
	var out []string
	for _, what := range r.Sudo {
		if !slices.Contains(o.Sudo, what) && !slices.Contains(out, what) {
			out = append(out, what)
		}
	}
	const most = 2
	switch {
	case len(out) == 0:
		return nil
	case len(out) > most:
		return []string{"sudo for " + count(len(out), "command")}
	}
	return []string{"sudo for " + strings.Join(out, " and ")}
}

const root = "root"

func (r Rights) at(path string) []string {
	for _, p := range r.Paths {
		if p.Path == path {
			return p.May
		}
	}
	return nil
}

// mayWithout leaves out entering where reading or writing says it.
func mayWithout(may, other []string) []string {
	var out []string
	for _, what := range may {
		if !slices.Contains(other, what) && (what != mayEnter || len(out) == 0) {
			out = append(out, what)
		}
	}
	return out
}

func keysWithout(keys, others []roster.Key) []roster.Key {
	return slices.DeleteFunc(slices.Clone(keys), func(k roster.Key) bool {
		return slices.ContainsFunc(others, func(o roster.Key) bool { return o.Blob == k.Blob })
	})
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
