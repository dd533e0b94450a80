package kind

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

const (
	aptList     = "/etc/apt/sources.list"
	aptLists    = "/etc/apt/sources.list.d"
	aptKeyrings = "/etc/apt/keyrings"
)

// declareSources lists apt's keyrings, its own sources, and the rewriting of
// those that the host came with.
func declareSources(in *Input) []Resource {
	apt := in.Backend.Apt
	var out []Resource
	for _, name := range slices.Sorted(maps.Keys(apt.Keys)) {
		k := apt.Keys[name]
		at := keyring(name, k)
		out = append(out, Resource{
			ID: change.ID{Kind: "source", Name: "key/" + name}, Pos: k.Pos, When: k.When,
			Looker: aptFileLook{at: at, content: in.aptKeys(name)},
		})
	}
	for _, name := range slices.Sorted(maps.Keys(apt.Sources)) {
		s := apt.Sources[name]
		look := aptFileLook{at: path.Join(aptLists, name+".sources"), absent: s.State == stateAbsent, same: sameSource}
		if !look.absent {
			look.content = deb822(s, apt.Keys)
		}
		out = append(out, Resource{
			ID: change.ID{Kind: "source", Name: name}, Pos: s.Pos, When: s.When, Looker: look,
		})
	}
	if len(apt.Mirrors) > 0 {
		out = append(out, Resource{
			ID: change.ID{Kind: "source", Name: "mirrors"}, Pos: apt.At("mirrors"),
			Looker: mirrorLook{mirrors: apt.Mirrors, declared: apt.Sources},
		})
	}
	return out
}

// keyring is where a key is kept: apt tells armoured from binary ones by their
// extension.
func keyring(name string, k *spec.AptKey) string {
	ext := ".gpg"
	if path.Ext(k.Source) == ".asc" {
		ext = ".asc"
	}
	return path.Join(aptKeyrings, name+ext)
}

func (in *Input) aptKeys(name string) []byte { return in.Backend.Apt.Keys[name].Data }

// deb822 writes a source as sources.list(5) describes.
func deb822(s *spec.AptSource, keys map[string]*spec.AptKey) []byte {
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

// aptFileLook is a file of apt's configuration that is wholly opsafe's.
type aptFileLook struct {
	at      string
	content []byte
	absent  bool
	// same reports whether two contents say the same; nil: if they are equal.
	same func(have, want []byte) bool
}

func (l aptFileLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	n, err := r.Stat(l.at)
	if err != nil {
		return c, err
	}
	was, err := imageOf(r, l.at, n)
	if err != nil {
		return c, err
	}
	if l.absent {
		if n != nil {
			c.Action, c.Diff = change.Remove, diffOf(l.at, was, nil)
			c.Steps = []host.Step{host.RemovePath{Path: l.at, Was: was}}
		}
		return c, nil
	}
	// apt reads it as a user of its own: mode and owner count.
	want := ownership{owner: rootsOwn, group: rootsOwn}.fresh(host.TypeFile, 0o644)
	c.Action = change.Add
	if n != nil {
		if err := wantType(*n, host.TypeFile); err != nil {
			return change.Change{}, err
		}
		c.Action = change.Modify
		have := was.Content.Bytes()
		if bytes.Equal(have, l.content) || l.same != nil && l.same(have, l.content) {
			differNode(&c, l.at, *n, want)
			return orNothing(c), nil
		}
	}
	if err := needDir(r, &c, path.Dir(l.at)); err != nil {
		return c, err
	}
	c.Diff = diffOf(l.at, was, l.content)
	c.Steps = append(c.Steps, host.WriteFile{
		Path: l.at, Content: host.NewContent(l.content), Owner: want.Owner, Group: want.Group, Access: want.Access, Was: was,
	})
	return c, nil
}

// mirrorLook replaces prefixes of URLs in the host's own sources: not in those
// that the spec declares.
type mirrorLook struct {
	mirrors  map[string]string
	declared map[string]*spec.AptSource
}

func (l mirrorLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	files := []string{aptList}
	names, err := r.ReadDir(aptLists)
	if err != nil {
		return c, err
	}
	for _, name := range names {
		ext := path.Ext(name)
		if ext == ".sources" && l.declared[strings.TrimSuffix(name, ext)] != nil {
			continue
		}
		if ext == ".list" || ext == ".sources" {
			files = append(files, path.Join(aptLists, name))
		}
	}
	for _, at := range files {
		n, err := r.Stat(at)
		if err != nil {
			return c, err
		}
		if n == nil || n.Type != host.TypeFile {
			continue
		}
		was, err := imageOf(r, at, n)
		if err != nil {
			return c, err
		}
		have := was.Content.Bytes()
		want := l.rewrite(have)
		if bytes.Equal(have, want) {
			continue
		}
		c.Action = change.Modify
		if c.Diff == nil {
			c.Diff = diffOf(at, was, want)
		} else {
			differ(&c, at, "addresses of the archive", "addresses of the mirror")
		}
		c.Steps = append(c.Steps, host.WriteFile{
			Path: at, Content: host.NewContent(want), Owner: n.Owner, Group: n.Group, Access: n.Access, Was: was,
		})
	}
	return c, nil
}

// rewrite replaces prefixes of the URLs in a sources file, of either layout. In
// comments nothing is replaced.
func (l mirrorLook) rewrite(content []byte) []byte {
	prefixes := slices.SortedFunc(maps.Keys(l.mirrors), func(a, b string) int { return len(b) - len(a) })
	var out bytes.Buffer
	for line := range strings.Lines(string(content)) {
		// In deb822 only a whole line is a comment; in the other layout a #
		// anywhere begins one, and a URL with one would not be read either.
		line, comment := cutComment(line)
		for line != "" {
			n := strings.IndexFunc(line, func(c rune) bool { return c != ' ' && c != '\t' })
			if n < 0 {
				n = len(line)
			}
			out.WriteString(line[:n])
			line = line[n:]
			if n = strings.IndexAny(line, " \t"); n < 0 {
				n = len(line)
			}
			// A field's name may be joined to its first value.
			field, label := line[:n], ""
			if rest, ok := strings.CutPrefix(field, "URIs:"); ok {
				field, label = rest, "URIs:"
			}
			out.WriteString(label + replacePrefix(field, prefixes, l.mirrors))
			line = line[n:]
		}
		out.WriteString(comment)
	}
	return out.Bytes()
}

// cutComment cuts a line at the # that begins a comment.
func cutComment(line string) (text, comment string) {
	for i, c := range line {
		if c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i], line[i:]
		}
	}
	return line, ""
}

// replacePrefix replaces the longest prefix that fits. A URL that is at the
// mirror already stays, also where the mirror's address begins with the
// archive's.
func replacePrefix(field string, prefixes []string, mirrors map[string]string) string {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(field, p); ok {
			if strings.HasPrefix(field, mirrors[p]) {
				return field
			}
			return mirrors[p] + rest
		}
	}
	return field
}
