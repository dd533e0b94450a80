package units

import (
	"path"
	"reflect"
	"slices"

	"opsafe/internal/debian"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// section is the section units.
func section() spec.Section {
	return spec.Section{
		Type: reflect.TypeFor[map[string]*kind.Unit](), After: "chrony", Judge: check,
		Field: spec.Field{
			Name: "units", Item: "unit NAME", Is: "systemd's units", Unset: "none", Names: new(spec.UnitForm()),
			Example: `{backup.timer: {source: files/backup.timer, enabled: true, running: true}, backup.service: {content: "[Service]\nType=oneshot\nExecStart=/usr/local/bin/backup\n"}, nginx.service: {drop_ins: {limits: {content: "[Service]\nMemoryMax=1G\n"}}}}`,
		},
	}
}

func names(c *spec.Checker) {
	for name, u := range kind.UnitsOf(c.Backend()) {
		if u.State == kind.Absent {
			c.NoUnit(name, u.Pos)
		} else {
			c.Units(append(u.Aliases(), name)...)
		}
	}
}

func owns(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, u := range kind.UnitsOf(b) {
		at, label := path.Join(debian.UnitDir, name), "unit "+name
		if len(u.Written("source", "content", "template")) > 0 || u.State == kind.Absent {
			out = append(out, spec.Owned{Path: at, Label: label, Pos: u.Pos, Absent: u.State == kind.Absent})
		}
		for dropIn, d := range u.DropIns {
			out = append(out, spec.Owned{Path: at + ".d/" + dropIn + ".conf", Label: "drop-in " + dropIn + " of " + label, Pos: d.Pos, Absent: d.State == kind.Absent})
		}
	}
	return out
}

// checkLinks finds files in the directories of links by which units are enabled, for
// declared units.
func checkLinks(c *spec.Checker) {
	for p, f := range c.Backend().Files {
		dir, name := path.Split(p)
		dir = path.Clean(dir)
		u := kind.UnitsOf(c.Backend())[name]
		if u == nil || path.Dir(dir) != debian.UnitDir || !slices.Contains([]string{".wants", ".requires", ".upholds"}, path.Ext(dir)) {
			continue
		}
		c.Addf(f.Pos, "file %s: is a link by which systemd enables unit %s, which is declared at %s: say enabled there, and leave the link out", p, name, u.Pos)
	}
}
