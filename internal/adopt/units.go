package adopt

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// unit takes a unit with its drop-ins: its text, if it is the host's own, and
// whether it is enabled and runs.
func (t *taker) unit(ctx context.Context, name string) error {
	u, err := t.Unit(ctx, name)
	if err != nil {
		return err
	}
	if u == nil {
		return fmt.Errorf("systemd knows no unit %s", name)
	}
	f := newFields()
	at := path.Join(debian.UnitDir, name)
	n, err := t.Stat(at)
	if err != nil {
		return err
	}
	from := "from " + at
	if n != nil && n.Type == host.TypeFile {
		if err := t.content(f, at, n); err != nil {
			return err
		}
	}
	own := len(f.node.Content) > 0
	dropIns, err := t.dropIns(name)
	if err != nil {
		return err
	}
	if dropIns != nil {
		f.set("drop_ins", dropIns)
	}
	switches(f, u)
	switch {
	case len(f.node.Content) == 0 && t.named:
		return errors.New("there is nothing to say of it")
	case len(f.node.Content) == 0:
		return nil
	case !own:
		from = "the unit file is the host's"
		if !spec.SystemUnit(name) {
			f.text("when", "unit "+name+" exists")
		}
	}
	t.add(from, f.node, "units", name)
	return nil
}

// switches says whether a unit starts at boot, and whether it runs. One that does
// its work and ends, or waits to be started, is not said to be stopped.
func switches(f fields, u *host.Unit) {
	switch u.File {
	case "enabled", "disabled":
		f.flag("enabled", u.File == "enabled")
	case "masked":
		f.flag("masked", true)
	}
	if u.Active == "active" && (u.Sub == "running" || u.Sub == "waiting" || u.Sub == "listening") {
		f.flag("running", true)
	}
}

func (t *taker) dropIns(unit string) (*yaml.Node, error) {
	dir := path.Join(debian.UnitDir, unit+".d")
	n, err := t.Stat(dir)
	if err != nil || n == nil || n.Type != host.TypeDir {
		return nil, err
	}
	names, err := t.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := newFields()
	for _, file := range names {
		name, ok := strings.CutSuffix(file, ".conf")
		if !ok {
			continue
		}
		at := path.Join(dir, file)
		n, err := t.there(at)
		if err != nil {
			return nil, err
		}
		f := newFields()
		if n.Type == host.TypeFile {
			if err := t.content(f, at, n); err != nil {
				return nil, err
			}
		}
		if len(f.node.Content) > 0 {
			out.set(name, f.node)
		}
	}
	if len(out.node.Content) == 0 {
		return nil, nil
	}
	return out.node, nil
}

// units takes those that have a file or drop-ins of their own.
func (t *taker) units(ctx context.Context) error {
	files, err := t.ReadDir(debian.UnitDir)
	if err != nil {
		return err
	}
	var names []string
	for _, file := range files {
		n, err := t.Stat(path.Join(debian.UnitDir, file))
		if err != nil {
			return err
		}
		if n == nil {
			continue
		}
		name, dropIns := strings.CutSuffix(file, ".d")
		switch {
		case n.Type == host.TypeDir && dropIns && unitFile(name):
		case n.Type == host.TypeFile && unitFile(file):
			name = file
		default:
			continue // links, and directories of links, by which units are enabled
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if err := t.unit(ctx, name); err != nil {
			t.notef("unit %s: %v", name, err)
		}
	}
	return nil
}

// unitFile reports whether a name has the type of a unit that a spec declares.
func unitFile(name string) bool {
	return debian.IsFileUnit(name)
}
