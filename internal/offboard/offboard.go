// Package offboard takes somebody's access to a host away, all of it, and gives it back.
package offboard

import (
	"context"
	"fmt"
	"slices"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// noLogin is the shell of an account that nobody may use.
const noLogin = debian.NoLogin

// longAgo is the day, since 1970-01-01, on which a disabled account has expired.
// It is not 0, which tools read as "never" or as "today" by turns.
const longAgo = 1

// stateAbsent is the state of what the spec has go.
const stateAbsent = "absent"

// Offboarding is taking somebody's access to a host away.
type Offboarding struct {
	Name    string
	Backend string
	By      string // who asked for it
	Now     time.Time
	// Keys are fingerprints of the person's keys, besides those in files of
	// theirs: from the repository, and from what runs have given them.
	Keys []string
	// Shared are those that the spec has for somebody else, too, and where: they
	// are not taken away from them.
	Shared map[string]string
	// Listed reports whether an account may have keys on a list that is not known
	// here: its file is left to the next run.
	Listed func(account string) bool
	// Declared is what the spec declares for the host; nil: it is not known.
	Declared *spec.Backend
}

// theirs reports whether a key is the person's, and nobody else's.
func (o Offboarding) theirs(fingerprint string) bool {
	return slices.Contains(o.Keys, fingerprint) && o.Shared[fingerprint] == ""
}

// listed reports whether the spec has the last word on an account's keys.
func (o Offboarding) listed(account string) bool { return o.Listed != nil && o.Listed(account) }

// Offboard lists what makes an account unusable, in an order in which each step
// leaves less access than before: the record that keeps a later run from
// bringing the person back; the account; keys; groups; and what still runs or is
// armed. It is all the person's groups: one that opsafe did not grant is access
// too.
func Offboard(r host.Reader, o Offboarding) ([]kind.Resource, error) {
	u, err := r.User(o.Name)
	if err != nil {
		return nil, err
	}
	if u == nil {
		return nil, fmt.Errorf("there is no account %s on this host", o.Name)
	}
	if u.Source != "" {
		return nil, fmt.Errorf("%s is not this host's own account, it comes from %s: take their access away there", o.Name, u.Source)
	}
	ranges, err := r.IDRanges()
	if err != nil {
		return nil, err
	}
	if u.UID < ranges.UIDMin || u.UID == debian.NobodyUID {
		return nil, fmt.Errorf("%s is a system account (uid %d): only people can be disabled", o.Name, u.UID)
	}
	groups, err := r.Groups()
	if err != nil {
		return nil, err
	}
	o.know(r)
	out := []kind.Resource{
		{ID: change.ID{Kind: "record", Name: o.Name}, Looker: tombstoneLook{o}},
		{ID: change.ID{Kind: "user", Name: o.Name}, Looker: lockLook{o.Name}},
		kind.NoKeys(change.ID{Kind: "key", Name: o.Name}, o.Name),
	}
	out = append(out, o.otherKeys(r)...)
	for _, g := range groups {
		s, err := r.GroupShadow(g.Name)
		if slices.Contains(g.Members, o.Name) || err == nil && s != nil && slices.Contains(s.Admins, o.Name) {
			out = append(out, kind.Leave(change.ID{Kind: "group", Name: g.Name}, g.Name, o.Name))
		}
	}
	out = append(out, kind.Resource{ID: change.ID{Kind: "primary-group", Name: o.Name}, Looker: ownGroupLook{o.Name}})
	out = append(out, o.sudoers(r)...)
	out = append(out, o.systemUnits(r, *u)...)
	out = append(out, o.systemJobs(r)...)
	return append(out, traces(o.Name)...), nil
}

// tombstoneLook is the record by which later runs know.
type tombstoneLook struct{ Offboarding }

func (l tombstoneLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	at := roster.TombstonePath(l.Name)
	n, err := r.Stat(at)
	if err != nil || n != nil {
		return c, err
	}
	t := roster.Tombstone{Name: l.Name, Since: l.Now, By: l.By, Backend: l.Backend, Expires: -1}
	if err := l.fill(r, &t); err != nil {
		return c, err
	}
	data, err := t.Marshal()
	if err != nil {
		return c, err
	}
	return kind.WriteNote(r, at, data)
}

// fill records what the account has now.
func (l tombstoneLook) fill(r host.Reader, t *roster.Tombstone) error {
	u, err := r.User(l.Name)
	if err != nil {
		return err
	}
	t.Shell = u.Shell
	p, err := r.Password(l.Name)
	if err != nil {
		return err
	}
	if p != nil {
		t.Expires = p.Expires
	}
	groups, err := r.Groups()
	if err != nil {
		return err
	}
	for _, g := range groups {
		if slices.Contains(g.Members, l.Name) {
			t.Groups = append(t.Groups, g.Name)
		}
	}
	primary, err := kind.GroupOfGID(r, u.GID)
	if err != nil {
		return err
	}
	if primary != l.Name && !slices.Contains(t.Groups, primary) {
		t.Groups = append(t.Groups, primary)
	}
	slices.Sort(t.Groups)
	for _, fp := range l.Keys {
		if l.theirs(fp) {
			t.Keys = append(t.Keys, fp)
		}
	}
	return nil
}

// lockLook is the account itself: password, expiry and shell.
type lockLook struct{ name string }

func (l lockLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	u, err := r.User(l.name)
	if err != nil || u == nil {
		return c, err
	}
	p, err := r.Password(l.name)
	if err != nil {
		return c, err
	}
	if p == nil {
		p = &host.Password{State: host.PasswordLocked, Expires: -1}
	}
	if p.Expires < 0 || p.Expires > longAgo {
		before := "never"
		if p.Expires >= 0 {
			before = day(p.Expires)
		}
		c.Differ("expires", before, day(longAgo))
		c.Steps = append(c.Steps, host.SetExpiry{User: l.name, Day: longAgo})
	}
	if p.State != host.PasswordLocked || p.HasHash {
		before := string(p.State)
		if p.State == host.PasswordLocked {
			before = "locked, kept behind the lock"
		} else if p.MustChange {
			before = "to be set at first login"
		}
		c.Differ("password", before, "removed and locked")
		c.Steps = append(c.Steps, host.SetPassword{User: l.name, To: host.RemovePassword})
	}
	if c.Differ("shell", u.Shell, noLogin) {
		shell := noLogin
		c.Steps = append(c.Steps, host.SetUser{Name: l.name, Shell: &shell})
	}
	if len(c.Steps) > 0 {
		c.Action = change.Modify
	}
	return c, nil
}

// day writes a day since 1970-01-01.
func day(n int) string {
	return time.Unix(int64(n)*int64(24*time.Hour/time.Second), 0).UTC().Format(time.DateOnly)
}
