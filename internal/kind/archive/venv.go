package archive

import (
	"cmp"
	"context"
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

// Venvs is the kind venv.
func Venvs() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "venv", Plural: "venvs", Is: "Python environments made of wheels, without a network", Sections: []string{"venvs"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*Venv](),
				Field: spec.Field{
					Name: "venvs", Item: "Python environment NAME", Is: "Python environments, by name",
					More: "Each holds just the distributions that its requirements pin. No program is run to make one: wheels are unpacked as their format says.", Unset: "none",
					Example: `{tool: {path: /opt/tool, wheels: /srv/install/wheels, requirements: /srv/install/requirements.txt, commands: {/usr/local/bin/tool: bin/tool}}}`,
					Names:   &spec.Form{Says: "name", Pattern: kind.NotedName, Longest: 64},
				},
			}},
			Texts: readVenvs, Check: checkVenvs, Owns: ownVenvs, Beside: venvsBeside,
		},
		Stage: kind.StageFiles, Declare: declareVenvs, Adopt: adoptVenv, Withholds: openPins,
		Orphans: []kind.Orphans{unpackedOrphans("venv", "declare it with state: absent, and with its commands")},
	}
}

// Venv is a Python environment.
type Venv struct {
	spec.Item
	Path string `yaml:"path"`
	// Wheels is a directory beside the spec, or on the host, and Requirements a file.
	Wheels       string   `yaml:"wheels"`
	Requirements string   `yaml:"requirements"`
	Pins         []string `yaml:"pins"`
	Owner        string   `yaml:"owner"`
	Group        string   `yaml:"group"`
	Mode         string   `yaml:"mode"`
	// Commands are links to programs in it.
	Commands map[string]string `yaml:"commands"`
	State    string            `yaml:"state"`
	Notify   spec.Notify       `yaml:"notify"`
	// beside is what Requirements holds, if it lies beside the spec.
	beside []byte
}

// Fields says what there is to know of the fields.
func (Venv) Fields() []spec.Field {
	return []spec.Field{
		{Name: "path", Is: "the directory of the environment", More: "It takes its place as a whole.", Unset: "an error", Example: "/opt/tool", Form: spec.Form{Says: "path of up to 200 bytes without spaces", Pattern: `^(/[^/\s\x00-\x1f\x7f-\x9f]+)+$`, Not: map[string]any{"pattern": `/\.\.?(/|$)`}, Longest: maxInterpreter}},
		{Name: "wheels", Is: "the directory in which the wheels are", More: "Beside this file, or a path on the host. It is read only when there is something to install.", Unset: "an error", Example: "/srv/install/wheels", Form: spec.WordForm("path")},
		{Name: "requirements", Is: "the file that pins what is installed", More: "Beside this file, or a path on the host. Each line is NAME==VERSION --hash=sha256:DIGEST, as pip-compile --generate-hashes writes them.", Unset: "pins says it", Example: "/srv/install/requirements.txt", Form: spec.WordForm("path")},
		{Name: "pins", Is: "the same, written here", Unset: "requirements says it", Example: "[tool==1.2 --hash=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef]", Form: spec.LineForm(), List: spec.ListRules{Distinct: true, NonEmpty: true}},
		{Name: "owner", Is: "whose all of it is", Default: "root", Example: "app", Form: spec.AccountForm()},
		{Name: "group", Is: "the group of all of it", Default: "root", Example: "app", Form: spec.AccountForm()},
		{Name: "mode", Is: "the mode of directories and of programs", More: "Other files have it without its execute bits.", Default: `"0755"`, Example: `"0750"`, Form: treeModeForm()},
		{Name: "commands", Is: "links that lead to programs in it, by their paths", Unset: "none", Example: "{/usr/local/bin/tool: bin/tool}", Form: spec.Form{Says: "path in the environment", Pattern: memberForm().Pattern, Not: memberForm().Not}, Names: new(spec.PathForm())},
		{Name: "state", Is: "whether there is one", More: "absent: it goes, and the links to it.", Default: "present", Example: "absent", Form: spec.StateForm()},
		{Name: "notify", Is: "units to act on when it changes", Unset: "none", Example: "{restart: [tool.service]}"},
	}
}

// maxInterpreter leaves room for a path in the first line of a script, of which Linux
// reads 256 bytes.
const maxInterpreter = 200

func venvsOf(b *spec.Backend) map[string]*Venv { return spec.Of[map[string]*Venv](b, "venvs") }

// venvNotes begins the names under which opsafe keeps what it knows of environments:
// those of archives have no colon.
const venvNotes = "venv:"

// declaresUnpacked reports whether a backend has what opsafe has unpacked under a name,
// present or absent; and what that is called: the kind, and the item.
func declaresUnpacked(b *spec.Backend, noted string) (is, name string, declared bool) {
	if name, ok := strings.CutPrefix(noted, venvNotes); ok {
		_, declared = venvsOf(b)[name]
		return "venv", name, declared
	}
	_, declared = of(b)[noted]
	return "archive", noted, declared
}

func (v *Venv) links() []kind.Link {
	var out []kind.Link
	for _, at := range slices.Sorted(maps.Keys(v.Commands)) {
		out = append(out, kind.Link{Path: at, Target: path.Join(v.Path, v.Commands[at]), Owner: kind.Root, Group: kind.Root})
	}
	return out
}

func ownVenvs(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, v := range venvsOf(b) {
		own := func(at string) {
			out = append(out, spec.Owned{Path: at, Label: "venv " + name, Pos: v.Pos, Absent: v.State == kind.Absent, When: v.When})
		}
		if v.Path != "" {
			own(v.Path)
		}
		for _, l := range v.links() {
			own(l.Path)
		}
	}
	return out
}

// openPins has facts hold which versions of what are installed, which is no secret.
func openPins(b *spec.Backend, w *kind.Withheld) {
	for _, v := range venvsOf(b) {
		w.Open[v.Requirements] = true
	}
}

// declareVenvs lists the environments.
func declareVenvs(in *kind.Input) []kind.Resource {
	var out []kind.Resource
	all := venvsOf(in.Backend)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		v := all[name]
		r := kind.Resource{ID: change.ID{Kind: "venv", Name: name}, Pos: v.Pos, When: v.When}
		notify := kind.Notifications(v.Notify.Restart, v.Notify.Reload)
		if v.State == kind.Absent {
			r.Looker = goneLook{name: venvNotes + name, links: v.links(), notify: notify}
			out = append(out, r)
			continue
		}
		r.Needs = append(in.NeedOwner(v.Owner, v.Group), in.NeedParent(v.Path)...)
		r.Needs = append(r.Needs, in.NeedPackage("python3")...)
		for _, l := range v.links() {
			r.Needs = append(r.Needs, in.NeedParent(l.Path)...)
		}
		look := venvLook{decl: v, look: look{want: made(in, name, v), source: v.Wheels, links: v.links(), members: slices.Sorted(maps.Values(v.Commands)), notify: notify}}
		r.Looker = look
		none := 0
		out = append(out, r, kind.Resource{
			ID: change.ID{Kind: r.ID.Kind, Name: name + "/moved"}, Pos: v.Pos, When: v.When, Looker: versionsLook{name: look.want.Name, path: v.Path, first: look, keep: &none},
		})
	}
	return out
}

// made is what is to be made, apart from what only the host knows.
func made(in *kind.Input, name string, v *Venv) host.Archive {
	source := v.Wheels
	if !path.IsAbs(source) && in.Repo != nil {
		source = path.Join(in.Repo.Dir, spec.Beside{At: v.At("wheels"), Name: source}.Path())
	}
	return host.Archive{
		Name: venvNotes + name, Path: v.Path, Source: source,
		Owner: cmp.Or(v.Owner, kind.Root), Group: cmp.Or(v.Group, kind.Root), Mode: treeMode(v.Mode),
	}
}

// adoptVenv takes the environments that opsafe has made.
func adoptVenv(ctx context.Context, t kind.Taker, name string) error {
	names := []string{venvNotes + name}
	if name == "" {
		var err error
		if names, err = t.ReadDir(notes.Unpacked); err != nil {
			return err
		}
		names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, venvNotes) })
	}
	for _, n := range names {
		trees, err := t.Unpacked(ctx, n)
		if err != nil {
			return err
		}
		trees = slices.DeleteFunc(trees, func(u host.UnpackedTree) bool { return u.Gone })
		switch {
		case len(trees) > 0:
		case name != "":
			return fmt.Errorf("opsafe has made no environment under that name")
		default:
			continue
		}
		a := trees[len(trees)-1]
		item := strings.TrimPrefix(n, venvNotes)
		if err := t.Take("as it was made", map[string]any{
			"wheels": a.Source, "pins": pinLines(a.Wheels), "path": a.Path, "owner": a.Owner, "group": a.Group, "mode": a.Mode.String(),
		}, "venvs", item); err != nil {
			return err
		}
		t.Notef("venv %s: links that lead to it are not known: add commands", item)
	}
	return nil
}
