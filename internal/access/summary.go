package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/roster"
)

// Turn is what a change gives and takes, in words, of those for whom it is the
// same.
type Turn struct {
	Names        []string
	Gains, Loses []string
}

// Summary is who gains and who loses what by a change.
type Summary struct {
	Turns []Turn
	// Unknown is what could not be told, of before or after.
	Unknown []string
}

// Summarize compares what people may do before and after a change: at the paths,
// too.
func Summarize(ctx context.Context, q Question, paths []string) (*Summary, error) {
	q.Before, q.After = Cache(q.Before), Cache(q.After)
	names, err := q.subjects()
	if err != nil {
		return nil, err
	}
	out := &Summary{}
	var of Turn
	add := func(t Turn) {
		if len(t.Gains)+len(t.Loses) == 0 {
			return
		}
		for i := range out.Turns {
			if slices.Equal(out.Turns[i].Gains, t.Gains) && slices.Equal(out.Turns[i].Loses, t.Loses) {
				out.Turns[i].Names = append(out.Turns[i].Names, t.Names...)
				return
			}
		}
		out.Turns = append(out.Turns, t)
	}
	all, unknown, err := q.compare(ctx, Everybody, paths, nil)
	if err != nil {
		return nil, err
	}
	out.Unknown = append(out.Unknown, unknown...)
	for _, name := range names {
		if of, unknown, err = q.compare(ctx, name, paths, &all); err != nil {
			return nil, err
		}
		out.Unknown = append(out.Unknown, unknown...)
		add(of)
	}
	add(all)
	slices.Sort(out.Unknown)
	out.Unknown = slices.Compact(out.Unknown)
	return out, nil
}

// subjects are those whom the spec names, people, and whoever is in a group by
// which one is root.
func (q Question) subjects() ([]string, error) {
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

// compare is what a change gives and takes of one person, but for what it gives
// and takes of everybody.
func (q Question) compare(ctx context.Context, name string, paths []string, all *Turn) (Turn, []string, error) {
	before, err := Of(ctx, q.Before, name, paths, q.Now)
	if err != nil {
		return Turn{}, nil, err
	}
	after, err := Of(ctx, q.After, name, paths, q.Now)
	if err != nil {
		return Turn{}, nil, err
	}
	t := Turn{Names: []string{name}, Gains: after.without(before), Loses: before.without(after)}
	if all != nil {
		t.Gains = slices.DeleteFunc(t.Gains, func(what string) bool { return slices.Contains(all.Gains, what) })
		t.Loses = slices.DeleteFunc(t.Loses, func(what string) bool { return slices.Contains(all.Loses, what) })
	}
	return t, append(before.Unknown, after.Unknown...), nil
}

// without lists, in words, what one has that the other has not.
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
		if slices.Contains(o.Groups, g) || g == r.Name || g == "sudo" && r.Everything {
			continue
		}
		if why, root := rootGroups()[g]; root {
			out = append(out, g+" ("+why+")")
		} else {
			out = append(out, "group "+g)
		}
	}
	for _, p := range r.Paths {
		if may := mayWithout(p.May, o.at(p.Path)); len(may) > 0 {
			out = append(out, strings.Join(may, " and ")+" on "+p.Path)
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

// String is the turn as a sentence.
func (t Turn) String() string {
	var parts []string
	verbs := [2]string{"gains", "loses"}
	if len(t.Names) > 1 {
		verbs = [2]string{"gain", "lose"}
	}
	if len(t.Gains) > 0 {
		parts = append(parts, verbs[0]+" "+strings.Join(t.Gains, ", "))
	}
	if len(t.Loses) > 0 {
		parts = append(parts, verbs[1]+" "+strings.Join(t.Loses, ", "))
	}
	return t.who() + " " + strings.Join(parts, "; ")
}

func (t Turn) who() string {
	const most = 4
	names := t.Names
	if len(names) > most {
		names = append(slices.Clone(names[:most-1]), fmt.Sprintf("%d more", len(t.Names)-most+1))
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
