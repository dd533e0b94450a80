package snapshot

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// Record writes down all that has been asked, with the answers, and the databases
// as a whole. Whoever asks the State the same gets the same answer; where that
// cannot be, an unknown one.
func (r *Recorder) Record(ctx context.Context) (State, error) {
	s := State{Partial: true}
	s.makeMaps()
	s.Candidates, s.Trees, s.Troubles = map[string]bool{}, map[string]Tree{}, map[string]Trouble{}
	r.accounts(&s)
	if err := r.inventory(ctx, &s); err != nil {
		return s, err
	}
	r.rest(&s)
	f := &filer{recorder: r, state: &s}
	if err := f.all(ctx); err != nil {
		return s, err
	}
	s.Verdicts = maps.Clone(r.verdicts)
	s.Troubles = r.troubles(s)
	return s, ctx.Err()
}

// accounts asks for the databases of accounts as a whole. What cannot be seen is
// among the troubles in the end.
func (r *Recorder) accounts(s *State) {
	s.Facts, _ = r.Facts()
	s.Ranges, _ = r.IDRanges()
	s.Pending, _ = r.Pending()
	for i := range s.Pending {
		s.Pending[i].Undo = nil // what was in files is not for a record
	}
	users, err := r.Users()
	if err == nil {
		s.Users = append([]host.User{}, users...)
	}
	groups, err := r.Groups()
	if err == nil {
		s.Groups = append([]host.Group{}, groups...)
	}
	for _, g := range s.Groups {
		if shadow, err := r.GroupShadow(g.Name); err == nil && shadow != nil && !plainShadow(*shadow) {
			s.Shadows[g.Name] = *shadow
		}
	}
	s.Strays, _ = r.Strays()
	for _, u := range s.Users {
		p, err := r.Password(u.Name)
		switch {
		case err != nil:
		case p == nil:
			s.Passwords[u.Name] = host.Password{}
		default:
			s.Passwords[u.Name] = *p
		}
	}
}

// plainShadow reports whether gshadow says of a group what it says of most.
func plainShadow(s host.GroupShadow) bool {
	return s.Password == host.PasswordLocked && !s.Missing && len(s.Admins)+len(s.Torn) == 0
}

// inventory asks for packages, units and networks as a whole.
func (r *Recorder) inventory(ctx context.Context, s *State) error {
	packages, err := r.Packages()
	if s.Whole.Packages = err == nil; err != nil && !host.IsUnknown(err) {
		return err
	}
	for _, p := range packages {
		s.Packages[p.Name] = p
	}
	names, err := r.UnitNames(ctx)
	if s.Whole.Units = err == nil; err != nil && !host.IsUnknown(err) {
		return err
	}
	for _, n := range names {
		_, _ = r.Unit(ctx, n)
	}
	networks, err := r.Networks(ctx)
	if s.Whole.Networks = err == nil; err != nil && !host.IsUnknown(err) {
		return err
	}
	s.Networks = slices.Clone(networks)
	s.Engine, _ = r.Engine(ctx)
	s.Whole.Images = r.images
	return ctx.Err()
}

// rest takes over the answers on single things.
func (r *Recorder) rest(s *State) {
	for _, question := range r.order {
		a := r.asked[question]
		if a.err != nil {
			continue
		}
		switch v := a.value.(type) {
		case *host.Package:
			if v != nil {
				s.Packages[v.Name] = *v
			}
		case *host.Unit:
			if v == nil {
				s.Units[strings.TrimPrefix(question, askUnit(""))] = host.Unit{}
			} else {
				s.Units[v.Name] = *v
			}
		case *host.Network:
			if v != nil && !slices.ContainsFunc(s.Networks, func(n host.Network) bool { return n.Name == v.Name }) {
				s.Networks = append(s.Networks, *v)
			}
		case []host.UnpackedTree:
			s.Unpacked[strings.TrimPrefix(question, askUnpacked(""))] = v
		case *host.Firewall:
			if v != nil { // its addresses are for root alone
				s.Firewalls = append(s.Firewalls, v.Redacted())
			} else {
				s.Firewalls = append(s.Firewalls, host.Firewall{Network: strings.TrimPrefix(question, askFirewall(""))})
			}
		case *host.Image:
			s.Images[strings.TrimPrefix(question, askImage(""))] = v
		case []host.Container:
			s.Containers, s.Whole.Containers = v, true
		case bool:
			s.Candidates[strings.TrimPrefix(question, askCandidate(""))] = v
		case host.Traces:
			s.Traces[strings.TrimPrefix(question, askTraces(""))] = v
		case *host.User:
			if v != nil && v.Source != "" && !slices.Contains(s.Sources.Users, *v) {
				s.Sources.Users = append(s.Sources.Users, *v)
			}
		case *host.Group:
			same := func(g host.Group) bool { return v.Name == g.Name && v.GID == g.GID }
			if v != nil && v.Source != "" && !slices.ContainsFunc(s.Sources.Groups, same) {
				s.Sources.Groups = append(s.Sources.Groups, *v)
			}
		}
	}
	slices.SortFunc(s.Networks, func(a, b host.Network) int { return strings.Compare(a.Name, b.Name) })
}

// troubles asks the record itself what the host was asked, and notes where the
// answer would not be the same: there it has to be the error, or unknown.
func (r *Recorder) troubles(s State) map[string]Trouble {
	out := map[string]Trouble{}
	record := New(s)
	for _, question := range r.order {
		a := r.asked[question]
		if a.again == nil {
			continue
		}
		value, err := a.again(record)
		switch {
		case host.Redacted(err) != nil:
		case a.err != nil && (err == nil || err.Error() != a.err.Error()):
			out[question] = troubleOf(a.err)
		case a.err == nil && err != nil && host.IsUnknown(err):
			// It says itself that it was not recorded, and why.
		case a.err == nil && (err != nil || !same(a.value, value)):
			out[question] = Trouble{What: question, Why: "it could not be recorded as it is"}
		}
	}
	return out
}

// same compares answers, but for what a record does not keep: an empty list
// within an answer is none, what size or links a directory has is nothing that
// anybody asks, and where a private link leads nobody is told.
func same(a, b any) bool {
	if has, is := a.(*host.Node); is && has != nil {
		if n, _ := b.(*host.Node); n != nil && n.HidesTarget() {
			kept := *has
			kept.Target, a = n.Target, &kept
		}
	}
	x, errX := plain(a)
	y, errY := plain(b)
	return errX == nil && errY == nil && x == y
}

func plain(v any) (string, error) {
	switch n := v.(type) {
	case *host.Node:
		if n != nil && n.Type != host.TypeFile {
			c := *n
			c.Size = 0
			if c.Type == host.TypeDir {
				c.Links = 1
			}
			v = &c
		}
	case *host.Password:
		if n != nil && !n.Ageing.On {
			c := *n
			c.Changed = 0 // nothing hangs on it
			v = &c
		}
	case []host.Package:
		v = append([]host.Package{}, n...)
	case []host.Network:
		v = append([]host.Network{}, n...)
	case []host.User:
		v = append([]host.User{}, n...)
	case []host.Group:
		v = append([]host.Group{}, n...)
	case *host.Firewall:
		if n != nil {
			c := n.Redacted()
			v = &c
		}
	case *host.TreeScan:
		if n != nil {
			c := *n
			c.First = slices.Clone(n.First)
			for i := range c.First {
				c.First[i].Before, c.First[i].After = alike(c.First[i].Before), alike(c.First[i].After)
			}
			v = &c
		}
	case []host.Pending:
		owed := slices.Clone(n)
		for i := range owed {
			owed[i].Undo = nil
		}
		v = owed
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("cannot compare answers: %w", err)
	}
	for _, empty := range []string{":[]", ":{}"} {
		data = []byte(strings.ReplaceAll(string(data), empty, ":null"))
	}
	return string(data), nil
}
