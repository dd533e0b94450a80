package kind

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// ownKeyPlaces are the files that sshd reads for one account, and not for all.
func ownKeyPlaces(r host.Reader, name string) ([]string, error) {
	all, err := KeyPlaces(r)
	var out []string
	for _, p := range all {
		if p.of(name) {
			out = append(out, p.Path)
		}
	}
	return out, err
}

// PresentKeys are the fingerprints of the keys in somebody's own files. With an
// error, they are those that can be read.
func PresentKeys(r host.Reader, name string) ([]string, error) {
	places, err := KeyPlaces(r)
	keys, unread := OwnKeys(r, places, name)
	return keys, errors.Join(err, unread)
}

// OwnKeys is PresentKeys where the places are known.
func OwnKeys(r host.Reader, places []KeyPlace, name string) ([]string, error) {
	var unread []error
	var out []string
	for _, p := range places {
		if !p.of(name) {
			continue
		}
		lines, _, err := keyLines(r, p.Path)
		unread = append(unread, err)
		for _, l := range lines {
			if l.fingerprint != "" && !slices.Contains(out, l.fingerprint) {
				out = append(out, l.fingerprint)
			}
		}
	}
	return out, errors.Join(unread...)
}

// KeysIn are the fingerprints of the keys in a file.
func KeysIn(r host.Reader, at string) ([]string, error) {
	lines, _, err := keyLines(r, at)
	var out []string
	for _, l := range lines {
		if l.fingerprint != "" {
			out = append(out, l.fingerprint)
		}
	}
	return out, err
}

// know adds the keys that are in the person's own files. That they cannot be read,
// be it their own doing, stops nothing.
func (o *Offboarding) know(r host.Reader) {
	present, _ := PresentKeys(r, o.Name)
	o.Keys = slices.Concat(o.Keys, present)
	slices.Sort(o.Keys)
	o.Keys = slices.Compact(o.Keys)
}

// otherKeys are the files of other accounts that hold a key of the person's.
func (o Offboarding) otherKeys(r host.Reader) []Resource {
	places, _ := KeyPlaces(r) // what cannot be read is said in the end
	var out []Resource
	for _, p := range places {
		if p.of(o.Name) || slices.ContainsFunc(p.Accounts, o.listed) {
			continue
		}
		lines, _, err := keyLines(r, p.Path)
		if err == nil && slices.ContainsFunc(lines, func(l keyLine) bool { return o.theirs(l.fingerprint) }) {
			out = append(out, Resource{ID: change.ID{Kind: "key", Name: p.Path}, Looker: wipeLook{path: p.Path, goes: o.theirs}})
		}
	}
	return out
}

// wipeLook takes keys out of one file.
type wipeLook struct {
	path string
	goes func(fingerprint string) bool
}

func (l wipeLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	err := wipeKeys(r, &c, l.path, l.goes)
	return c, err
}

// noKeysLook removes the account's own files of keys, whatever is in them.
type noKeysLook struct{ name string }

func (l noKeysLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	u, err := r.User(l.name)
	if err != nil || u == nil {
		return c, err
	}
	dir := u.Home + "/.ssh"
	var problems []error
	if path.IsAbs(dir) {
		link, err := r.Stat(dir)
		problems = append(problems, err)
		if link != nil && link.Type == host.TypeSymlink {
			// opsafe does not follow it, sshd would.
			differ(&c, dir, "a link to "+link.Target, "")
			c.Steps = append(c.Steps, host.RemovePath{Path: dir})
		}
	}
	places, err := ownKeyPlaces(r, l.name)
	problems = append(problems, err)
	for _, at := range places {
		if len(c.Steps) > 0 && path.Dir(at) == dir && stepOn(c.Steps, dir) {
			continue
		}
		n, err := r.Stat(at)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		// Sshd reads no keys from a directory, which may be full.
		if n != nil && n.Type != host.TypeDir {
			removeKeys(r, &c, at, n)
		}
	}
	if len(c.Steps) == 0 {
		return c, errors.Join(problems...)
	}
	c.Action = change.Remove
	return c, nil
}

// stepOn reports whether a path is removed.
func stepOn(steps []host.Step, at string) bool {
	return slices.ContainsFunc(steps, func(s host.Step) bool { p, ok := s.(host.RemovePath); return ok && p.Path == at })
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
	c.Steps = append(c.Steps, host.RemovePath{Path: at})
}
