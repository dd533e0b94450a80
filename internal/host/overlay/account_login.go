package overlay

import (
	"errors"
	"fmt"

	"opsafe/internal/host"
)

func (h *Host) setExpiry(s host.SetExpiry) error {
	return h.changePassword(s.User, func(p *host.Password) error {
		p.Expires = max(s.Day, -1)
		return nil
	})
}

func (h *Host) setPasswordChanged(s host.SetPasswordChanged) error {
	return h.changePassword(s.User, func(p *host.Password) error {
		p.Changed, p.MustChange, p.Missing = max(s.Day, -1), s.Day == 0, false
		return nil
	})
}

func (h *Host) addShadowLine(user string) error {
	return h.changePassword(user, func(p *host.Password) error {
		if p.Missing {
			*p = host.Password{State: host.PasswordLocked, Expires: -1}
		}
		return nil
	})
}

// mark notes a state of a user, who has to be there.
func (h *Host) mark(states map[string]bool, user string, on bool) error {
	if err := h.needUser(user); err != nil {
		return err
	}
	states[user] = on
	return nil
}

func (h *Host) needUser(name string) error {
	u, err := h.user(name)
	if err == nil && u == nil {
		err = h.noUser(name)
	}
	return err
}

// changePassword edits what is known of a password. Where the base may not see
// it, it stays unknown: the step is possible, its result cannot be told.
func (h *Host) changePassword(name string, edit func(*host.Password) error) error {
	if err := h.needUser(name); err != nil {
		return err
	}
	p, err := h.password(name)
	if host.IsUnknown(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if p == nil {
		return fmt.Errorf("user %s has no entry in shadow", name)
	}
	if err := edit(p); err != nil {
		return err
	}
	h.accounts.passwords[name] = p
	return nil
}

func (h *Host) setPassword(s host.SetPassword) error {
	return h.changePassword(s.User, func(p *host.Password) error {
		switch s.To {
		case host.LockPassword:
			p.State = host.PasswordLocked
			if p.MustChange {
				p.MustChange, p.Ageing = false, host.Ageing{} // a day that is not known yet
			}
		case host.RemovePassword:
			p.State, p.HasHash, p.MustChange, p.Changed, p.Ageing = host.PasswordLocked, false, false, 0, host.Ageing{}
		case host.UnlockPassword:
			if !p.HasHash {
				return errors.New("there is no password behind the lock")
			}
			p.State = host.PasswordSet
		case host.PasswordAtFirstLogin:
			p.State, p.HasHash, p.MustChange, p.Changed = host.PasswordEmpty, false, true, 0
		default:
			return fmt.Errorf("there is no password change %q", s.To)
		}
		return nil
	})
}
