// Package environment is the kind of the variables that opsafe env gives to programs.
package environment

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/spec"
)

// suffix is that of the files by which opsafe env goes.
const suffix = ".json"

// Kind is the kind environment.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "environment", Plural: "environments", Is: "variables that programs get", Sections: []string{"environments"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*Environment](),
				Field: spec.Field{
					Name: "environments", Item: "environment NAME", Is: "variables for commands, in layers of files, by name",
					More:  "opsafe env NAME -- COMMAND runs a command with them. No shell reads the files, and nothing in them is run or expanded.",
					Unset: "none", Example: `{app: {files: [/etc/app/defaults.env, /etc/app/secrets.env], required: [TOKEN]}}`,
					Names: &spec.Form{Says: "name", Pattern: `^[A-Za-z0-9_][A-Za-z0-9_.-]*$`, Longest: 200},
				},
			}},
			Check: check, Owns: owns,
		},
		Stage: kind.StageServices, Declare: declare, Adopt: adopt, Withholds: withhold,
		Orphans: []kind.Orphans{{Find: kind.Strays{Dir: notes.Environments, Suffix: suffix}.Find, Absent: func(b spec.Backend, name string) spec.Backend {
			return spec.With(b, "environments", kind.WithAbsent(of(&b), name, &Environment{State: kind.Absent}))
		}}},
	}
}

// Environment is made of environment files on the host.
type Environment struct {
	spec.Item
	// Files are read in their order: a later one wins.
	Files []string `yaml:"files"`
	// Optional are those of them that need not be there.
	Optional []string `yaml:"optional"`
	// Required are variables without which nothing is run.
	Required []string `yaml:"required"`
	// State is present (the default) or absent.
	State string `yaml:"state"`
}

// Fields says what there is to know of the fields.
func (Environment) Fields() []spec.Field {
	return []spec.Field{
		{Name: "files", Is: "files on the host, with lines NAME=VALUE", More: "They are read as systemd reads an EnvironmentFile, in this order: of several values of a variable the last counts.", Unset: "an error", Example: "[/etc/app/defaults.env, /etc/app/secrets.env]", Form: spec.PathForm(), List: spec.ListRules{Distinct: true}},
		{Name: "optional", Is: "those of the files that need not be there", Unset: "all have to be there", Example: "[/etc/app/local.env]", Form: spec.PathForm(), List: spec.ListRules{Distinct: true}},
		{Name: "required", Is: "variables that need a value", More: "Without it nothing is run, and plan and status say which lack it.", Unset: "none", Example: "[TOKEN]", Form: spec.VariableForm(), List: spec.ListRules{Distinct: true}},
		{Name: "state", Is: "whether there is one", More: "absent: opsafe env does not know it any more. Its files stay.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

func of(b *spec.Backend) map[string]*Environment {
	return spec.Of[map[string]*Environment](b, "environments")
}

func fileOf(name string) string {
	return path.Join(notes.Environments, name+suffix)
}

func check(b *spec.Backend, problems *spec.Problems) {
	for name, e := range of(b) {
		label := "environment " + name
		if e.State == kind.Absent {
			for _, field := range []string{"files", "optional", "required"} {
				if e.Has(field) {
					problems.Addf(e.At(field), "%s: is absent and has %s: want one or the other", label, field)
				}
			}
			continue
		}
		if len(e.Files) == 0 {
			problems.Addf(e.At("files"), "%s: has no files: name its environment files", label)
		}
		for i, at := range e.Optional {
			if !slices.Contains(e.Files, at) {
				problems.Addf(e.At("optional", i), "%s: optional: %s is none of its files: list it there, too", label, at)
			}
		}
	}
}

func owns(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, e := range of(b) {
		out = append(out, spec.Owned{Path: fileOf(name), Label: "environment " + name, Pos: e.Pos, Absent: e.State == kind.Absent, When: e.When})
	}
	return out
}

// withhold has facts tell of files which variables they set, and no values.
func withhold(b *spec.Backend, w *kind.Withheld) {
	for _, e := range of(b) {
		for _, p := range e.Files {
			w.Layers[p] = true
		}
	}
}

// declare lists the environments.
func declare(in *kind.Input) []kind.Resource {
	var out []kind.Resource
	all := of(in.Backend)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e := all[name]
		var look kind.Looker = look{name: name, layers: layersOf(e)}
		if e.State == kind.Absent {
			look = kind.GoneFile{Path: fileOf(name)}
		}
		out = append(out, kind.Resource{ID: change.ID{Kind: "environment", Name: name}, Pos: e.Pos, When: e.When, Looker: look})
	}
	return out
}

// Layers are what opsafe env goes by: which files make up an environment, and what has
// to be in it.
type Layers struct {
	Files    []Layer  `json:"files"`
	Required []string `json:"required,omitempty"`
}

// Layer is an environment file.
type Layer struct {
	Path     string `json:"path"`
	Optional bool   `json:"optional,omitempty"`
}

func layersOf(e *Environment) Layers {
	l := Layers{Required: e.Required}
	for _, at := range e.Files {
		l.Files = append(l.Files, Layer{Path: at, Optional: slices.Contains(e.Optional, at)})
	}
	return l
}

// Names lists the environments that are on a host.
func Names(r host.Files) ([]string, error) {
	files, err := r.ReadDir(notes.Environments)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		if name, ok := strings.CutSuffix(file, suffix); ok && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names, nil
}

// ReadLayers reads what makes up an environment, as a run has written it down.
func ReadLayers(r host.Files, name string) (Layers, error) {
	var l Layers
	at := fileOf(name)
	data, err := r.ReadFile(at)
	if err != nil {
		return l, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, fmt.Errorf("cannot read %s: %w: it was not written by this opsafe: run opsafe manage, which writes it anew", at, err)
	}
	return l, nil
}

// look is the file by which opsafe env goes.
type look struct {
	name   string
	layers Layers
}

func (l look) Look(_ context.Context, r host.Reader) (change.Change, error) {
	at := fileOf(l.name)
	was, err := kind.Regular(r, at)
	if err != nil {
		return change.Change{}, err
	}
	want, err := json.MarshalIndent(l.layers, "", "  ")
	if err != nil {
		return change.Change{}, fmt.Errorf("cannot write %s: %w", at, err)
	}
	want = append(want, '\n')
	var c change.Change
	if kind.Holds(was, want) {
		c = kind.Correct(at, was.Node, kind.OwnNode())
	} else {
		c = kind.Rewritten(at, was, want, kind.OwnNode())
		l.show(&c, r)
		if err := kind.NeedDir(r, &c, notes.Environments); err != nil {
			return c, err
		}
		c.Steps = append(c.Steps, kind.WriteOwn(at, want, kind.OwnNode()))
	}
	c.Notes, err = l.layers.lacking(r)
	return c, err
}

// show says in the words of the spec what changes, if that can be told.
func (l look) show(c *change.Change, r host.Files) {
	was, err := ReadLayers(r, l.name)
	if err != nil && c.Action != change.Add {
		return
	}
	before := len(c.Attrs)
	c.Differ("files", was.paths(), l.layers.paths())
	c.Differ("required", strings.Join(was.Required, ", "), strings.Join(l.layers.Required, ", "))
	if len(c.Attrs) > before {
		c.Diff = nil
	}
}

func (l Layers) paths() string {
	words := make([]string, len(l.Files))
	for i, f := range l.Files {
		words[i] = f.Path
		if f.Optional {
			words[i] += " (optional)"
		}
	}
	return strings.Join(words, ", ")
}

// lacking says which files are not there, and which variables have no value, as far as
// that can be seen. Values are never named.
func (l Layers) lacking(r host.Reader) ([]string, error) {
	var gone []string
	set := map[string]bool{}
	for _, f := range l.Files {
		data, err := r.ReadFile(f.Path)
		assigned := host.Assigned(data)
		switch red := host.Redacted(err); {
		case red != nil:
			if assigned = red.Assigns(); assigned == nil {
				return nil, nil
			}
		case host.IsUnknown(err):
			return nil, nil
		case err != nil:
			return nil, err
		case data == nil && !f.Optional:
			gone = append(gone, f.Path)
		}
		maps.Copy(set, assigned)
	}
	missing := slices.DeleteFunc(slices.Clone(l.Required), func(name string) bool { return set[name] })
	var notes []string
	if len(gone) > 0 {
		notes = append(notes, strings.Join(gone, ", ")+": not there, so that nothing can be run with it: write the file, or declare it under files")
	}
	if len(missing) > 0 {
		notes = append(notes, strings.Join(missing, ", ")+": required, and empty, a placeholder or in none of its files: put the values in by hand")
	}
	return notes, nil
}

// adopt takes what opsafe env knows of: all, or one.
func adopt(_ context.Context, t kind.Taker, name string) error {
	names, err := Names(t)
	if err != nil {
		return err
	}
	if name != "" && !slices.Contains(names, name) {
		return fmt.Errorf("there is no environment of that name in %s", notes.Environments)
	}
	for _, found := range names {
		if name != "" && name != found {
			continue
		}
		l, err := ReadLayers(t, found)
		if err != nil {
			return err
		}
		item := map[string][]string{}
		for _, f := range l.Files {
			item["files"] = append(item["files"], f.Path)
			if f.Optional {
				item["optional"] = append(item["optional"], f.Path)
			}
		}
		if len(l.Required) > 0 {
			item["required"] = l.Required
		}
		if err := t.Take("from "+fileOf(found), item, "environments", found); err != nil {
			return err
		}
	}
	return nil
}
