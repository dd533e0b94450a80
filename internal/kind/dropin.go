package kind

import (
	"reflect"

	"opsafe/internal/spec"
)

// DropIn is a file of /etc/sudoers.d or /etc/ssh/sshd_config.d, checked by visudo
// or sshd before it takes effect.
type DropIn struct {
	spec.Item
	spec.Text `yaml:",inline"`
	State     string `yaml:"state"`
}

// Fields says what there is to know of the fields.
func (DropIn) Fields() []spec.Field {
	return []spec.Field{
		{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// dropInsOf are the drop-ins of a section, by name.
func dropInsOf(b *spec.Backend, section string) map[string]*DropIn {
	return spec.Of[map[string]*DropIn](b, section)
}

// dropInSection is the section of drop-ins of a program, which is also its name.
func dropInSection(f spec.Field, after, program string) []spec.Section {
	return []spec.Section{{
		Type: reflect.TypeFor[map[string]*DropIn](), After: after, Field: f,
		Judge: func(c *spec.Checker) {
			for name, d := range dropInsOf(c.Backend(), f.Name) {
				c.Whole(d.Meta, f.Name+" drop-in "+name, d.Text, d.State, spec.DropInName(name, program))
			}
		},
	}}
}

// ownDropIns are the files of a section of drop-ins.
func ownDropIns(section, dir, suffix string) func(b *spec.Backend) []spec.Owned {
	return func(b *spec.Backend) []spec.Owned {
		var out []spec.Owned
		for name, d := range dropInsOf(b, section) {
			out = append(out, spec.Owned{Path: dir + "/" + name + suffix, Label: section + " drop-in " + name, Pos: d.Pos, Absent: d.State == Absent})
		}
		return out
	}
}

// dropInGone is a backend with a drop-in of a section declared absent.
func dropInGone(section string) func(b spec.Backend, name string) spec.Backend {
	return func(b spec.Backend, name string) spec.Backend {
		return spec.With(b, section, WithAbsent(dropInsOf(&b, section), name, &DropIn{State: Absent}))
	}
}
