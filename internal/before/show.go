package before

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// nodeAttrs adds the attributes in which two nodes differ; nil for none.
func nodeAttrs(c *change.Change, have, want *host.Node) {
	var a, b nodeText
	a.read(have)
	b.read(want)
	if have != nil && want != nil {
		differ(c, "type", string(have.Type), string(want.Type))
	}
	differ(c, "owner", a.owner, b.owner)
	differ(c, "group", a.group, b.group)
	differ(c, "mode", a.mode, b.mode)
	for _, line := range a.lines {
		if !slices.Contains(b.lines, line) {
			differ(c, "ACL", line, "")
		}
	}
	for _, line := range b.lines {
		if !slices.Contains(a.lines, line) {
			differ(c, "ACL", "", line)
		}
	}
}

type nodeText struct {
	owner, group, mode string
	lines              []string
}

func (t *nodeText) read(n *host.Node) {
	if n == nil {
		return
	}
	t.owner, t.group = n.Owner, n.Group
	if n.Type != host.TypeSymlink {
		t.mode, t.lines = n.Access.BaseMode().String(), n.Access.Lines()
	}
}

// show adds the change of the content to c; nil for no file. Secret content shows
// a digest, and so do secret values.
func (p *Path) show(c *change.Change, before, after *host.Content) {
	var data [2]host.Content
	secret := false
	for i, content := range []*host.Content{before, after} {
		if content != nil {
			data[i], secret = *content, secret || content.Secret()
		}
	}
	d := &change.Diff{Path: p.Path, Before: string(data[0].Bytes()), After: string(data[1].Bytes())}
	if secret {
		d.Hidden, d.Before, d.After = "secret", p.digest(before), p.digest(after)
		c.Attrs = append(c.Attrs, change.Attr{Name: "content", Before: p.secretValue(before), After: p.secretValue(after)})
	} else if binary(data[0].Bytes()) || binary(data[1].Bytes()) {
		d.Hidden, d.Before, d.After = "binary", digest(data[0]), digest(data[1])
	} else {
		names := p.hidden()
		d.Before, d.After = host.HideEnv(p.Path, d.Before, names), host.HideEnv(p.Path, d.After, names)
	}
	c.Diff = d
}

// secretValue stands for secret content without telling what a guess at it could be
// held to.
func (p *Path) secretValue(c *host.Content) change.Value {
	if c == nil {
		return change.Value{}
	}
	return change.Value{Kind: change.Secret, Text: host.SecretDigest(p.Path, c.Bytes())[:short]}
}

// short is how much of a digest is shown.
const short = 12

// target is where a link leads, or what stands for that; absent where n is none.
func (p *Path) target(r host.Reader, n *host.Node) change.Value {
	if n == nil || n.Type != host.TypeSymlink {
		return change.Value{}
	}
	if digest := host.PrivateTarget(r, p.Path, *n); digest != "" {
		return change.Value{Kind: change.Secret, Text: digest[:short]}
	}
	return change.Text(n.Target)
}

func (p *Path) digest(c *host.Content) string {
	if c == nil || len(c.Bytes()) == 0 {
		return ""
	}
	return host.SecretDigest(p.Path, c.Bytes())
}

func digest(c host.Content) string {
	if len(c.Bytes()) == 0 {
		return ""
	}
	return c.Digest()
}

// binary reports whether content is not fit to be shown as text.
func binary(data []byte) bool { return bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data) }

// named is a node with the names that its owner and group have now: a number had
// none while the account it belongs to was being changed.
func named(r host.Reader, n host.Node) (*host.Node, error) {
	if id, ok := number(n.Owner); ok {
		u, err := r.UserByID(id)
		if err != nil {
			return nil, err
		}
		if u != nil {
			n.Owner = u.Name
		}
	}
	if id, ok := number(n.Group); ok {
		g, err := r.GroupByID(id)
		if err != nil {
			return nil, err
		}
		if g != nil {
			n.Group = g.Name
		}
	}
	return &n, nil
}

// number is the N of #N.
func number(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "#")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil
}
