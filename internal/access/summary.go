package access

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/words"
)

// Summarize compares what people may do before and after a change: at the paths,
// too.
func Summarize(ctx context.Context, q Question, paths []string) (*change.AccessDiff, error) {
	q.Before, q.After = Cache(q.Before), Cache(q.After)
	names, err := Subjects(q)
	if err != nil {
		return nil, err
	}
	return Turns(ctx, q, append(names, Everybody), paths)
}

// Turns compares what some may do before and after a change. What is given to
// everybody, or taken, is said of them alone, if they are among the names.
func Turns(ctx context.Context, q Question, names, paths []string) (*change.AccessDiff, error) {
	out := &change.AccessDiff{}
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
		out.Turns = addTurn(out.Turns, one.turn(but, q.Stand))
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

// Subjects are those whom the spec names, people, whoever is in a group by which one
// is root, and other accounts that have a shell, as root and database servers do:
// keys and certificates may let in as them, too.
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
			if u.UID >= ids.UIDMin && u.UID <= ids.UIDMax || !endsAtOnce(cmp.Or(u.Shell, defaultShell)) {
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
// everybody. What is not known of both sides is neither.
func (p pair) turn(all *pair, stand map[string]int) change.Turn {
	if all == nil {
		all = &pair{}
	}
	t := change.Turn{
		Names: []string{p.before.Name},
		Gains: p.after.without(p.before, "was"),
		Loses: p.before.without(p.after, "now"),
	}
	if p.before.Exists != p.after.Exists || !p.before.SudoUnsure && !p.after.SudoUnsure {
		gains := p.after.sudoWithout(p.before)
		if i := slices.Index(gains, "sudo"); i >= 0 && p.after.Unset {
			gains[i] = "sudo once they have a password"
		}
		t.Gains = append(t.Gains, gains...)
		t.Loses = append(t.Loses, p.before.sudoWithout(p.after)...)
	}
	t.Gains = append(t.Gains, p.after.groupsWithout(p.before)...)
	t.Loses = append(t.Loses, p.before.groupsWithout(p.after)...)
	t.Gains = append(t.Gains, p.after.administersWithout(p.before)...)
	t.Loses = append(t.Loses, p.before.administersWithout(p.after)...)
	t.Gains = append(t.Gains, p.after.pathsWithout(p.before, all.after, all.before, stand)...)
	t.Loses = append(t.Loses, p.before.pathsWithout(p.after, all.before, all.after, stand)...)
	return t
}

// without lists, in words, by what one can get in, and the other cannot. Of a door
// that both have, and that is good for less with the other, it says what is lost;
// when is the other's time.
func (r Rights) without(o Rights, when string) []string {
	if (r.Unsure || o.Unsure) && r.Exists && o.Exists {
		return nil
	}
	var keys []Door
	var out []string
	for _, d := range r.Doors {
		i := slices.IndexFunc(o.Doors, d.same)
		switch {
		case i < 0 && d.By == ByFile || i >= 0 && d.Doubt != "" && o.Doors[i].Doubt != "":
		case i < 0 && d.By == ByKey && d.Doubt == "" && d.Good() == "a shell":
			keys = append(keys, d)
		case i < 0 && o.anyUnread(d):
		case i < 0:
			out = append(out, r.door(d))
		case better(d, o.Doors[i], when):
			out = append(out, fmt.Sprintf("for %s: %s (%s %s)", d.name(), d.good(), when, o.Doors[i].good()))
		}
	}
	can, _ := o.Login()
	switch n := len(keys); {
	case n > 0 && !can:
		out = slices.Insert(out, 0, "login ("+words.Count(n, "key")+")")
	case n > 0:
		out = slices.Insert(out, 0, words.Count(n, "key"))
	}
	switch {
	case !r.Exists || o.Exists:
	case r.Unsure:
		out = slices.Insert(out, 0, "an account")
	case len(out) == 0:
		out = []string{"an account without login"}
	case len(keys) == 0:
		out = slices.Insert(out, 0, "an account")
	}
	return out
}

// anyUnread reports whether the file of a door is one that could not be read: then
// the door may be there all the same.
func (r Rights) anyUnread(d Door) bool {
	return slices.ContainsFunc(r.Doors, func(f Door) bool { return f.By == ByFile && strings.HasPrefix(d.At, f.At+":") })
}

// door says what somebody gets in by.
func (r Rights) door(d Door) string {
	switch {
	case d.By == ByPassword:
		return d.Words()
	case d.By == ByKey && d.Doubt == "" && d.Use > UseForwarding:
		return "a key for " + d.Good()
	case d.By == ByKey && d.Doubt == "":
		return "a key: " + d.Good()
	}
	return d.Words()
}

// name tells a door from the others that somebody has.
func (d Door) name() string {
	switch d.By {
	case ByKey:
		return "key " + d.Key.Fingerprint
	case ByAuthority:
		return "the authority " + d.Key.Fingerprint
	}
	return d.At
}

func (d Door) good() string {
	if d.Doubt != "" {
		return "cannot be told"
	}
	return d.Good()
}

// better reports whether a door is good for more than it is with the other. What
// cannot be compared is what it becomes, not what it was.
func better(d, o Door, when string) bool {
	switch {
	case d.good() == o.good():
		return false
	case d.Use != o.Use:
		return d.Use > o.Use
	case (d.Socket != "") != (o.Socket != ""):
		return d.Socket != ""
	case d.Forwards != o.Forwards:
		return d.Forwards
	case len(d.Limits) != len(o.Limits):
		return len(d.Limits) < len(o.Limits)
	}
	return when == "was"
}

func (r Rights) groupsWithout(o Rights) []string {
	var out []string
	for _, g := range r.Groups {
		if slices.Contains(o.Groups, g) || g == r.Name || g == "sudo" && r.Everything && !o.Everything && !o.SudoUnsure {
			continue
		}
		if RootGroup(g) != "" {
			out = append(out, g+change.RootInEffect)
		} else {
			out = append(out, "group "+g)
		}
	}
	return out
}

// pathsWithout says what one may do where the other may not, but for what makes the
// same difference to everybody. Of paths one below the other, on which it is the
// same, it says the uppermost, and counts the others, and those for which a path stands.
func (r Rights) pathsWithout(o, all, others Rights, stand map[string]int) []string {
	type top struct {
		may, path   string
		below, like int
	}
	var tops []top
	if r.Name == root {
		return nil // may do all there is
	}
	for _, p := range r.Paths {
		if p.Unsure || o.path(p.Path).Unsure {
			continue
		}
		common := mayWithout(all.at(p.Path), others.at(p.Path))
		may := strings.Join(mayWithout(mayWithout(p.May, o.at(p.Path)), common), " and ")
		if may == "" {
			continue
		}
		i := slices.IndexFunc(tops, func(t top) bool {
			return t.may == may && strings.HasPrefix(p.Path, strings.TrimSuffix(t.path, "/")+"/")
		})
		if i >= 0 {
			tops[i].below += max(1, stand[p.Path])
			continue
		}
		tops = append(tops, top{may: may, path: p.Path, like: max(0, stand[p.Path]-1)})
	}
	out := make([]string, len(tops))
	for i, t := range tops {
		out[i] = t.may + " on " + t.path
		switch {
		case t.like > 0: // of which nobody knows whether the others are below the first
			out[i] += fmt.Sprintf(" and %s more in its tree", words.Number(t.like+t.below))
		case t.below > 0:
			out[i] += fmt.Sprintf(" and %s below", words.Number(t.below))
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
	var more []string
	for _, what := range r.Sudo {
		if !slices.Contains(o.Sudo, what) {
			more = append(more, what)
		}
	}
	return change.SudoFor(more)
}

const root = "root"

func (r Rights) at(path string) []string { return r.path(path).May }

func (r Rights) path(path string) PathRights {
	for _, p := range r.Paths {
		if p.Path == path {
			return p
		}
	}
	return PathRights{}
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
