package before

import (
	"context"
	"errors"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// Firewall is that of a docker network, as it was in the kernel.
type Firewall struct {
	Network  string         `json:"network"`
	Firewall *host.Firewall `json:"firewall,omitempty"` // nil: there was none
}

func (f *Firewall) subject() host.Subject {
	return host.Subject{Type: host.SubjectFirewall, Name: f.Network}
}

func (f *Firewall) String() string { return "firewall of docker network " + f.Network }

func (f *Firewall) state() any { return f.Firewall }

func (f *Firewall) restore(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	have, err := r.Firewall(ctx, f.Network)
	if err != nil || f.Firewall == nil && have == nil {
		return c, err
	}
	if f.Firewall == nil {
		c.Action, c.Steps = change.Remove, []host.Step{host.RemoveFirewall{Network: f.Network}}
		differ(&c, "addresses", have.Shown(), "")
		return c, nil
	}
	want := *f.Firewall
	want.Altered = false // what others had put into it does not come back
	if have != nil && have.Same(want) {
		return c, nil
	}
	if want.Listed != nil || want.Interface == "" {
		return c, errors.New("cannot bring it back: it could not be read as a whole")
	}
	c.Action, c.Steps = change.Modify, []host.Step{host.SetFirewall{Firewall: want}}
	if have == nil {
		c.Action = change.Add
	}
	have.Differ(want, func(name, before, after string) { differ(&c, name, before, after) })
	return c, nil
}
