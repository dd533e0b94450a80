package adopt

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// ownership writes whose a path is, and its mode.
func (t *taker) ownership(f fields, at string, n *host.Node) {
	owner := func(key, name string) {
		if strings.HasPrefix(name, "#") {
			t.notef("the %s of %s is the number %s, which has no name: it is left out", key, at, name[1:])
			return
		}
		f.text(key, name)
		if key == "owner" {
			t.refer(name, "")
		} else {
			t.refer("", name)
		}
	}
	owner("owner", n.Owner)
	owner("group", n.Group)
	if n.Type != host.TypeSymlink {
		f.mode(n.Access.BaseMode().String())
	}
}

// there describes what is at a path, which has to be.
func (t *taker) there(at string) (*host.Node, error) {
	n, err := t.Stat(at)
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, errors.New("nothing is there")
	}
	return n, nil
}

func (t *taker) directory(_ context.Context, at string) error {
	n, err := t.there(at)
	if err != nil {
		return err
	}
	if n.Type != host.TypeDir {
		return fmt.Errorf("it is a %s", n.Type)
	}
	f := newFields()
	t.ownership(f, at, n)
	t.add("", f.node, "directories", at)
	wanted := slices.Contains(t.Wanted, change.ID{Kind: "acl", Name: at})
	if !wanted && (len(n.Access.Named) > 0 || n.Access.Default != nil) {
		t.notef("%s has an ACL: see --only acl/%[1]s", at)
	}
	return nil
}

func (t *taker) acl(_ context.Context, at string) error {
	n, err := t.there(at)
	if err != nil {
		return err
	}
	entries := func(es []host.Entry) (out []string) {
		for _, e := range es {
			out = append(out, string(e.Tag)+":"+e.Name+":"+e.Perm.String())
			if e.Tag == host.TagUser {
				t.refer(e.Name, "")
			} else {
				t.refer("", e.Name)
			}
		}
		return out
	}
	f := newFields().list("access", entries(n.Access.Named))
	if d := n.Access.Default; d != nil {
		f.list("default", entries(d.Named))
	}
	if len(f.node.Content) == 0 {
		return errors.New("it has no entries for others than its owner, its group and everybody")
	}
	t.add("", f.flag("exact", true).node, "acls", at)
	return nil
}

// maxInline is how much content is written in a spec, in bytes.
const maxInline = 64 << 10

func (t *taker) file(_ context.Context, at string) error {
	n, err := t.there(at)
	if err != nil {
		return err
	}
	f := newFields()
	switch n.Type {
	case host.TypeSymlink:
		t.add("", f.text("link", n.Target).node, "files", at)
		return nil
	case host.TypeFile:
	default:
		return fmt.Errorf("it is a %s", n.Type)
	}
	if err := t.content(f, at, n); err != nil {
		return err
	}
	if len(f.node.Content) > 0 && !everybody(n) {
		f.flag("secret", true)
	}
	t.ownership(f, at, n)
	t.add("", f.node, "files", at)
	return nil
}

// everybody reports whether everybody may read a file.
func everybody(n *host.Node) bool { return n.Access.Other&host.Read != 0 }

// content writes a file's content into the spec or beside it. What not everybody
// may read stays on the host, unless it is asked for.
func (t *taker) content(f fields, at string, n *host.Node) error {
	if !everybody(n) && !slices.Contains(t.Open, at) {
		t.notef("the content of %s is left out, since not everybody may read it: --content %[1]s has it written", at)
		return nil
	}
	return t.text(f, at, !everybody(n))
}

func (t *taker) text(f fields, at string, secret bool) error {
	data, err := t.ReadFile(at)
	switch {
	case err != nil:
		return err
	case t.Options.Beside != "":
		f.text("source", t.beside(at, data, secret))
	case len(data) > maxInline || !printable(data):
		t.notef("the content of %s is left out, since it is no short text: --files DIR has it written beside the spec", at)
	default:
		f.set("content", content(string(data)))
	}
	return nil
}

// printable reports whether data is text that can be written in YAML.
func printable(data []byte) bool {
	return utf8.Valid(data) && !strings.ContainsFunc(string(data), func(c rune) bool {
		return unicode.IsControl(c) && c != '\n' && c != '\t'
	})
}

// sudoers takes a file whose rules sudo shows anyway, though only root may read it.
func (t *taker) sudoers(_ context.Context, name string) error {
	at := path.Join(debian.SudoersDir, name)
	return t.dropIn("sudoers", name, at, func(f fields, _ *host.Node) error { return t.text(f, at, true) })
}

// dropIn takes a file of root's in a directory of a program's configuration.
func (t *taker) dropIn(section, name, at string, text func(fields, *host.Node) error) error {
	n, err := t.there(at)
	if err == nil {
		err = noLink(n)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	f := newFields()
	if err := text(f, n); err != nil {
		return err
	}
	if len(f.node.Content) > 0 {
		t.add("from "+at, f.node, section, name)
	}
	return nil
}

// noLink refuses what is no drop-in of its own: where a link leads, anybody may write.
func noLink(n *host.Node) error {
	if n.Type == host.TypeSymlink {
		return fmt.Errorf("it is a symbolic link to %s: put the file itself there, or remove it with opsafe prune", n.Target)
	}
	return nil
}

// allSudoers takes those that sudo reads.
func (t *taker) allSudoers(ctx context.Context) error {
	names, err := t.ReadDir(debian.SudoersDir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == "README" || strings.ContainsAny(name, ".~") {
			continue
		}
		t.orLeaveOut("sudoers/"+name, t.sudoers(ctx, name))
	}
	return nil
}

func (t *taker) sshd(_ context.Context, name string) error {
	at := path.Join(debian.SSHDConfigDir, name+".conf")
	return t.dropIn("sshd", name, at, func(f fields, n *host.Node) error { return t.content(f, at, n) })
}

func (t *taker) allSshd(ctx context.Context) error {
	names, err := t.ReadDir(debian.SSHDConfigDir)
	if err != nil {
		return err
	}
	for _, file := range names {
		if name, ok := strings.CutSuffix(file, ".conf"); ok {
			t.orLeaveOut("sshd/"+name, t.sshd(ctx, name))
		}
	}
	return nil
}
