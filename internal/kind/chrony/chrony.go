// Package chrony is the kind of the clock, which chrony keeps.
package chrony

import (
	"path"
	"reflect"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

const (
	unit   = "chrony.service"
	config = debian.ChronyConfig
	dropIn = debian.ChronyDropIns + "/opsafe.conf"
	pkg    = "chrony"
)

// Kind is the kind chrony.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "chrony", Plural: "chrony", Is: "the clock", Sections: []string{"chrony"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[*Clock](), After: "docker", Judge: judge,
				Field: spec.Field{
					Name: "chrony", Is: "the clock",
					More:    "chrony is installed, enabled and running; the lines are added to the distribution's own.",
					Example: "{servers: [time.north.example iburst]}",
				},
			}},
			Installs: installs, Owns: owns,
		},
		Stage: kind.StageServices, Runs: true, Declare: declare, Adopt: adopt, TakenOver: true,
		Covers: kind.Covering(config, path.Dir(config)), Parts: parts,
	}
}

// Clock is the section chrony. It is installed, enabled and running.
type Clock struct {
	spec.Item
	// Servers and Pools are added to the distribution's own.
	Servers []string `yaml:"servers"`
	Pools   []string `yaml:"pools"`
	// Refclock is what follows the directive's name.
	Refclock string `yaml:"refclock"`
	// Config are further lines of configuration.
	Config []string `yaml:"config"`
	// StopAround lists units that are stopped while chronyd restarts, and
	// started again if they ran.
	StopAround []string `yaml:"stop_around"`
}

// Fields says what there is to know of the fields.
func (Clock) Fields() []spec.Field {
	return []spec.Field{
		{Name: "servers", Is: "what follows server in chrony.conf(5)", More: "Added to the distribution's own.", Unset: "none", Example: "[time.north.example iburst]", Form: spec.LineForm()},
		{Name: "pools", Is: "what follows pool in chrony.conf(5)", More: "Added to the distribution's own.", Unset: "none", Example: "[pool.north.example iburst maxsources 2]", Form: spec.LineForm()},
		{Name: "refclock", Is: "what follows refclock in chrony.conf(5)", More: "Say when: device PATH exists if it needs one.", Unset: "none", Example: "PHC /dev/ptp0 poll 3 dpoll -2", Form: spec.LineForm()},
		{Name: "config", Is: "further lines of configuration", Unset: "none", Example: "[makestep 1 3]", Form: spec.LineForm()},
		{Name: "stop_around", Is: "units and compose projects stopped while chronyd restarts", More: "In this order, and started again, the last one first, if they ran. compose/NAME is a project: its containers that run.", Unset: "none", Example: "[app.timer, compose/app]", Form: spec.UnitOrProjectForm(), List: spec.ListRules{Distinct: true}},
	}
}

// of is the section; nil: there is none.
func of(b *spec.Backend) *Clock { return spec.Of[*Clock](b, "chrony") }

func judge(c *spec.Checker) {
	k := of(c.Backend())
	for field, lines := range map[string][]string{"servers": k.Servers, "pools": k.Pools, "config": k.Config} {
		for i, s := range lines {
			c.Line(k.At(field, i), "chrony: "+field, s)
		}
	}
	c.Line(k.At("refclock"), "chrony: refclock", k.Refclock)
	c.Distinct(k.Meta, "chrony", "stop_around", k.StopAround)
	for i, u := range k.StopAround {
		if at := k.At("stop_around", i); !c.Project(at, "chrony: stop_around", u) {
			c.Unit(at, "chrony: stop_around", u, k.When)
		}
	}
}

// installs is the package of the clock, whose unit has had two names.
func installs(b *spec.Backend) []spec.Installed {
	k := of(b)
	if k == nil {
		return nil
	}
	return []spec.Installed{{
		Item: k.Item, Section: "chrony", Package: pkg,
		Brings: spec.Provides{Units: []string{unit, "chronyd.service"}, Users: []string{"_chrony"}, Groups: []string{"_chrony"}},
	}}
}

func owns(b *spec.Backend) []spec.Owned {
	k := of(b)
	if k == nil {
		return nil
	}
	return []spec.Owned{{Path: dropIn, Label: "chrony", Pos: k.Pos}}
}

// declare is the clock: chronyd's configuration, and that it is enabled
// and running. The package is one of the packages.
func declare(in *kind.Input) []kind.Resource {
	d := of(in.Backend)
	if d == nil {
		return nil
	}
	config := change.ID{Kind: "chrony", Name: "config"}
	on := true
	return []kind.Resource{
		{
			ID: config, Pos: d.Pos, When: d.When, Needs: in.NeedPackage(pkg),
			Looker: look{decl: d},
		},
		{
			ID: change.ID{Kind: "chrony", Name: "daemon"}, Pos: d.Pos, When: d.When,
			Needs:  append(in.NeedPackage(pkg), config),
			Looker: kind.UnitLook{In: in, Name: unit, Decl: &kind.Unit{Item: d.Item, Enabled: &on, Running: &on}},
		},
	}
}
