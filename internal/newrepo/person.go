package newrepo

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// Person is who begins, as their account is on the host.
type Person struct {
	Name, Comment string
	// Keys are their public keys, one on a line; empty: none is known.
	Keys []byte
	// Listed says that they are in developers.yaml; else they are in a comment of it.
	Listed bool
	// Role says that the backend gives them what they have: Groups and Shell, and
	// with KeysToo their keys and no others.
	Role    bool
	KeysToo bool
	Groups  []string
	Shell   string
	// Why says what keeps the backend from giving them all that they have.
	Why string
}

// keysPath is the file in which people have their keys.
const keysPath = "/.ssh/authorized_keys"

// Describe looks at somebody's account. Keys are what is known of their keys
// otherwise; nil: those that let them in here count. Of the groups, those count that
// every host has, and those that the spec declares.
func Describe(r host.Reader, name string, keys []byte, declared []string) (*Person, error) {
	p := &Person{Name: name, Keys: keys, Listed: true}
	u, err := r.User(name)
	if err != nil {
		return nil, fmt.Errorf("cannot look at the account of %s: %w", name, err)
	}
	if u == nil {
		p.Why = "there is no account " + name + " on this host yet"
		return p, nil
	}
	p.Role, p.Shell = true, u.Shell
	if !strings.Contains(u.Comment, ",") { // else there are rooms and telephones behind it
		p.Comment = u.Comment
	}
	groups, err := r.Groups()
	if err != nil {
		return nil, fmt.Errorf("cannot tell the groups of %s: %w", name, err)
	}
	for _, g := range groups {
		if slices.Contains(g.Members, name) && (spec.SystemGroup(g.Name) || slices.Contains(declared, g.Name)) {
			p.Groups = append(p.Groups, g.Name)
		}
	}
	slices.Sort(p.Groups)
	p.lookAtKeys(r, u.Home+keysPath)
	return p, nil
}

// lookAtKeys takes the keys that let them in, if a spec can say them.
func (p *Person) lookAtKeys(r host.Reader, at string) {
	data, err := r.ReadFile(at)
	if err != nil {
		p.Why = fmt.Sprintf("%s cannot be read: %v", at, err)
		return
	}
	have, err := roster.ParseKeys(data, at, roster.ParseOptions{Comments: true})
	if err != nil {
		p.Why = fmt.Sprintf("a spec cannot say what is in %s: %v", at, err)
		return
	}
	if p.Keys == nil && len(have) > 0 {
		p.Keys = bytes.TrimRight(data, "\n")
		p.Keys = append(p.Keys, '\n')
	}
	if len(have) == 0 {
		p.Why = "there is no key in " + at
		return
	}
	p.KeysToo = true
}

// Less is the same person with less given to them, because of something that a plan
// would change. False: there is nothing that could be left out.
func (p *Person) Less(why string) (*Person, bool) {
	less := *p
	less.Why = why
	switch {
	case p.KeysToo:
		less.KeysToo = false
	case p.Role:
		less.Role, less.Listed = false, false // in a list without a role, they would count as gone
	default:
		return nil, false
	}
	return &less, true
}
