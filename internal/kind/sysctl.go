package kind

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
	"opsafe/internal/spec"
)

// Where sysctl.d(5) reads values when the host boots, and where they are in force.
const (
	sysctlDir    = "/etc/sysctl.d"
	sysctlSuffix = ".conf"
	sysctlLive   = "/proc/sys"
)

// sysctlHeader is above what opsafe writes.
const sysctlHeader = "# Managed by opsafe: changes made here are undone.\n"

// Sysctl is the kind sysctl.
func Sysctl() Kind {
	return Kind{
		Part: spec.Part{
			Name: "sysctl", Plural: "sysctl", Is: "values of the kernel", Sections: []string{"sysctl"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*KernelValue](),
				Field: spec.Field{
					Name: "sysctl", Item: "sysctl NAME", Is: "values of the kernel, by name",
					More:  "Each is in a file NAME.conf of /etc/sysctl.d, and in force at once. A bare word, in quotes, is the value.",
					Unset: "none", Example: `{net.ipv4.ip_forward: "1"}`,
					Names: &spec.Form{Says: "name such as net.ipv4.ip_forward", Pattern: `^[a-z0-9_]+(\.[A-Za-z0-9_-]+)+$`, Longest: 200},
				},
			}},
			Check: checkSysctl, Owns: ownSysctl,
		},
		Stage: StageServices, Runs: true, Declare: declareSysctl, Adopt: adoptSysctl,
		Covers: covering(sysctlDir, "/etc/sysctl.conf"),
		Orphans: []Orphans{{Find: strays{dir: sysctlDir, suffix: sysctlSuffix}.find, Absent: func(b spec.Backend, name string) spec.Backend {
			return spec.With(b, "sysctl", withAbsent(sysctlOf(&b), name, &KernelValue{State: stateAbsent}))
		}}},
	}
}

// KernelValue is a value of the kernel; the item's name is that of sysctl(8).
type KernelValue struct {
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
func (KernelValue) ShortField() string { return "value" }

// Fields says what there is to know of the fields.
func (KernelValue) Fields() []spec.Field {
	return []spec.Field{
		{Name: "value", Is: "the value, in quotes", More: "Words of a value with several are compared one by one. It can stand in place of the fields: net.ipv4.ip_forward: \"1\".", Unset: "an error", Example: `"1"`, Form: valueForm()},
		{Name: "state", Is: "whether it is set", More: "absent: its file goes. What is in force stays until the host boots.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

func sysctlOf(b *spec.Backend) map[string]*KernelValue {
	return spec.Of[map[string]*KernelValue](b, "sysctl")
}

func sysctlFile(name string) string { return path.Join(sysctlDir, name+sysctlSuffix) }

func checkSysctl(b *spec.Backend, problems *spec.Problems) {
	for name, v := range sysctlOf(b) {
		switch gone := v.State == stateAbsent; {
		case gone && v.Has("value"):
			problems.Addf(v.At("value"), "sysctl %s: is absent and has a value: want one or the other", name)
		case !gone && (v.Value == stateAbsent || v.Value == "present"):
			problems.Addf(v.At("value"), "sysctl %s: no value of the kernel is called %s: write {state: %[2]s}", name, v.Value)
		case !gone && !v.Has("value"):
			problems.Addf(v.At("value"), "sysctl %s: has no value", name)
		}
	}
}

func ownSysctl(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, v := range sysctlOf(b) {
		out = append(out, spec.Owned{Path: sysctlFile(name), Label: "sysctl " + name, Pos: v.Pos, Absent: v.State == stateAbsent, When: v.When})
	}
	return out
}

// declareSysctl lists the values.
func declareSysctl(in *Input) []Resource {
	var out []Resource
	values := sysctlOf(in.Backend)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		var look Looker = sysctlLook{name: name, value: v.Value}
		if v.State == stateAbsent {
			look = goneFileLook{path: sysctlFile(name)}
		}
		out = append(out, Resource{ID: change.ID{Kind: "sysctl", Name: name}, Pos: v.Pos, When: v.When, Looker: look})
	}
	return out
}

// sysctlLook is a value of the kernel: the file that sets it when the host boots, and
// what is in force.
type sysctlLook struct{ name, value string }

func (l sysctlLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	live := path.Join(sysctlLive, strings.ReplaceAll(l.name, ".", "/"))
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
func (l sysctlLook) atBoot(r host.Reader) (change.Change, error) {
	at, want := sysctlFile(l.name), []byte(sysctlHeader+l.name+" = "+l.value+"\n")
	was, err := regular(r, at)
	if err != nil {
		return change.Change{}, err
	}
	settings, err := sysctlSettings(r)
	if err != nil {
		return change.Change{}, err
	}
	var last sysctlSetting
	for _, s := range settings {
		if s.name == l.name {
			last = s
		}
	}
	switch {
	case sameWords(last.value, l.value) && last.file == at:
		return correct(at, was.Node, ownNode()), nil
	case sameWords(last.value, l.value):
		return change.Change{}, nil
	case last.file > at:
		return change.Change{}, fmt.Errorf("%s sets it to %s after %s: remove it there", last.file, last.value, at)
	}
	c := newContent(at, was, want, ownNode())
	if err := needDir(r, &c, sysctlDir); err != nil {
		return c, err
	}
	c.Steps = append(c.Steps, writeOwn(at, want, ownNode()))
	return c, nil
}

// sysctlSetting is what a file of /etc/sysctl.d sets.
type sysctlSetting struct{ file, name, value string }

// sysctlSettings are the settings of all files, in the order in which they are read.
// Names with patterns or slashes, which a spec cannot say, are passed over.
func sysctlSettings(r host.Reader) ([]sysctlSetting, error) {
	files, err := r.ReadDir(sysctlDir)
	if err != nil {
		return nil, err
	}
	var out []sysctlSetting
	for _, file := range files {
		at := path.Join(sysctlDir, file)
		n, err := r.Stat(at)
		if err != nil {
			return nil, err
		}
		if path.Ext(file) != sysctlSuffix || n == nil || n.Type == host.TypeDir {
			continue
		}
		from := at
		if n.Type == host.TypeSymlink { // Debian's leads to /etc/sysctl.conf
			if from = n.Target; !path.IsAbs(from) {
				from = path.Join(sysctlDir, from)
			}
		}
		data, err := r.ReadFile(from)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			name, value, ok := strings.Cut(strings.TrimLeft(strings.TrimSpace(line), "-"), "=")
			if name = strings.TrimSpace(name); ok && !strings.ContainsAny(name, "#;*/") {
				out = append(out, sysctlSetting{at, name, strings.TrimSpace(value)})
			}
		}
	}
	return out, nil
}

// adoptSysctl takes the values that files of /etc/sysctl.d set: all, or one. Of
// several for one name, the last counts.
func adoptSysctl(_ context.Context, t Taker, name string) error {
	settings, err := sysctlSettings(t)
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
		return errors.New("no file of " + sysctlDir + " sets it")
	}
	return nil
}
