// Package passwords is the kind of what may be in the password field of an account.
package passwords

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/policy"
	"opsafe/internal/spec"
)

// pamDir is where it is said who is let in without a password.
const pamDir = "/etc/pam.d/"

// Kind is the kind password.
func Kind() kind.Kind {
	return kind.Kind{
		Part:  spec.Part{Name: "password", Plural: "passwords", Is: "what an account's password field may be", Sections: []string{"users", "roles"}, Only: []string{"password"}},
		Stage: kind.StageAccess, Declare: declare, Adopt: adopt,
	}
}

// declare lists the accounts whose password is managed. It comes after
// the files: an account that waits for its first login has an empty password, and
// what keeps others from using it has to be in force by then.
func declare(in *kind.Input) []kind.Resource {
	var guards []change.ID
	for _, path := range slices.Sorted(maps.Keys(in.Backend.Files)) {
		if strings.HasPrefix(path, pamDir) {
			guards = append(guards, change.ID{Kind: "file", Name: path})
		}
	}
	var out []kind.Resource
	for _, p := range in.Passwords() {
		needs := []change.ID{{Kind: "user", Name: p.Name}}
		if p.Rule == spec.PasswordSetAtFirstLogin {
			needs = append(needs, guards...)
		}
		out = append(out, kind.Resource{
			ID: change.ID{Kind: "password", Name: p.Name}, Pos: p.Pos, When: p.When, Needs: needs,
			Looker: look{name: p.Name, rule: p.Rule},
		})
	}
	return out
}

// look is the password field of one account.
type look struct {
	name string
	rule spec.PasswordRule
}

// Look brings the password field to the rule. A password that its owner has set
// satisfies set-at-first-login.
func (l look) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	p, err := r.Password(l.name)
	if err != nil {
		return c, err
	}
	switch {
	case p == nil:
		return c, fmt.Errorf("there is no account %s on this host: user/%s makes it", l.name, l.name)
	case p.Missing:
		return c, fmt.Errorf("there is no line for %s in /etc/shadow: user/%s adds it", l.name, l.name)
	}
	if l.rule == spec.PasswordSetByAdmin {
		return l.byAdmin(r, p)
	}
	var to host.PasswordChange
	switch {
	case l.rule == spec.PasswordLocked && p.State == host.PasswordLocked && !p.MustChange:
		return c, nil
	case l.rule == spec.PasswordLocked:
		to = host.LockPassword
	case p.State == host.PasswordLocked && p.HasHash:
		// Somebody locked it by hand: to take the lock off, and the password
		// with it, would let them in again.
		c.Notes = append(c.Notes, l.lockedByHand())
		return c, nil
	case p.State == host.PasswordSet:
		return c, nil
	}
	if l.rule == spec.PasswordSetAtFirstLogin {
		keyed, err := l.keyed(r)
		switch {
		case err != nil:
			return c, err
		case !keyed && p.State == host.PasswordEmpty && p.MustChange && l.elsewhere(r):
			// Whether the keys that a link leads to let them in is not known.
			return c, nil
		case !keyed:
			// An empty password without the key that the first login takes would be
			// one for whoever comes along.
			c.Notes = append(c.Notes, l.name+" has no key on this host, which the first login takes: until there is one, the password stays locked")
			if p.State == host.PasswordLocked {
				return c, nil
			}
			to = host.LockPassword
		}
	}
	if to == "" && p.State == host.PasswordEmpty && p.MustChange {
		return c, nil
	}
	to = cmp.Or(to, host.PasswordAtFirstLogin)
	c.Action = change.Modify
	c.Differ("password", p.String(), string(to))
	c.Steps = []host.Step{host.SetPassword{User: l.name, To: to}}
	return c, kind.HeedStrays(r, &c, l.name, "passwd", "shadow")
}

// byAdmin keeps an account shut until an administrator has given it a password. One
// that is there stays, also while it has to be changed at the next login.
func (l look) byAdmin(r host.Reader, p *host.Password) (change.Change, error) {
	var c change.Change
	switch {
	case p.State == host.PasswordSet:
		return c, nil
	case p.State == host.PasswordLocked && p.HasHash:
		c.Notes = append(c.Notes, l.lockedByHand())
		return c, nil
	}
	c.Notes = append(c.Notes, fmt.Sprintf("the password is to be set by an administrator: passwd %[1]s, and passwd --expire %[1]s to have the next login change it", l.name))
	if p.State == host.PasswordLocked {
		return c, nil
	}
	c.Action = change.Modify
	c.Differ("password", p.String(), string(host.LockPassword))
	c.Steps = []host.Step{host.SetPassword{User: l.name, To: host.LockPassword}}
	return c, kind.HeedStrays(r, &c, l.name, "passwd", "shadow")
}

func (l look) lockedByHand() string {
	return "the password is locked, by hand, and stays so: unlock it with passwd -u " + l.name
}

// keyed reports whether the account has a key.
func (l look) keyed(r host.Reader) (bool, error) {
	u, err := r.User(l.name)
	if err != nil || u == nil {
		return false, err
	}
	return kind.HasKey(r, u)
}

// elsewhere reports whether there is a link, or the like, in the place of the keys.
func (l look) elsewhere(r host.Reader) bool {
	u, err := r.User(l.name)
	if err != nil || u == nil {
		return false
	}
	return slices.ContainsFunc(policy.KeyFiles(), func(name string) bool {
		n, err := r.Stat(u.Home + "/.ssh/" + name)
		return err == nil && n != nil && n.Type != host.TypeFile
	})
}
