package image

import (
	"context"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// Password is the state of an account's password field, not the password, and
// when the account expires.
type Password struct {
	User     string         `json:"user"`
	Password *host.Password `json:"password,omitempty"` // nil: there was none
}

func (p *Password) subject() Subject { return Subject{OfPassword, p.User} }

func (p *Password) String() string { return "password and expiry of " + p.User }

func (p *Password) state() any { return p.Password }

// restore brings the field back to its state. A hash that is gone stays gone.
func (p *Password) restore(_ context.Context, r host.Reader) (change.Change, error) {
	have, err := r.Password(p.User)
	if err != nil || have == nil || p.Password == nil {
		return change.Change{}, err
	}
	c := change.Change{Action: change.Modify}
	if have.Expires != p.Password.Expires {
		differ(&c, "expires", expiry(have.Expires), expiry(p.Password.Expires))
		c.Steps = append(c.Steps, host.SetExpiry{User: p.User, Day: p.Password.Expires, Was: have.Expires})
	}
	var to host.PasswordChange
	switch was := p.Password.State; {
	case was == have.State:
	case was == host.PasswordLocked:
		to = host.LockPassword
	case was == host.PasswordSet && have.HasHash:
		to = host.UnlockPassword
	case was == host.PasswordEmpty && p.Password.MustChange:
		to = host.PasswordAtFirstLogin
	default:
		c.Notes = append(c.Notes, "the password of "+p.User+" is gone and cannot come back: set a new one with passwd "+p.User)
	}
	if p.Password.HasHash && !have.HasHash && p.Password.State == have.State {
		c.Notes = append(c.Notes, "the password of "+p.User+" behind the lock is gone and cannot come back")
	}
	if to != "" {
		differ(&c, "password", string(have.State), string(to))
		c.Steps = append(c.Steps, host.SetPassword{User: p.User, To: to, Was: *have})
	}
	if len(c.Steps) == 0 {
		c = change.Change{Notes: c.Notes}
	}
	return c, nil
}

// expiry writes a day since 1970-01-01.
func expiry(day int) string {
	const seconds = 24 * 60 * 60
	if day < 0 {
		return "never"
	}
	return time.Unix(int64(day)*seconds, 0).UTC().Format(time.DateOnly)
}

// Linger is whether an account's units run without a session.
type Linger struct {
	User string `json:"user"`
	On   bool   `json:"on"`
}

func (l *Linger) subject() Subject { return Subject{OfLinger, l.User} }

func (l *Linger) String() string { return "linger of " + l.User }

func (l *Linger) state() any { return l.On }

func (l *Linger) restore(_ context.Context, r host.Reader) (change.Change, error) {
	u, err := r.User(l.User)
	if err != nil || u == nil {
		return change.Change{}, err
	}
	t, err := r.Traces(l.User)
	if err != nil || t.Linger == l.On {
		return change.Change{}, err
	}
	c := change.Change{Action: change.Modify, Steps: []host.Step{host.SetLinger{User: l.User, On: l.On}}}
	differ(&c, "linger", yesNo(t.Linger), yesNo(l.On))
	return c, nil
}
