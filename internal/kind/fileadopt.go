package kind

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// WhatIsAt describes what is at a path, where something has to be.
func WhatIsAt(r host.Reader, at string) (*host.Node, error) {
	n, err := r.Stat(at)
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, errors.New("nothing is there")
	}
	return n, nil
}

// draftOwner writes whose a path is, and its mode.
func draftOwner(t Taker, d spec.Draft, at string, n *host.Node) {
	named := func(field, name string) string {
		if strings.HasPrefix(name, "#") {
			t.Notef("the %s of %s is the number %s, which has no name: it is left out", field, at, name[1:])
			return ""
		}
		d.Text(field, name)
		return name
	}
	t.Refer(named("owner", n.Owner), named("group", n.Group))
	if n.Type != host.TypeSymlink {
		d.Quoted("mode", n.Access.BaseMode().String())
	}
}

func adoptDirectory(_ context.Context, t Taker, at string) error {
	if at == "" {
		return tooMany("directory")
	}
	n, err := WhatIsAt(t, at)
	if err != nil {
		return err
	}
	if n.Type != host.TypeDir {
		return fmt.Errorf("it is a %s", n.Type)
	}
	d := spec.NewDraft()
	draftOwner(t, d, at, n)
	if err := t.Take("", d, "directories", at); err != nil {
		return err
	}
	if !t.Wants(change.ID{Kind: "acl", Name: at}) && (len(n.Access.Named) > 0 || n.Access.Default != nil) {
		t.Notef("%s has an ACL: see --only acl/%[1]s", at)
	}
	return nil
}

func adoptACL(_ context.Context, t Taker, at string) error {
	if at == "" {
		return tooMany("acl")
	}
	n, err := WhatIsAt(t, at)
	if err != nil {
		return err
	}
	entries := func(es []host.Entry) (out []string) {
		for _, e := range es {
			out = append(out, string(e.Tag)+":"+e.Name+":"+e.Perm.String())
			if e.Tag == host.TagUser {
				t.Refer(e.Name, "")
			} else {
				t.Refer("", e.Name)
			}
		}
		return out
	}
	d := spec.NewDraft().List("access", entries(n.Access.Named))
	if def := n.Access.Default; def != nil {
		d.List("default", entries(def.Named))
	}
	if d.Empty() {
		return errors.New("it has no entries for others than its owner, its group and everybody")
	}
	return t.Take("", d.Flag("exact", true), "acls", at)
}

func adoptFile(_ context.Context, t Taker, at string) error {
	if at == "" {
		return tooMany("file")
	}
	n, err := WhatIsAt(t, at)
	if err != nil {
		return err
	}
	d := spec.NewDraft()
	switch n.Type {
	case host.TypeSymlink:
		if !host.Everybody(t, at, *n) && !t.Opens(at) {
			return fmt.Errorf("not everybody may see where it leads: --content %s has it written", at)
		}
		return t.Take("", d.Text("link", n.Target), "files", at)
	case host.TypeFile:
	default:
		return fmt.Errorf("it is a %s", n.Type)
	}
	if err := DraftContent(t, d, at, n); err != nil {
		return err
	}
	if !d.Empty() && !host.Everybody(t, at, *n) {
		d.Flag("secret", true)
	}
	draftOwner(t, d, at, n)
	return t.Take("", d, "files", at)
}

// DraftContent writes a file's content into the spec or beside it. What not everybody
// may read stays on the host, unless it is asked for.
func DraftContent(t Taker, d spec.Draft, at string, n *host.Node) error {
	if !host.Everybody(t, at, *n) && !t.Opens(at) {
		t.Notef("the content of %s is left out, since not everybody may read it: --content %[1]s has it written", at)
		return nil
	}
	return draftText(t, d, at, !host.Everybody(t, at, *n))
}

// maxInline is how much content is written in a spec, in bytes.
const maxInline = 64 << 10

func draftText(t Taker, d spec.Draft, at string, secret bool) error {
	data, err := t.ReadFile(at)
	if err != nil {
		return err
	}
	switch source := t.Beside(at, data, secret); {
	case source != "":
		d.Text("source", source)
	case len(data) > maxInline || !printable(data):
		t.Notef("the content of %s is left out, since it is no short text: --files DIR has it written beside the spec", at)
	default:
		d.Block("content", string(data))
	}
	return nil
}

// printable reports whether data is text that can be written in YAML.
func printable(data []byte) bool {
	return utf8.Valid(data) && !strings.ContainsFunc(string(data), func(c rune) bool {
		return unicode.IsControl(c) && c != '\n' && c != '\t'
	})
}
