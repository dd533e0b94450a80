package policy

import (
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/roster"
)

// sshdMatch is what a Match line asks: criteria and their patterns by turns, see
// sshd_config(5).
type sshdMatch []string

// sshdAccount is an account as sshd's Match blocks see it.
type sshdAccount struct {
	host.User
	groups []string
	// someGroups says that it may be in more groups than those.
	someGroups bool
}

// sshdAccounts are all accounts of the host.
func sshdAccounts(r host.Reader) ([]sshdAccount, error) {
	users, err := r.Users()
	if err != nil {
		return nil, err
	}
	groups, unread := r.Groups()
	out := make([]sshdAccount, len(users))
	named, numbered := make(map[string][]int, len(users)), make(map[int][]int, len(users))
	for i, u := range users {
		out[i] = sshdAccount{User: u, someGroups: unread != nil || u.Source != ""}
		named[u.Name] = append(named[u.Name], i)
		numbered[u.GID] = append(numbered[u.GID], i)
	}
	for _, g := range groups {
		for _, i := range numbered[g.GID] {
			out[i].groups = append(out[i].groups, g.Name)
		}
		for _, m := range g.Members {
			for _, i := range named[m] {
				if out[i].GID != g.GID {
					out[i].groups = append(out[i].groups, g.Name)
				}
			}
		}
	}
	return out, nil
}

// meaning is whether something in sshd's configuration holds for an account.
type meaning int

// What it may be, so that the least of several is that of all together.
const (
	excluded meaning = iota
	possible         // it depends on the connection, or on groups that cannot be told
	certain
)

// meant is whether something within Match blocks holds for an account.
func (a sshdAccount) meant(when []sshdMatch) meaning {
	least := certain
	for _, m := range when {
		least = min(least, a.matched(m))
	}
	return least
}

// matched is whether a Match line is for an account. What it asks of a connection may
// be so: only its user and groups can say no.
func (a sshdAccount) matched(m sshdMatch) meaning {
	least := certain
	for i := 0; i < len(m); i++ {
		key, patterns, _ := strings.Cut(m[i], "=")
		key = strings.ToLower(key)
		if key == "all" {
			continue // it has no patterns
		}
		if key == "invalid-user" {
			return excluded // of an account that is there
		}
		if patterns == "" && i+1 < len(m) {
			i++
			patterns = m[i]
		}
		list := strings.Split(patterns, ",")
		switch key {
		case "user":
			matched, _ := roster.MatchPatterns(list, a.Name)
			if !matched {
				return excluded
			}
		case "group":
			least = min(least, a.inGroup(list))
		default:
			least = min(least, possible)
		}
	}
	return least
}

// inGroup is whether one of the groups of an account matches, and none is refused.
func (a sshdAccount) inGroup(patterns []string) meaning {
	found := excluded
	if a.someGroups {
		found = possible
	}
	for _, g := range a.groups {
		matched, refused := roster.MatchPatterns(patterns, g)
		switch {
		case refused:
			return excluded
		case matched && a.someGroups:
			found = possible // one that is not known may be refused
		case matched:
			found = certain
		}
	}
	return found
}

// choose are the values of which sshd may take one for an account: as it does, the
// first in a Match block that is for it, else the first of all, else none.
func (a sshdAccount) choose(words []sshdWord) []sshdWord {
	var out, all []sshdWord
	for _, w := range words {
		switch m := a.meant(w.when); {
		case len(w.when) == 0:
			all = append(all, w)
		case m == certain:
			return append(out, w)
		case m == possible:
			out = append(out, w)
		}
	}
	return append(out, append(all, sshdWord{value: sshdNone})[0])
}
