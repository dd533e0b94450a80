package kind

import (
	"context"
	"path"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// UnitDropInName is the name of the resource of a drop-in.
func UnitDropInName(unit, dropIn string) string { return unit + ".d/" + dropIn }

// UnitDropInResource is a drop-in of a unit.
func UnitDropInResource(in *Input, unit, name string, u *Unit) Resource {
	d := u.DropIns[name]
	return Resource{
		ID: change.ID{Kind: "unit", Name: UnitDropInName(unit, name)}, Pos: d.Pos,
		When:   append(slices.Clone(u.When), d.When...),
		Looker: unitFileLook{in: in, unit: unit, path: unitDir + unit + ".d/" + name + ".conf", text: d.Text, absent: d.State == Absent || u.State == Absent},
	}
}

// unitFileLook is a drop-in of a unit.
type unitFileLook struct {
	in     *Input
	unit   string
	path   string
	text   spec.Text
	absent bool
}

func (l unitFileLook) Hints() host.Hints { return host.Hints{Units: []string{l.unit}} }

func (l unitFileLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	if err := WriteUnitFile(ctx, r, l.in, &c, l.unit, l.path, l.text, l.absent); err != nil {
		return c, err
	}
	u, err := r.Unit(ctx, l.unit)
	if err != nil {
		return c, err
	}
	if len(c.Steps) > 0 {
		c.Steps = append(c.Steps, host.ReloadManager{})
		switch {
		case debian.IsTemplate(l.unit):
			err = restartInstances(ctx, r, &c, u)
		case path.Ext(l.unit) == ".timer" && u.Running():
			err = l.retime(ctx, r, &c)
		default:
			restartRewritten(&c, u)
		}
	}
	return c, err
}

// retime has the timer take up its drop-in.
func (l unitFileLook) retime(ctx context.Context, r host.Reader, c *change.Change) error {
	var data []byte
	if decl := UnitsOf(l.in.Backend)[l.unit]; decl != nil {
		data, _ = unitText(ctx, r, l.in, l.unit, decl)
	}
	if !l.absent {
		drop, err := l.in.text(l.text).render(ctx, r)
		if err != nil {
			return err
		}
		data = append(data, append([]byte("\n"), drop...)...)
	}
	return retime(r, c, l.unit, data)
}

// WriteUnitFile adds what makes a file of systemd's configuration as declared.
func WriteUnitFile(ctx context.Context, r host.Reader, in *Input, c *change.Change, unit, at string, text spec.Text, absent bool) error {
	n, err := r.Stat(at)
	if err != nil {
		return err
	}
	image, err := ImageOf(r, at, n)
	if err != nil {
		return err
	}
	if absent {
		if n != nil {
			c.Action = change.Remove
			ShowContent(c, at, image, nil)
			c.Steps = append(c.Steps, host.RemovePath{Path: at})
		}
		return nil
	}
	want, err := in.text(text).render(ctx, r)
	if err != nil {
		return err
	}
	access := host.AccessOf(0o644)
	if n != nil && n.Type == host.TypeFile && n.Owner == "root" && n.Group == "root" && n.Access.Equal(access) && Holds(image, want) {
		return nil
	}
	c.Action = change.Modify
	if n == nil {
		c.Action = change.Add
	} else {
		c.Differ("type", string(n.Type), string(host.TypeFile))
		c.Differ("owner", n.Owner+":"+n.Group, "root:root")
		c.Differ("mode", n.Access.Mode().String(), access.Mode().String())
	}
	if err := NeedDir(r, c, path.Dir(at)); err != nil {
		return err
	}
	if !Holds(image, want) {
		ShowContent(c, at, image, want)
	}
	c.Steps = append(c.Steps, host.WriteFile{
		Path: at, Content: host.NewContent(want), Owner: "root", Group: "root", Access: access,
		Check: unitCheck(ctx, r, in, unit, at),
	})
	c.Notes = append(c.Notes, tooNew(r, want)...)
	return nil
}

// NeedDir adds the making of a directory of root's, if it is missing.
func NeedDir(r host.Reader, c *change.Change, dir string) error {
	n, err := r.Stat(dir)
	if err != nil || n != nil {
		return err
	}
	if err := NeedDir(r, c, path.Dir(dir)); err != nil {
		return err
	}
	c.Steps = append(c.Steps, host.MakeDir{Path: dir, Owner: "root", Group: "root", Access: host.AccessOf(0o755)})
	return nil
}
