package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/roster"
)

// noLogin is the shell of an account that nobody may use.
const noLogin = "/usr/sbin/nologin"

// longAgo is the day, since 1970-01-01, on which a disabled account has expired.
// It is not 0, which tools read as "never" or as "today" by turns.
const longAgo = 1

// nobodysUID is that of the account without rights, above all people's.
const nobodysUID = 65534

// Offboarding is taking somebody's access to a host away.
type Offboarding struct {
	Name    string
	Backend string
	By      string // who asked for it
	Now     time.Time
}

// Offboard lists what makes an account unusable, in an order in which each step
// leaves less access than before: the record that keeps a later run from
// bringing the person back; the account; keys; groups; and what still runs or is
// armed. It is all the person's groups: one that opsafe did not grant is access
// too.
func Offboard(r host.Reader, o Offboarding) ([]Resource, error) {
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
	if u.UID < ranges.UIDMin || u.UID == nobodysUID {
		return nil, fmt.Errorf("%s is a system account (uid %d): only people can be disabled", o.Name, u.UID)
	}
	groups, err := r.Groups()
	if err != nil {
		return nil, err
	}
	out := []Resource{
		{ID: change.ID{Kind: "record", Name: o.Name}, Looker: tombstoneLook{o}},
		{ID: change.ID{Kind: "user", Name: o.Name}, Looker: lockLook{o.Name}},
		{ID: change.ID{Kind: "key", Name: o.Name}, Looker: noKeysLook{o.Name}},
	}
	for _, g := range groups {
		if slices.Contains(g.Members, o.Name) {
			out = append(out, Resource{ID: change.ID{Kind: "group", Name: g.Name}, Looker: leaveLook{group: g.Name, user: o.Name}})
		}
	}
	out = append(out, Resource{ID: change.ID{Kind: "primary-group", Name: o.Name}, Looker: ownGroupLook{o.Name}})
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
	c.Action = change.Add
	fresh(&c, "record", at)
	if err := needDir(r, &c, path.Dir(at)); err != nil {
		return c, err
	}
	c.Steps = append(c.Steps, host.WriteFile{
		Path: at, Content: host.NewContent(data), Owner: rootsOwn, Group: rootsOwn, Access: host.AccessOf(0o644),
	})
	return c, nil
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
	primary, err := groupOfGID(r, u.GID)
	if err != nil {
		return err
	}
	if primary != l.Name && !slices.Contains(t.Groups, primary) {
		t.Groups = append(t.Groups, primary)
	}
	slices.Sort(t.Groups)
	// The record is what keeps the person out: that their keys cannot be read,
	// be it their own doing, does not stop it.
	t.Keys, _ = PresentKeys(r, l.Name)
	return nil
}

// PresentKeys are the fingerprints of the keys with which somebody can log in to
// the host now. With an error, they are those of the file that can be read.
func PresentKeys(r host.Reader, name string) ([]string, error) {
	u, err := r.User(name)
	if err != nil || u == nil {
		return nil, err
	}
	var out []string
	var unread error
	for _, at := range keyFiles(u.Home) {
		data, err := r.ReadFile(at)
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		for line := range bytes.Lines(data) {
			keys, err := roster.ParseKeys(line, at, roster.ParseOptions{Options: true, Comments: true, MinRSABits: 1})
			if err != nil {
				continue // not a key: sshd does not take it either
			}
			for _, k := range keys {
				out = append(out, k.Fingerprint)
			}
		}
	}
	return out, unread
}

// keyFiles are those that sshd reads by default.
func keyFiles(home string) []string {
	return []string{home + "/.ssh/authorized_keys", home + "/.ssh/authorized_keys2"}
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
		differ(&c, "expires", before, day(longAgo))
		c.Steps = append(c.Steps, host.SetExpiry{User: l.name, Day: longAgo, Was: p.Expires})
	}
	if p.State != host.PasswordLocked || p.HasHash {
		before := string(p.State)
		if p.State == host.PasswordLocked {
			before = "locked, kept behind the lock"
		} else if p.MustChange {
			before = "to be set at first login"
		}
		differ(&c, "password", before, "removed and locked")
		c.Steps = append(c.Steps, host.SetPassword{User: l.name, To: host.RemovePassword, Was: *p})
	}
	if differ(&c, "shell", u.Shell, noLogin) {
		shell := noLogin
		c.Steps = append(c.Steps, host.SetUser{Name: l.name, Shell: &shell, Was: *u})
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

// noKeysLook removes both key files, whatever is in them.
type noKeysLook struct{ name string }

func (l noKeysLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	u, err := r.User(l.name)
	if err != nil || u == nil {
		return c, err
	}
	dir := u.Home + "/.ssh"
	link, err := r.Stat(dir)
	if err != nil {
		return c, err
	}
	if link != nil && link.Type == host.TypeSymlink {
		// opsafe does not follow it, sshd would.
		c.Action = change.Remove
		differ(&c, dir, "a link to "+link.Target, "")
		c.Steps = []host.Step{host.RemovePath{Path: dir, Was: &host.FileImage{Node: *link}}}
		return c, nil
	}
	var problem error
	for _, at := range keyFiles(u.Home) {
		n, err := r.Stat(at)
		if err != nil {
			problem = errors.Join(problem, err)
			continue
		}
		// Sshd reads no keys from a directory, which may be full.
		if n != nil && n.Type != host.TypeDir {
			removeKeys(r, &c, at, n)
		}
	}
	if len(c.Steps) == 0 {
		return c, problem
	}
	c.Action = change.Remove
	return c, nil
}

func removeKeys(r host.Reader, c *change.Change, at string, n *host.Node) {
	was, lost := lastImage(r, at, n, keptRoom)
	keys := 0
	for line := range strings.Lines(string(was.Content.Bytes())) {
		if k, ok := presentKey(line); ok {
			c.Attrs = append(c.Attrs, change.Attr{Name: "key", Before: change.Text(keyText(k))})
			keys++
		}
	}
	if keys == 0 {
		differ(c, at, string(n.Type), "")
	}
	if lost != "" {
		lose(c, lost)
	}
	c.Steps = append(c.Steps, host.RemovePath{Path: at, Was: was})
}

// leaveLook is one membership that goes.
type leaveLook struct{ group, user string }

func (l leaveLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	g, err := r.Group(l.group)
	if err != nil || g == nil || !slices.Contains(g.Members, l.user) {
		return c, err
	}
	// gpasswd refuses members without an account.
	users, err := withMembers(r, g.Members)
	if err != nil {
		return c, err
	}
	left := slices.DeleteFunc(slices.Clone(g.Members), func(m string) bool { return m == l.user || !hasUser(users, m) })
	c.Action = change.Modify
	differ(&c, "member", l.user, "")
	c.Steps = []host.Step{host.SetMembers{Group: l.group, Members: left, Was: g.Members}}
	return c, nil
}
