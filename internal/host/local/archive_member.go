package local

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"opsafe/internal/host"
)

// members decides which members of an archive are taken, and refuses what would leave
// the tree.
type members struct {
	strip int
	only  []string
	met   map[string]bool          // of only: there is such a member
	taken map[string]host.NodeType // with the directories that names imply
}

func newMembers(a host.Archive) *members {
	return &members{strip: a.Strip, only: a.Only, met: map[string]bool{}, taken: map[string]host.NodeType{}}
}

// take is the member under its name in the tree, with the directories that it implies
// and that no member has brought. False: it is left out.
func (t *members) take(m member) (member, []string, bool, error) {
	name, ok, err := t.name(m.raw)
	if err != nil || !ok {
		return m, nil, false, err
	}
	m.name = name
	implied, err := t.parents(m)
	if err != nil {
		return m, nil, false, err
	}
	was, there := t.taken[name]
	switch {
	case there && was == host.TypeDir && m.kind == host.TypeDir:
		return m, implied, false, nil
	case there:
		return m, nil, false, refuseMember(m.raw, "is in it twice")
	}
	if m.kind == host.TypeSymlink {
		err = staysInside(m)
	}
	if m.copyOf != "" {
		m.copyOf, err = t.linked(m)
	}
	t.taken[name] = m.kind
	return m, implied, err == nil, err
}

// name is a member's name in the tree; false: it is left out.
func (t *members) name(raw string) (string, bool, error) {
	switch {
	case path.IsAbs(raw):
		return "", false, refuseMember(raw, "has an absolute name")
	case !utf8.ValidString(raw) || strings.ContainsFunc(raw, unicode.IsControl):
		return "", false, refuseMember(raw, "has a name with control characters, or one that is not UTF-8")
	case slices.Contains(strings.Split(raw, "/"), ".."):
		return "", false, refuseMember(raw, `has ".." in its name`)
	}
	parts := strings.Split(path.Clean(raw), "/")
	if parts[0] == "." || len(parts) <= t.strip {
		return "", false, nil
	}
	name := path.Join(parts[t.strip:]...)
	if t.only == nil {
		return name, true, nil
	}
	for _, o := range t.only {
		if name == o || strings.HasPrefix(name, o+"/") {
			t.met[o] = true
			return name, true, nil
		}
	}
	return "", false, nil
}

// parents notes the directories that a name implies, and gives those that are new,
// the outermost first.
func (t *members) parents(m member) ([]string, error) {
	var implied []string
	for dir := path.Dir(m.name); dir != "."; dir = path.Dir(dir) {
		is, there := t.taken[dir]
		if there && is != host.TypeDir {
			return nil, refuseMember(m.raw, "lies below "+dir+", which is no directory")
		}
		if !there {
			t.taken[dir] = host.TypeDir
			implied = append(implied, dir)
		}
	}
	slices.Reverse(implied)
	return implied, nil
}

// staysInside refuses a link that leads out of the tree. In its target ".." may only
// come first: there it leads up through directories; after the name of another link it
// leads up from wherever that one ends.
func staysInside(m member) error {
	if m.target == "" || len(m.target) >= maxTarget || path.IsAbs(m.target) || strings.ContainsFunc(m.target, unicode.IsControl) || !utf8.ValidString(m.target) {
		return refuseMember(m.raw, fmt.Sprintf("is a link to %q, which leads out of it", m.target))
	}
	depth, named := strings.Count(m.name, "/"), false
	for _, part := range strings.Split(m.target, "/") {
		switch {
		case part == "" || part == ".":
		case part != "..":
			named = true
		case named || depth == 0:
			return refuseMember(m.raw, fmt.Sprintf("is a link to %q, which leads out of it", m.target))
		default:
			depth--
		}
	}
	return nil
}

// linked is the file that a hard link is another name of: one that has been taken.
func (t *members) linked(m member) (string, error) {
	name, ok, err := t.name(m.copyOf)
	if err != nil || !ok || t.taken[name] != host.TypeFile {
		return "", refuseMember(m.raw, fmt.Sprintf("is a hard link to %q, which is no file that is unpacked before it", m.copyOf))
	}
	return name, nil
}

// complete is an error if nothing was taken, or nothing of what was asked for.
func (t *members) complete() error {
	for _, o := range t.only {
		if !t.met[o] {
			return fmt.Errorf("it has no member %s%s", o, t.stripped())
		}
	}
	if len(t.taken) == 0 {
		return errors.New("it has no members" + t.stripped())
	}
	return nil
}

func (t *members) stripped() string {
	if t.strip == 0 {
		return ""
	}
	return fmt.Sprintf(" once %d directories are stripped", t.strip)
}
