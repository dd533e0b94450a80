package offboard

import (
	"context"
	"fmt"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/words"
)

// traces are what still runs for an account, or would start again, in the order
// in which it is taken away: first what starts things without anybody's login,
// then what runs. The account's own units, in a home that its owner can fill as
// they like, come last, when nothing can read them any more: they may not hinder
// the rest.
func traces(name string) []kind.Resource {
	of := func(what string, l kind.Looker) kind.Resource {
		return kind.Resource{ID: change.ID{Kind: what, Name: name}, Looker: l}
	}
	return []kind.Resource{
		of("linger", lingerLook{name}),
		of("cron", cronLook{name}),
		of("session", sessionLook{name}),
		of("unit", ownUnitsLook{name}),
		of("job", homeJobsLook{name}),
	}
}

// unread is the error of a part of the traces that could not be read.
func unread(t host.Traces, part host.TracePart, name string) error {
	if why := t.Unread[part]; why != "" {
		return &host.UnknownError{What: fmt.Sprintf("%s of %s", part, name), Why: why}
	}
	return nil
}

// lingerLook keeps systemd from starting the account's own units at boot.
type lingerLook struct{ name string }

func (l lingerLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	t, err := r.Traces(l.name)
	if err != nil {
		return c, err
	}
	if t.Linger {
		c.Action = change.Remove
		c.Differ("linger", "yes", "no")
		c.Steps = []host.Step{host.SetLinger{User: l.name}}
	}
	return c, unread(t, host.TraceLinger, l.name)
}

// cronLook removes the crontab and at jobs.
type cronLook struct{ name string }

func (l cronLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	t, err := r.Traces(l.name)
	if err != nil {
		return change.Change{}, err
	}
	return kind.RemoveWithCopies(r, l.name, t.Cron, unread(t, host.TraceCron, l.name))
}

// sessionLook ends what runs. It reads nothing that the account's owner can
// write.
type sessionLook struct{ name string }

func (l sessionLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	t, err := r.Traces(l.name)
	if err != nil {
		return c, err
	}
	var running []string
	if n := len(t.Sessions); n > 0 {
		running = append(running, words.Count(n, "session"))
	}
	if n := t.Processes - t.Managers; n > 0 {
		running = append(running, words.Count(n, "process"))
	}
	if len(running) > 0 {
		c.Irreversible = "what ran is gone"
	} else if t.Managers > 0 { // nobody is there
		running = append(running, "systemd's manager")
	}
	if len(running) == 0 {
		return c, unread(t, host.TraceRunning, l.name)
	}
	c.Action = change.Remove
	c.Differ("running", strings.Join(running, ", "), "ended")
	c.Steps = []host.Step{host.EndSessions{User: l.name}}
	return c, nil
}

// ownUnitsLook removes the account's own systemd units.
type ownUnitsLook struct{ name string }

func (l ownUnitsLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	units, err := r.UserUnits(l.name)
	return kind.RemoveWithCopies(r, l.name, units, err)
}
