// Package keys is the kind of who can log in, and as whom: files of keys, and key pairs.
package keys

import (
	"bytes"
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
	"opsafe/internal/roster"
	"opsafe/internal/spec"
)

// Kind is the kind key.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "key", Plural: "keys", Is: "who can log in, and as whom", Sections: []string{"keys", "authorized_keys", "key_pairs"},
			Own: []spec.Section{pairSection()}, Owns: owns,
		},
		Stage: kind.StageAccess, Together: true, WayIn: true, Declare: declare, Adopt: adopt, TakenOver: true,
		Covers: covers, Withholds: withhold, Parts: parts,
	}
}

// declare lists the authorized_keys of service accounts and of people, and
// key pairs.
func declare(in *kind.Input) []kind.Resource {
	out := kind.DeclareRevoked(in)
	for _, name := range slices.Sorted(maps.Keys(in.Backend.AuthorizedKeys)) {
		a := in.Backend.AuthorizedKeys[name]
		mode := host.Mode(0o600)
		if m := spec.Mode(a.Mode); m != nil {
			mode = *m
		}
		out = append(out, kind.Resource{
			ID: change.ID{Kind: "key", Name: name}, Pos: a.Pos, When: a.When,
			Needs:  in.NeedOwner(name, ""),
			Looker: look{user: name, set: in.ServiceKeys[name], mode: mode},
		})
	}
	if in.Roster != nil {
		out = slices.Grow(out, len(in.Roster.Members))
		for i := range in.Roster.Members {
			m := &in.Roster.Members[i]
			if !m.ManageKeys {
				continue
			}
			out = append(out, kind.Resource{
				ID: change.ID{Kind: "key", Name: m.Name}, Pos: m.Pos,
				Needs:  in.NeedOwner(m.Name, ""),
				LetsIn: true,
				Looker: look{user: m.Name, set: in.Keys[m.Name], mode: 0o600},
			})
		}
	}
	for at, k := range spec.Sorted(pairsOf(in.Backend)) {
		out = append(out, kind.Resource{
			ID: change.ID{Kind: "key", Name: at}, Pos: k.Pos, When: k.When,
			Needs:  append(in.NeedOwner(k.Owner, k.Group), in.NeedParent(at)...),
			Looker: pairLook{in: in, path: at, decl: k},
		})
	}
	return out
}

// look is one account's authorized_keys: the whole file, and no second one.
type look struct {
	user string
	set  roster.KeySet
	mode host.Mode
}

// dirMode and the owner are what sshd's StrictModes asks for.
const dirMode = host.Mode(0o700)

func (l look) Look(_ context.Context, r host.Reader) (change.Change, error) {
	c := change.Change{Notes: l.set.Notes}
	u, err := r.User(l.user)
	if err != nil {
		return c, err
	}
	if u == nil {
		return c, fmt.Errorf("there is no account %s to give keys to", l.user)
	}
	if l.set.Problem != nil {
		had, err := kind.HasKey(r, u)
		if err != nil || had || !l.set.Unasked || len(l.set.Keys) == 0 {
			return c, l.set.Problem
		}
		// What is certain is better than an account that nobody can use; the rest
		// is still wanting.
		c.Open = l.set.Problem
	}
	group, err := kind.GroupOfGID(r, u.GID)
	if err != nil {
		return c, err
	}
	dir := u.Home + "/.ssh"
	file, err := r.Stat(dir + "/authorized_keys")
	if err != nil {
		return c, err
	}
	if len(l.set.Keys) == 0 && l.set.Doubt != nil {
		c.Open = l.set.Doubt.Err // nobody is left without a key unsaid
	}
	if len(l.set.Keys) == 0 && file == nil {
		return c, l.second(r, dir, &c) // no keys, and nothing there
	}
	if err := l.directory(r, dir, group, &c); err != nil {
		return c, err
	}
	if err := l.file(r, dir+"/authorized_keys", group, file, &c); err != nil {
		return c, err
	}
	return c, l.second(r, dir, &c)
}

func (l look) directory(r host.Reader, dir, group string, c *change.Change) error {
	n, err := r.Stat(dir)
	switch {
	case err != nil:
		return err
	case n == nil:
		c.Action = change.Add
		c.Steps = append(c.Steps, host.MakeDir{Path: dir, Owner: l.user, Group: group, Access: host.AccessOf(dirMode)})
		return nil
	case n.Type != host.TypeDir:
		return fmt.Errorf("%s is a %s, not a directory: look who put it there, and move it away", dir, n.Type)
	}
	return l.own(c, dir, group, *n, dirMode)
}

// own corrects owner and mode of one of the account's own paths.
func (l look) own(c *change.Change, path, group string, n host.Node, mode host.Mode) error {
	owner := c.Differ("owner of "+path, n.Owner, l.user)
	owner = c.Differ("group of "+path, n.Group, group) || owner
	if owner {
		c.Steps = append(c.Steps, host.SetOwner{Path: path, Owner: l.user, Group: group, From: n.Owner})
	}
	want := host.AccessOf(mode)
	if !n.Access.Equal(want) {
		if !c.Differ("mode of "+path, n.Access.Mode().String(), mode.String()) {
			c.Differ("ACL of "+path, strings.Join(n.Access.Lines(), ", "), "")
		}
		c.Steps = append(c.Steps, host.SetAccess{Path: path, Access: want, Owner: l.user})
	}
	if len(c.Steps) > 0 {
		c.Action = cmp.Or(c.Action, change.Modify)
	}
	return nil
}

func (l look) file(r host.Reader, path, group string, n *host.Node, c *change.Change) error {
	var have []byte
	write := host.WriteFile{Path: path, Owner: l.user, Group: group, Access: host.AccessOf(l.mode)}
	if n != nil {
		if n.Type != host.TypeFile {
			return fmt.Errorf("%s is a %s, not a file: look who put it there, and move it away", path, n.Type)
		}
		// Padding the file must not keep a key in it: what is too large to be
		// compared differs.
		if n.Size <= policy.MaxKeyFile {
			var err error
			if have, err = r.ReadFile(path); err != nil {
				return err
			}
		} else {
			c.Irreversible = fmt.Sprintf("the present file has %d bytes, more than are kept", n.Size)
		}
	}
	doubtful := l.doubtful(have)
	if len(doubtful) > 0 {
		c.Open = l.set.Doubt.Err
	}
	want := slices.Concat(l.set.File(), doubtful)
	before := len(c.Steps)
	if n == nil {
		c.Action = change.Add
	} else if err := l.own(c, path, group, *n, l.mode); err != nil {
		return err
	}
	if n != nil && n.Owner == l.user && c.Irreversible == "" && bytes.Equal(have, want) {
		return nil
	}
	// A new file takes the place of another's, which is not given away: its
	// owner may have it open, and whose it is only he knows who put it there.
	c.Steps = c.Steps[:before]
	c.Action = cmp.Or(c.Action, change.Modify)
	kind.KeyAttrs(c, have, want, l.set)
	write.Content = host.NewContent(want)
	c.Steps = append(c.Steps, write)
	return nil
}

// doubtful are the present lines that came from a key server whose answer would
// take them all away: they stay until somebody has looked.
func (l look) doubtful(have []byte) []byte {
	if l.set.Doubt == nil {
		return nil
	}
	declared := map[string]bool{}
	for _, k := range l.set.Keys {
		declared[k.Fingerprint] = true
	}
	var out []byte
	for line := range bytes.Lines(have) {
		if k, ok := kind.PresentKey(string(line)); ok && !declared[k.Fingerprint] && l.set.Doubt.Keeps(k) {
			out = append(out, line...)
		}
	}
	return out
}

// second removes authorized_keys2, which sshd reads too: a key in it would be a
// back door.
func (l look) second(r host.Reader, dir string, c *change.Change) error {
	path := dir + "/authorized_keys2"
	n, err := r.Stat(path)
	if err != nil || n == nil {
		return err
	}
	switch {
	case n.Type == host.TypeFile && n.Size > policy.MaxKeyFile:
		c.Irreversible = fmt.Sprintf("%s has %d bytes, more than are kept", path, n.Size)
	case n.Type == host.TypeFile:
		if _, err := r.ReadFile(path); err != nil {
			return err // what cannot be kept is not removed
		}
	}
	c.Action = cmp.Or(c.Action, change.Modify)
	c.Differ(path, string(n.Type), "")
	c.Steps = append(c.Steps, host.RemovePath{Path: path})
	return nil
}
