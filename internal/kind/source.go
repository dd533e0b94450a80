package kind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

const (
	aptList     = debian.AptSources
	aptLists    = debian.AptSourcesDir
	aptKeyrings = "/etc/apt/keyrings"
)

// Sources is the kind source.
func Sources() Kind {
	return Kind{
		Part: spec.Part{
			Name: "source", Plural: "sources", Is: "where packages come from", Sections: []string{"apt"},
			Own: []spec.Section{aptSection()}, Texts: readAptKeys, Owns: ownApt,
		},
		Stage: StagePackages, Declare: declareSources, Adopt: adoptSources, TakenOver: true,
		Covers: Covering(aptList, aptLists),
	}
}

// declareSources lists apt's keyrings, its own sources, and the rewriting of
// those that the host came with.
func declareSources(in *Input) []Resource {
	apt := aptOf(in.Backend)
	var out []Resource
	for _, name := range slices.Sorted(maps.Keys(apt.Keys)) {
		k := apt.Keys[name]
		at := keyring(name, k)
		out = append(out, Resource{
			ID: change.ID{Kind: "source", Name: "key/" + name}, Pos: k.Pos, When: k.When,
			Looker: aptFileLook{at: at, content: in.aptKeys(name)},
		})
	}
	declared := declaredSources(apt)
	for _, name := range slices.Sorted(maps.Keys(apt.Sources)) {
		s := apt.Sources[name]
		look := aptFileLook{at: sourcePath(name), absent: s.State == Absent, same: sameSource, declared: apt.Sources}
		if !look.absent {
			look.content = deb822(s, apt.Keys)
			look.check = sourceCheck(look.at, withoutFile(declared, look.at))
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

func sourcePath(name string) string { return path.Join(aptLists, name+".sources") }

// declaredSources are the sources that are declared without conditions, by path, as
// they are to become; nil: gone.
func declaredSources(apt *Apt) map[string]*host.Content {
	out := map[string]*host.Content{}
	for name, s := range apt.Sources {
		switch {
		case len(s.When) > 0:
		case s.State == Absent:
			out[sourcePath(name)] = nil
		default:
			c := host.NewContent(deb822(s, apt.Keys))
			out[sourcePath(name)] = &c
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
func keyring(name string, k *AptKey) string {
	ext := ".gpg"
	if path.Ext(k.Source) == ".asc" {
		ext = ".asc"
	}
	return path.Join(aptKeyrings, name+ext)
}

func (in *Input) aptKeys(name string) []byte { return aptOf(in.Backend).Keys[name].Data }

// deb822 writes a source as sources.list(5) describes.
func deb822(s *AptSource, keys map[string]*AptKey) []byte {
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
	// check is apt's, of all sources together; nil: for a key.
	check *host.Check
	// same reports whether two contents say the same; nil: if they are equal.
	same func(have, want []byte) bool
	// declared are all sources of the spec, whose files say in a moment what it says.
	declared map[string]*AptSource
}

func (l aptFileLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	c, err := l.look(r)
	if err == nil && l.check != nil {
		c.Notes = append(c.Notes, l.twice(r)...)
	}
	if err == nil && l.check != nil && c.Empty() {
		return c, l.accepted(ctx, r)
	}
	if err == nil && l.check != nil {
		prove(ctx, r, &c, sourceProbe())
	}
	return c, err
}

// accepted is an error if apt refuses the sources that are in place, although this
// one is as declared. Apt is asked if another file names the same archive: to ask it
// takes longer than all else.
func (l aptFileLook) accepted(ctx context.Context, r host.Reader) error {
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
		end, err := LinkEnd(r, at)
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
		err = r.Check(ctx, host.Check{Argv: sourceProbe()}, host.NewContent(nil))
		if errors.As(err, new(*host.CheckError)) {
			return fmt.Errorf("it is as declared, but not with %s beside it, which names the same archive: %w", at, err)
		}
		return nil
	}
	return nil
}

func (l aptFileLook) look(r host.Reader) (change.Change, error) {
	var c change.Change
	n, err := r.Stat(l.at)
	if err != nil {
		return c, err
	}
	was, err := ImageOf(r, l.at, n)
	if err != nil {
		return c, err
	}
	if l.absent {
		if n != nil {
			c.Action = change.Remove
			ShowContent(&c, l.at, was, nil)
			c.Steps = []host.Step{host.RemovePath{Path: l.at}}
		}
		return c, nil
	}
	// apt reads it as a user of its own: mode and owner count.
	want := ownership{owner: Root, group: Root}.fresh(host.TypeFile, 0o644)
	c.Action = change.Add
	if n != nil {
		if err := WantType(r, l.at, *n, host.TypeFile); err != nil {
			return change.Change{}, err
		}
		c.Action = change.Modify
		if kept := was.Content.Kept(); kept != nil && l.same != nil && !Holds(was, l.content) {
			return change.Change{}, kept
		}
		if Holds(was, l.content) || l.same != nil && l.same(was.Content.Bytes(), l.content) {
			DifferNode(&c, l.at, *n, want)
			return OrNothing(c), nil
		}
	}
	if err := NeedDir(r, &c, path.Dir(l.at)); err != nil {
		return c, err
	}
	ShowContent(&c, l.at, was, l.content)
	c.Steps = append(c.Steps, host.WriteFile{
		Path: l.at, Content: host.NewContent(l.content), Owner: want.Owner, Group: want.Group, Access: want.Access, Check: l.check,
	})
	return c, nil
}

// mirrorLook replaces prefixes of URLs in the host's own sources: not in those
// that the spec declares.
type mirrorLook struct {
	mirrors  map[string]string
	declared map[string]*AptSource
}

func (l mirrorLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	files, err := l.files(r)
	if err != nil {
		return c, err
	}
	written := map[string]*host.Content{}
	for _, at := range files {
		if err := l.file(r, &c, at, written); err != nil {
			return change.Change{}, err
		}
	}
	for i, s := range c.Steps {
		if w, ok := s.(host.WriteFile); ok {
			w.Check = sourceCheck(w.Path, withoutFile(written, w.Path))
			c.Steps[i] = w
		}
	}
	if len(c.Steps) > 0 {
		prove(ctx, r, &c, sourceProbe())
	}
	return c, nil
}

// files are those that apt reads its sources from, but for the declared ones.
func (l mirrorLook) files(r host.Reader) ([]string, error) {
	names, err := r.ReadDir(aptLists)
	if err != nil {
		return nil, err
	}
	files := []string{aptList}
	for _, name := range names {
		ext := path.Ext(name)
		if ext == ".sources" && l.declared[strings.TrimSuffix(name, ext)] != nil {
			continue
		}
		if ext == ".list" || ext == ".sources" {
			files = append(files, path.Join(aptLists, name))
		}
	}
	return files, nil
}

// file adds what is to be changed in one file.
func (l mirrorLook) file(r host.Reader, c *change.Change, at string, written map[string]*host.Content) error {
	n, err := r.Stat(at)
	switch {
	case err != nil:
		return err
	case n == nil:
		return nil
	case n.Type == host.TypeSymlink:
		return l.link(r, at)
	case n.Type != host.TypeFile:
		return nil // apt passes it over, too
	}
	was, err := ImageOf(r, at, n)
	if err != nil {
		return err
	}
	if kept := was.Content.Kept(); kept != nil {
		return kept
	}
	have := was.Content.Bytes()
	want := l.rewrite(at, have)
	if bytes.Equal(have, want) {
		return nil
	}
	c.Action = change.Modify
	if c.Diff == nil {
		ShowContent(c, at, was, want)
	} else {
		c.Differ(at, "addresses of the archive", "addresses of the mirror")
	}
	content := host.NewContent(want)
	written[at] = &content
	c.Steps = append(c.Steps, host.WriteFile{
		Path: at, Content: content, Owner: n.Owner, Group: n.Group, Access: n.Access,
	})
	return nil
}

// link refuses a symbolic link to sources that would have to be changed: apt follows
// it, opsafe does not.
func (l mirrorLook) link(r host.Reader, at string) error {
	n, err := Followed(r, at)
	if err != nil || n == nil || n.Type != host.TypeFile {
		return err
	}
	to, err := LinkEnd(r, at)
	if err != nil {
		return err
	}
	data, err := r.ReadFile(to)
	if err != nil || bytes.Equal(data, l.rewrite(at, data)) {
		return err
	}
	return fmt.Errorf("%s is a symbolic link to %s, which apt reads and opsafe does not follow, and addresses in it are to be replaced: put a regular file in its place", at, to)
}

// rewrite replaces prefixes of the URLs in a sources file, and nothing else: not in
// comments, nor in fields and options that are no URLs.
func (l mirrorLook) rewrite(at string, content []byte) []byte {
	prefixes := slices.SortedFunc(maps.Keys(l.mirrors), func(a, b string) int { return len(b) - len(a) })
	replace := func(word string) string { return replacePrefix(word, prefixes, l.mirrors) }
	var out bytes.Buffer
	inURIs := false
	for line := range strings.Lines(string(content)) {
		if path.Ext(at) != ".sources" {
			out.WriteString(rewriteLine(line, replace))
			continue
		}
		label, values := "", line
		switch name, _, field := strings.Cut(line, ":"); {
		case strings.HasPrefix(line, "#"):
			out.WriteString(line)
			continue
		case strings.TrimSpace(line) == "":
			inURIs = false
		case strings.TrimLeft(line, " \t") != line: // goes on
		case field:
			inURIs = strings.EqualFold(strings.TrimSpace(name), "uris")
			label, values = line[:len(name)+1], line[len(name)+1:]
		}
		if inURIs {
			values = eachWord(values, replace)
		}
		out.WriteString(label + values)
	}
	return out.Bytes()
}

// sourceLine is a line of sources.list(5), up to its URL, and the rest.
var sourceLine = words.Pattern(`^(\s*deb(?:-src)?\s+(?:\[[^\]]*\]\s*)?)([^\s#]+)((?s:.*))$`)

// rewriteLine replaces the URL of a line in the one-line layout.
func rewriteLine(line string, replace func(string) string) string {
	m := sourceLine().FindStringSubmatch(line)
	if m == nil {
		return line
	}
	return m[1] + replace(m[2]) + m[3]
}

// eachWord replaces the words of a text, and keeps what is between them.
func eachWord(text string, replace func(string) string) string {
	var out strings.Builder
	for text != "" {
		n := strings.IndexFunc(text, func(c rune) bool { return !unicode.IsSpace(c) })
		if n < 0 {
			n = len(text)
		}
		out.WriteString(text[:n])
		text = text[n:]
		if n = strings.IndexFunc(text, unicode.IsSpace); n < 0 {
			n = len(text)
		}
		if n > 0 {
			out.WriteString(replace(text[:n]))
		}
		text = text[n:]
	}
	return out.String()
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
