package overlay

import (
	"context"
	"errors"
	"fmt"

	"opsafe/internal/host"
)

// doLogin covers the steps on how and whether an account is used.
func (h *Host) doLogin(_ context.Context, s host.Step) (bool, error) {
	switch s := s.(type) {
	case host.SetPassword:
		return true, wrap("change the password of "+s.User, h.setPassword(s))
	case host.SetExpiry:
		return true, wrap("set the expiry of "+s.User, h.changePassword(s.User, func(p *host.Password) error {
			p.Expires = max(s.Day, -1)
			return nil
		}))
	case host.EndSessions:
		if err := h.needUser(s.User); err != nil {
			return true, wrap("end the sessions of "+s.User, err)
		}
		h.ended[s.User] = true
		return true, nil
	case host.SetLinger:
		if err := h.needUser(s.User); err != nil {
			return true, wrap("set linger of "+s.User, err)
		}
		h.linger[s.User] = s.On
		return true, nil
	}
	return false, nil
}

func (h *Host) needUser(name string) error {
	u, err := h.user(name)
	if err == nil && u == nil {
		err = noUser(name)
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
		case host.RemovePassword:
			p.State, p.HasHash, p.MustChange = host.PasswordLocked, false, false
		case host.UnlockPassword:
			if !p.HasHash {
				return errors.New("there is no password behind the lock")
			}
			p.State = host.PasswordSet
		case host.PasswordAtFirstLogin:
			p.State, p.HasHash, p.MustChange = host.PasswordEmpty, false, true
		default:
			return fmt.Errorf("there is no password change %q", s.To)
		}
		return nil
	})
}
