package kind

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// pamDir is where it is said who is let in without a password.
const pamDir = "/etc/pam.d/"

// declarePasswords lists the accounts whose password is managed. It comes after
// the files: an account that waits for its first login has an empty password, and
// what keeps others from using it has to be in force by then.
func declarePasswords(in *Input) []Resource {
	var guards []change.ID
	for _, path := range slices.Sorted(maps.Keys(in.Backend.Files)) {
		if strings.HasPrefix(path, pamDir) {
			guards = append(guards, change.ID{Kind: "file", Name: path})
		}
	}
	var out []Resource
	for _, a := range in.accounts() {
		if a.password == "" || a.absent {
			continue
		}
		needs := []change.ID{{Kind: "user", Name: a.name}}
		if a.password == spec.PasswordSetAtFirstLogin {
			needs = append(needs, guards...)
		}
		out = append(out, Resource{
			ID: change.ID{Kind: "password", Name: a.name}, Pos: a.pos, When: a.when, Needs: needs,
			Looker: passwordLook{name: a.name, rule: a.password},
		})
	}
	return out
}

type passwordLook struct {
	name string
	rule spec.PasswordRule
}

// Look brings the password field to the rule. A password that its owner has set
// satisfies set-at-first-login.
func (l passwordLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	p, err := r.Password(l.name)
	if err != nil {
		return c, err
	}
	if p == nil {
		return c, fmt.Errorf("there is no line for %s in /etc/shadow: if the account exists, run pwconv, then try again", l.name)
	}
	var to host.PasswordChange
	switch {
	case l.rule == spec.PasswordLocked && p.State == host.PasswordLocked:
		return c, nil
	case l.rule == spec.PasswordLocked:
		to = host.LockPassword
	case p.State == host.PasswordLocked && p.HasHash:
		// Somebody locked it by hand: to take the lock off, and the password
		// with it, would let them in again.
		c.Notes = append(c.Notes, "the password is locked, by hand, and stays so: unlock it with passwd -u "+l.name)
		return c, nil
	case p.State == host.PasswordSet || p.State == host.PasswordEmpty && p.MustChange:
		return c, nil
	default:
		to = host.PasswordAtFirstLogin
	}
	c.Action = change.Modify
	differ(&c, "password", string(p.State), string(to))
	c.Steps = []host.Step{host.SetPassword{User: l.name, To: to, Was: *p}}
	return c, nil
}
