package archive

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/spec"
)

// check finds what the forms of fields cannot say.
func check(b *spec.Backend, problems *spec.Problems) {
	for name, a := range of(b) {
		add := func(field, format string, args ...any) {
			problems.Addf(a.At(field), "archive %s: %s", name, fmt.Sprintf(format, args...))
		}
		if a.State == kind.Absent {
			if a.Has("source") || a.Has("sha256") {
				add("state", "is absent and has a source: want one or the other; the links that are to go are still named")
			}
			continue
		}
		for _, f := range []struct{ field, value string }{{"source", a.Source}, {"sha256", a.SHA256}, {"path", a.Path}} {
			if f.value == "" {
				add(f.field, "has no %s", f.field)
			}
		}
		if why := badSource(a.Source); why != "" {
			add("source", "source: %s", why)
		}
		if a.Source != "" && a.format() == "" {
			add("format", "the name of its source does not say how it is packed: add format, one of %s", strings.Join(host.ArchiveFormats(), ", "))
		}
		if a.Strip < 0 || a.Strip > maxStrip {
			add("strip", "strip: want a number from 0 to %d", maxStrip)
		}
		if a.Keep != nil && *a.Keep < 0 {
			add("keep", "keep: want a number of versions, 0 or more")
		}
		if a.Has("check") && (len(a.Check) == 0 || !path.IsAbs(a.Check[0])) {
			add("check", "check: want the path of a program and its arguments, as in [/usr/local/bin/tool, --version]")
		}
		if who := othersWrite(a); len(a.Check) > 0 && who != "" {
			add("check", "check: it is run as root, and %s could write what it runs: leave owner to root, with a group and a mode for those who may read or run it, or leave check out", who)
		}
		checkMembers(a, add)
	}
}

// othersWrite says who but root may write what is unpacked; empty: nobody.
func othersWrite(a *Archive) string {
	mode := treeMode(a.Mode)
	switch {
	case a.Owner != "" && a.Owner != kind.Root:
		return a.Owner
	case mode&0o002 != 0:
		return "everybody"
	case mode&0o020 != 0:
		return "group " + cmp.Or(a.Group, kind.Root)
	}
	return ""
}

// badSource is what is wrong with an address; empty: nothing.
func badSource(source string) string {
	if !strings.Contains(source, "://") {
		return ""
	}
	u, err := url.Parse(source)
	switch {
	case err != nil || u.Host == "":
		return "cannot be read as an address"
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Sprintf("%s:// cannot be fetched: want https:// or http://", u.Scheme)
	case u.User != nil:
		return "holds a name or password, which everybody can read here: want an address without"
	}
	return ""
}

// checkMembers refuses paths in an archive that lead out of it.
func checkMembers(a *Archive, add func(field, format string, args ...any)) {
	leads := func(name string) bool {
		return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return part == "." || part == ".." })
	}
	for _, name := range a.Only {
		if leads(name) {
			add("only", "only: %q is no path in an archive", name)
		}
	}
	for at, name := range a.Commands {
		if leads(name) {
			add("commands", "commands: %q is no path in an archive", name)
		}
		if strings.HasPrefix(at, a.Path+"/") {
			add("commands", "commands: %s lies in path: a link beside what is unpacked is not kept", at)
		}
	}
	if a.Link != "" && strings.HasPrefix(a.Link, a.Path+"/") {
		add("link", "link: %s lies in path: a link beside what is unpacked is not kept", a.Link)
	}
}

// adopt takes the trees that opsafe has unpacked: of each name the last.
func adopt(ctx context.Context, t kind.Taker, name string) error {
	names := []string{name}
	if name == "" {
		var err error
		if names, err = t.ReadDir(notes.Unpacked); err != nil {
			return err
		}
	}
	for _, n := range names {
		if strings.HasPrefix(n, venvNotes) {
			continue
		}
		trees, err := t.Unpacked(ctx, n)
		if err != nil {
			return err
		}
		trees = slices.DeleteFunc(trees, func(u host.UnpackedTree) bool { return u.Gone })
		if len(trees) == 0 {
			if name != "" {
				return fmt.Errorf("opsafe has unpacked nothing under that name")
			}
			continue
		}
		a := trees[len(trees)-1]
		item := map[string]any{"source": a.Source, "sha256": a.SHA256, "format": a.Format, "path": a.Path, "owner": a.Owner, "group": a.Group, "mode": a.Mode.String()}
		if a.Strip > 0 {
			item["strip"] = a.Strip
		}
		if a.Only != nil {
			item["only"] = a.Only
		}
		if err := t.Take("as it was unpacked", item, "archives", n); err != nil {
			return err
		}
		t.Notef("archive %s: links that lead to it are not known: add link and commands", n)
	}
	return nil
}
