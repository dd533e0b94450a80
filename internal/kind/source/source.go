// Package source is the kind of where packages come from: apt's sources, their keys and mirrors.
package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

const (
	list     = debian.AptSources
	lists    = debian.AptSourcesDir
	keyrings = "/etc/apt/keyrings"
)

// Kind is the kind source.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "source", Plural: "sources", Is: "where packages come from", Sections: []string{"apt"},
			Own: []spec.Section{section()}, Texts: readKeys, Owns: owns,
		},
		Stage: kind.StagePackages, Declare: declare, Adopt: adopt, TakenOver: true,
		Covers: kind.Covering(list, lists),
	}
}

// declare lists apt's keyrings, its own sources, and the rewriting of
// those that the host came with.
func declare(in *kind.Input) []kind.Resource {
	apt := of(in.Backend)
	var out []kind.Resource
	for _, name := range slices.Sorted(maps.Keys(apt.Keys)) {
		k := apt.Keys[name]
		at := keyring(name, k)
		out = append(out, kind.Resource{
			ID: change.ID{Kind: "source", Name: "key/" + name}, Pos: k.Pos, When: k.When,
			Looker: fileLook{at: at, content: k.Data},
		})
	}
	declared := declaredSources(apt)
	for _, name := range slices.Sorted(maps.Keys(apt.Sources)) {
		s := apt.Sources[name]
		look := fileLook{at: pathOf(name), absent: s.State == kind.Absent, same: sameSource, declared: apt.Sources}
		if !look.absent {
			look.content = deb822(s, apt.Keys)
			look.check = kind.SourceCheck(look.at, withoutFile(declared, look.at))
		}
		out = append(out, kind.Resource{
			ID: change.ID{Kind: "source", Name: name}, Pos: s.Pos, When: s.When, Looker: look,
		})
	}
	if len(apt.Mirrors) > 0 {
		out = append(out, kind.Resource{
			ID: change.ID{Kind: "source", Name: "mirrors"}, Pos: apt.At("mirrors"),
			Looker: mirrorLook{mirrors: apt.Mirrors, declared: apt.Sources},
		})
	}
	return out
}

func pathOf(name string) string { return path.Join(lists, name+".sources") }

// declaredSources are the sources that are declared without conditions, by path, as
// they are to become; nil: gone.
func declaredSources(apt *Apt) map[string]*host.Content {
	out := map[string]*host.Content{}
	for name, s := range apt.Sources {
		switch {
		case len(s.When) > 0:
		case s.State == kind.Absent:
			out[pathOf(name)] = nil
		default:
			c := host.NewContent(deb822(s, apt.Keys))
			out[pathOf(name)] = &c
		}
	}
	return out
}

func withoutFile(m map[string]*host.Content, at string) map[string]*host.Content {
	m = maps.Clone(m)
	delete(m, at)
	return m
}

// keyring is where a key is kept: apt tells armoured from binary ones by their
// extension.
func keyring(name string, k *Key) string {
	ext := ".gpg"
	if path.Ext(k.Source) == ".asc" {
		ext = ".asc"
	}
	return path.Join(keyrings, name+ext)
}

// deb822 writes a source as sources.list(5) describes.
func deb822(s *Source, keys map[string]*Key) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "# Managed by opsafe: changes made here are undone.")
	fmt.Fprintln(&b, "Types: deb")
	fmt.Fprintln(&b, "URIs: "+strings.Join(s.URIs, " "))
	fmt.Fprintln(&b, "Suites: "+strings.Join(s.Suites, " "))
	if len(s.Components) > 0 {
		fmt.Fprintln(&b, "Components: "+strings.Join(s.Components, " "))
	}
	if k := keys[s.SignedBy]; k != nil {
		fmt.Fprintln(&b, "Signed-By: "+keyring(s.SignedBy, k))
	}
	return b.Bytes()
}

// fileLook is a file of apt's configuration that is wholly opsafe's.
type fileLook struct {
	at      string
	content []byte
	absent  bool
	// check is apt's, of all sources together; nil: for a key.
	check *host.Check
	// same reports whether two contents say the same; nil: if they are equal.
	same func(have, want []byte) bool
	// declared are all sources of the spec, whose files say in a moment what it says.
	declared map[string]*Source
}

func (l fileLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	c, err := l.look(r)
	if err == nil && l.check != nil {
		c.Notes = append(c.Notes, l.twice(r)...)
	}
	if err == nil && l.check != nil && c.Empty() {
		return c, l.accepted(ctx, r)
	}
	if err == nil && l.check != nil {
		kind.Prove(ctx, r, &c, kind.SourceProbe())
	}
	return c, err
}

// accepted is an error if apt refuses the sources that are in place, although this
// one is as declared. Apt is asked if another file names the same archive: to ask it
// takes longer than all else.
func (l fileLook) accepted(ctx context.Context, r host.Reader) error {
	mine, _ := readSource(l.content)
	files, err := (mirrorLook{}).files(r)
	if err != nil {
		return err
	}
	for _, at := range files {
		n, err := r.Stat(at)
		if err != nil || n == nil || at == l.at {
			continue
		}
		end, err := kind.LinkEnd(r, at)
		if err != nil {
			continue
		}
		data, err := r.ReadFile(end)
		if err != nil {
			continue // what cannot be read here, apt says
		}
		if !slices.ContainsFunc(mine.uris, func(uri string) bool { return bytes.Contains(data, []byte(strings.TrimRight(uri, "/"))) }) {
			continue
		}
		err = r.Check(ctx, host.Check{Argv: kind.SourceProbe()}, host.NewContent(nil))
		if errors.As(err, new(*host.CheckError)) {
			return fmt.Errorf("it is as declared, but not with %s beside it, which names the same archive: %w", at, err)
		}
		return nil
	}
	return nil
}

func (l fileLook) look(r host.Reader) (change.Change, error) {
	var c change.Change
	n, err := r.Stat(l.at)
	if err != nil {
		return c, err
	}
	was, err := kind.ImageOf(r, l.at, n)
	if err != nil {
		return c, err
	}
	if l.absent {
		if n != nil {
			c.Action = change.Remove
			kind.ShowContent(&c, l.at, was, nil)
			c.Steps = []host.Step{host.RemovePath{Path: l.at}}
		}
		return c, nil
	}
	// apt reads it as a user of its own: mode and owner count.
	want := kind.OwnNode()
	c.Action = change.Add
	if n != nil {
		if err := kind.WantType(r, l.at, *n, host.TypeFile); err != nil {
			return change.Change{}, err
		}
		c.Action = change.Modify
		if kept := was.Content.Kept(); kept != nil && l.same != nil && !kind.Holds(was, l.content) {
			return change.Change{}, kept
		}
		if kind.Holds(was, l.content) || l.same != nil && l.same(was.Content.Bytes(), l.content) {
			kind.DifferNode(&c, l.at, *n, want)
			return kind.OrNothing(c), nil
		}
	}
	if err := kind.NeedDir(r, &c, path.Dir(l.at)); err != nil {
		return c, err
	}
	kind.ShowContent(&c, l.at, was, l.content)
	c.Steps = append(c.Steps, host.WriteFile{
		Path: l.at, Content: host.NewContent(l.content), Owner: want.Owner, Group: want.Group, Access: want.Access, Check: l.check,
	})
	return c, nil
}
