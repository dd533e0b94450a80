package kind

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/policy"
)

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
			c.Differ(dir, host.Present(r, dir, link), "")
			c.Steps = append(c.Steps, host.RemovePath{Path: dir})
		}
	}
	places, err := policy.OwnKeyPlaces(r, l.name)
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
		if k, ok := PresentKey(line); ok {
			c.Attrs = append(c.Attrs, change.Attr{Name: "key", Before: change.Text(keyText(k))})
			keys++
		}
	}
	if keys == 0 {
		c.Differ(at, string(n.Type), "")
	}
	if lost != "" {
		lose(c, lost)
	}
	c.Steps = append(c.Steps, host.RemovePath{Path: at})
}

// wipeKeys adds to a change that keys go from a file, with their lines; what else
// is in it stays.
func wipeKeys(r host.Reader, c *change.Change, at string, goes func(fingerprint string) bool) error {
	lines, n, err := policy.KeyLines(r, at)
	if err != nil || n == nil {
		return err
	}
	var left strings.Builder
	gone := 0
	for _, l := range lines {
		if l.Fingerprint == "" || !goes(l.Fingerprint) {
			left.WriteString(l.Text)
			continue
		}
		gone++
		text := l.Fingerprint
		if k, ok := PresentKey(l.Text); ok {
			text = keyText(k)
		}
		c.Attrs = append(c.Attrs, change.Attr{Name: "key", Before: change.Text(text)})
	}
	if gone == 0 {
		return nil
	}
	c.Action = cmp.Or(c.Action, change.Modify)
	c.Steps = append(c.Steps, host.WriteFile{
		Path: at, Content: host.NewContent([]byte(left.String())), Owner: n.Owner, Group: n.Group, Access: n.Access,
	})
	return nil
}
