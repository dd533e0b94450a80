package before

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

func (p *Password) subject() host.Subject {
	return host.Subject{Type: host.SubjectPassword, Name: p.User}
}

func (p *Password) String() string { return "password and expiry of " + p.User }

// state leaves out the days: of a password that its owner changes they change, too.
func (p *Password) state() any {
	if p.Password == nil {
		return p.Password
	}
	c := *p.Password
	c.Changed, c.Ageing = 0, host.Ageing{}
	return &c
}

// restore brings the field back to its state. A hash that is gone stays gone.
func (p *Password) restore(_ context.Context, r host.Reader) (change.Change, error) {
	have, err := r.Password(p.User)
	if err != nil || have == nil || p.Password == nil {
		return change.Change{}, err
	}
	c := change.Change{Action: change.Modify}
	if have.Expires != p.Password.Expires {
		differ(&c, "expires", expiry(have.Expires), expiry(p.Password.Expires))
		c.Steps = append(c.Steps, host.SetExpiry{User: p.User, Day: p.Password.Expires})
	}
	to := p.field(have, &c)
	if to != "" {
		differ(&c, "password", have.String(), string(to))
		c.Steps = append(c.Steps, host.SetPassword{User: p.User, To: to})
	}
	if p.Password.Missing && !have.Missing {
		c.Notes = append(c.Notes, "the line of "+p.User+" that /etc/shadow lacked stays: it lets nobody in")
	} else {
		p.day(have, to, &c)
	}
	if len(c.Steps) == 0 {
		c = change.Change{Notes: c.Notes}
	}
	return c, nil
}

// field is how the password field comes back; empty if it is so, or cannot.
func (p *Password) field(have *host.Password, c *change.Change) (to host.PasswordChange) {
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
	return to
}

// day brings back the day of the password's last change, which decides with it
// whether a key lets in: 0 has a new one set at the next login.
func (p *Password) day(have *host.Password, to host.PasswordChange, c *change.Change) {
	was := p.Password
	if was.State != have.State && to == "" {
		return // it is another password
	}
	known := was.MustChange || was.Changed != 0 // earlier records do not tell
	must, day := have.MustChange, have.Changed
	switch to {
	case host.LockPassword:
		if must {
			must, day = false, 0 // that of the step: today
		}
	case host.PasswordAtFirstLogin:
		must, day = true, 0
	}
	switch {
	case was.MustChange == must && (!known || was.Changed == day):
		return
	case was.MustChange:
		differ(c, "password to be changed at the next login", "no", "yes")
	case !known:
		return // it was no day on which it had to be changed: that of the step will do
	default:
		if to == "" {
			differ(c, "password last changed", lastChange(*have), lastChange(*was))
		}
	}
	c.Steps = append(c.Steps, host.SetPasswordChanged{User: p.User, Day: was.Changed})
}

func lastChange(p host.Password) string {
	switch {
	case p.MustChange:
		return "to be changed at the next login"
	case p.Changed < 0:
		return "not said"
	}
	return expiry(p.Changed)
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

func (l *Linger) subject() host.Subject { return host.Subject{Type: host.SubjectLinger, Name: l.User} }

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
