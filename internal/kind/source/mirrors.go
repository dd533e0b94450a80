package source

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// mirrorLook replaces prefixes of URLs in the host's own sources: not in those
// that the spec declares.
type mirrorLook struct {
	mirrors  map[string]string
	declared map[string]*Source
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
			w.Check = kind.SourceCheck(w.Path, withoutFile(written, w.Path))
			c.Steps[i] = w
		}
	}
	if len(c.Steps) > 0 {
		kind.Prove(ctx, r, &c, kind.SourceProbe())
	}
	return c, nil
}

// files are those that apt reads its sources from, but for the declared ones.
func (l mirrorLook) files(r host.Reader) ([]string, error) {
	names, err := r.ReadDir(lists)
	if err != nil {
		return nil, err
	}
	files := []string{list}
	for _, name := range names {
		ext := path.Ext(name)
		if ext == ".sources" && l.declared[strings.TrimSuffix(name, ext)] != nil {
			continue
		}
		if ext == ".list" || ext == ".sources" {
			files = append(files, path.Join(lists, name))
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
	was, err := kind.ImageOf(r, at, n)
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
		kind.ShowContent(c, at, was, want)
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
	n, err := kind.Followed(r, at)
	if err != nil || n == nil || n.Type != host.TypeFile {
		return err
	}
	to, err := kind.LinkEnd(r, at)
	if err != nil {
		return err
	}
	data, err := r.ReadFile(to)
	if err != nil || bytes.Equal(data, l.rewrite(at, data)) {
		return err
	}
	return fmt.Errorf("%s is a symbolic link to %s, which apt reads and opsafe does not follow, and addresses in it are to be replaced: put a regular file in its place", at, to)
}
