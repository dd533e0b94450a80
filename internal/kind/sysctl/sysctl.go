// Package sysctl is the kind of the values of the kernel: in force, and when the host boots.
package sysctl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// Where sysctl.d(5) reads values when the host boots, and where they are in force.
const (
	dir     = "/etc/sysctl.d"
	suffix  = ".conf"
	inForce = "/proc/sys"
)

// header is above what opsafe writes.
const header = "# Managed by opsafe: changes made here are undone.\n"

// Kind is the kind sysctl.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "sysctl", Plural: "sysctl", Is: "values of the kernel", Sections: []string{"sysctl"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*Value](),
				Field: spec.Field{
					Name: "sysctl", Item: "sysctl NAME", Is: "values of the kernel, by name",
					More:  "Each is in a file NAME.conf of /etc/sysctl.d, and in force at once. A bare word, in quotes, is the value.",
					Unset: "none", Example: `{net.ipv4.ip_forward: "1"}`,
					Names: &spec.Form{Says: "name such as net.ipv4.ip_forward", Pattern: `^[a-z0-9_]+(\.[A-Za-z0-9_-]+)+$`, Longest: 200},
				},
			}},
			Check: check, Owns: owns,
		},
		Stage: kind.StageServices, Runs: true, Declare: declare, Adopt: adopt,
		Covers: kind.Covering(dir, "/etc/sysctl.conf"),
		Orphans: []kind.Orphans{{Find: find, Absent: func(b spec.Backend, name string) spec.Backend {
			return spec.With(b, "sysctl", kind.WithAbsent(of(&b), name, &Value{State: kind.Absent}))
		}}},
	}
}

// Value is a value of the kernel; the item's name is that of sysctl(8).
type Value struct {
	spec.Item
	Value string `yaml:"value"`
	// State is present (the default) or absent (the value that is in force stays until
	// the host boots).
	State string `yaml:"state"`
}

// valueForm is a line with a word in it.
func valueForm() spec.Form {
	return spec.Form{Says: "value", Pattern: `^[^\x00-\x08\x0a-\x1f\x7f-\x9f]*[!-~][^\x00-\x08\x0a-\x1f\x7f-\x9f]*$`}
}

// ShortField names the field that a bare word is the value of.
func (Value) ShortField() string { return "value" }

// Fields says what there is to know of the fields.
func (Value) Fields() []spec.Field {
	return []spec.Field{
		{Name: "value", Is: "the value, in quotes", More: "Words of a value with several are compared one by one. It can stand in place of the fields: net.ipv4.ip_forward: \"1\".", Unset: "an error", Example: `"1"`, Form: valueForm()},
		{Name: "state", Is: "whether it is set", More: "absent: its file goes. What is in force stays until the host boots.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

func of(b *spec.Backend) map[string]*Value {
	return spec.Of[map[string]*Value](b, "sysctl")
}

func fileOf(name string) string { return path.Join(dir, name+suffix) }

func check(b *spec.Backend, problems *spec.Problems) {
	for name, v := range of(b) {
		switch gone := v.State == kind.Absent; {
		case gone && v.Has("value"):
			problems.Addf(v.At("value"), "sysctl %s: is absent and has a value: want one or the other", name)
		case !gone && (v.Value == kind.Absent || v.Value == "present"):
			problems.Addf(v.At("value"), "sysctl %s: no value of the kernel is called %s: write {state: %[2]s}", name, v.Value)
		case !gone && !v.Has("value"):
			problems.Addf(v.At("value"), "sysctl %s: has no value", name)
		}
	}
}

func owns(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, v := range of(b) {
		out = append(out, spec.Owned{Path: fileOf(name), Label: "sysctl " + name, Pos: v.Pos, Absent: v.State == kind.Absent, When: v.When})
	}
	return out
}

// declare lists the values.
func declare(in *kind.Input) []kind.Resource {
	var out []kind.Resource
	values := of(in.Backend)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		var looker kind.Looker = look{name: name, value: v.Value}
		if v.State == kind.Absent {
			looker = kind.GoneFile{Path: fileOf(name)}
		}
		out = append(out, kind.Resource{ID: change.ID{Kind: "sysctl", Name: name}, Pos: v.Pos, When: v.When, Looker: looker})
	}
	return out
}

// look is a value of the kernel: the file that sets it when the host boots, and
// what is in force.
type look struct{ name, value string }

func (l look) Look(_ context.Context, r host.Reader) (change.Change, error) {
	live := path.Join(inForce, strings.ReplaceAll(l.name, ".", "/"))
	node, err := r.Stat(live)
	if err != nil {
		return change.Change{}, err
	}
	if node == nil {
		return change.Change{}, fmt.Errorf("the kernel has no %s: see whether the name is right, and the module that brings it is loaded", l.name)
	}
	have, err := r.ReadFile(live)
	if err != nil {
		return change.Change{}, err
	}
	c, err := l.atBoot(r)
	if err != nil || sameWords(string(have), l.value) {
		return c, err
	}
	if c.Action == "" {
		c.Action = change.Modify
	}
	c.Differ("in force", strings.Join(strings.Fields(string(have)), " "), l.value)
	// As the kernel writes values that have several words.
	value := host.NewContent([]byte(strings.Join(strings.Fields(l.value), "\t") + "\n"))
	c.Steps = append(c.Steps, host.WriteFile{Path: live, Content: value, Owner: node.Owner, Group: node.Group, Access: node.Access})
	return c, nil
}

func sameWords(a, b string) bool { return slices.Equal(strings.Fields(a), strings.Fields(b)) }

// atBoot is the change after which the host boots with the value. What counts is the
// last file that sets it, which may be somebody else's.
func (l look) atBoot(r host.Reader) (change.Change, error) {
	at, want := fileOf(l.name), []byte(header+l.name+" = "+l.value+"\n")
	was, err := kind.Regular(r, at)
	if err != nil {
		return change.Change{}, err
	}
	settings, err := readSettings(r)
	if err != nil {
		return change.Change{}, err
	}
	var last setting
	for _, s := range settings {
		if s.name == l.name {
			last = s
		}
	}
	switch {
	case sameWords(last.value, l.value) && last.file == at:
		return kind.Correct(at, was.Node, kind.OwnNode()), nil
	case sameWords(last.value, l.value):
		return change.Change{}, nil
	case last.file > at:
		return change.Change{}, fmt.Errorf("%s sets it to %s after %s: remove it there", last.file, last.value, at)
	}
	c := kind.Rewritten(at, was, want, kind.OwnNode())
	if err := kind.NeedDir(r, &c, dir); err != nil {
		return c, err
	}
	c.Steps = append(c.Steps, kind.WriteOwn(at, want, kind.OwnNode()))
	return c, nil
}

// find looks for files that nothing declares. One of somebody else's that sets a declared
// value, so that there is none of opsafe's own for it, is needed.
func find(ctx context.Context, f kind.Finder) error {
	settings, err := readSettings(f)
	if err != nil {
		return err
	}
	by := map[string]setting{}
	for _, s := range settings {
		by[s.name] = s
	}
	needed := map[string]bool{}
	for name, v := range of(f.Backend()) {
		if s, ok := by[name]; ok && v.State != kind.Absent && sameWords(s.value, v.Value) {
			needed[s.file] = true
		}
	}
	takes := func(name string) bool { return !needed[fileOf(name)] }
	return kind.Strays{Dir: dir, Suffix: suffix, Takes: takes}.Find(ctx, f)
}

// setting is what a file of /etc/sysctl.d sets.
type setting struct{ file, name, value string }

// readSettings are the settings of all files, in the order in which they are read.
// Names with patterns or slashes, which a spec cannot say, are passed over.
func readSettings(r host.Reader) ([]setting, error) {
	files, err := r.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []setting
	for _, file := range files {
		at := path.Join(dir, file)
		n, err := r.Stat(at)
		if err != nil {
			return nil, err
		}
		if path.Ext(file) != suffix || n == nil || n.Type == host.TypeDir {
			continue
		}
		from := at
		if n.Type == host.TypeSymlink { // Debian's leads to /etc/sysctl.conf
			if from = n.Target; !path.IsAbs(from) {
				from = path.Join(dir, from)
			}
		}
		data, err := r.ReadFile(from)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			name, value, ok := strings.Cut(strings.TrimLeft(strings.TrimSpace(line), "-"), "=")
			if name = strings.TrimSpace(name); ok && !strings.ContainsAny(name, "#;*/") {
				out = append(out, setting{at, name, strings.TrimSpace(value)})
			}
		}
	}
	return out, nil
}

// adopt takes the values that files of /etc/sysctl.d set: all, or one. Of
// several for one name, the last counts.
func adopt(_ context.Context, t kind.Taker, name string) error {
	settings, err := readSettings(t)
	if err != nil {
		return err
	}
	found := false
	for _, s := range settings {
		if name != "" && name != s.name {
			continue
		}
		found = true
		if err := t.Take("from "+s.file, map[string]string{"value": s.value}, "sysctl", s.name); err != nil {
			return err
		}
	}
	if name != "" && !found {
		return errors.New("no file of " + dir + " sets it")
	}
	return nil
}
