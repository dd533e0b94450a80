// Package archive holds the kinds of what is unpacked as a whole, beside what was there before: archives, and environments of Python.
package archive

import (
	"cmp"
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

// Kind is the kind archive.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "archive", Plural: "archives", Is: "programs and files that come as an archive", Sections: []string{"archives"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*Archive](),
				Field: spec.Field{
					Name: "archives", Item: "archive NAME", Is: "archives that are unpacked, by name",
					More: "Each version is in a directory of its own, beside those before it, and a link leads to the one that counts.", Unset: "none",
					Example: `{tool: {source: /srv/tool-1.2.tar.gz, sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, path: /opt/tool/tool-1.2, link: /opt/tool/current}}`,
					Names:   &spec.Form{Says: "name", Pattern: kind.NotedName, Longest: 64},
				},
			}},
			Check: check, Owns: owns, Beside: besides,
		},
		Stage: kind.StageFiles, Declare: declare, Adopt: adopt,
		Orphans: []kind.Orphans{unpackedOrphans("archive", "declare it with state: absent, and with its link and commands")},
	}
}

// defaultMode is that of directories and programs whose declaration leaves it open.
const defaultMode host.Mode = 0o755

// Archive is an archive that is unpacked; the item's name is shared by its versions.
type Archive struct {
	spec.Item
	// Source is a file beside the spec, a path on the host, or a URL.
	Source string `yaml:"source"`
	SHA256 string `yaml:"sha256"`
	Format string `yaml:"format"`
	// Path is the directory of this version.
	Path  string   `yaml:"path"`
	Strip int      `yaml:"strip"`
	Only  []string `yaml:"only"`
	Owner string   `yaml:"owner"`
	Group string   `yaml:"group"`
	Mode  string   `yaml:"mode"`
	// Link leads to Path, and Commands to what is in it: by Link, if there is one.
	Link     string            `yaml:"link"`
	Commands map[string]string `yaml:"commands"`
	// Check is a program that has to succeed once the links lead to this version.
	Check  []string    `yaml:"check"`
	Keep   *int        `yaml:"keep"`
	State  string      `yaml:"state"`
	Notify spec.Notify `yaml:"notify"`
}

// Fields says what there is to know of the fields.
func (Archive) Fields() []spec.Field {
	return []spec.Field{
		{Name: "source", Is: "where the archive is", More: "A file beside this one, a path on the host, or an address that begins with https:// or http://. It is asked for only when there is something to unpack.", Unset: "an error", Example: "/srv/install/tool-1.2.tar.gz", Form: spec.WordForm("path or address")},
		{Name: "sha256", Is: "the archive's SHA-256", More: "Another archive is not unpacked.", Unset: "an error", Example: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Form: spec.Form{Says: "SHA-256 in hexadecimal", Pattern: `^[0-9a-f]{64}$`}},
		{Name: "format", Is: "how it is packed", Unset: "the end of source's name", Example: "tar.gz", Form: spec.WordsForm(host.ArchiveFormats()...)},
		{Name: "path", Is: "the directory that is to hold what is in it", More: "Of this version alone, such as /opt/tool/tool-1.2: another version has another one. It takes its place as a whole.", Unset: "an error", Example: "/opt/tool/tool-1.2", Form: spec.PathForm()},
		{Name: "strip", Is: "how many directories are taken off the names in it", Default: "0", Example: "1", Form: spec.Form{Min: 0, Max: maxStrip}},
		{Name: "only", Is: "what is taken of it", More: "Names of files and directories, as they are after strip.", Unset: "all", Example: "[bin/tool]", Form: memberForm(), List: spec.ListRules{Distinct: true, NonEmpty: true}},
		{Name: "owner", Is: "whose all of it is", Default: "root", Example: "app", Form: spec.AccountForm()},
		{Name: "group", Is: "the group of all of it", Default: "root", Example: "app", Form: spec.AccountForm()},
		{Name: "mode", Is: "the mode of directories and of programs", More: "Programs are the files that the archive says may be executed. Other files have it without its execute bits.", Default: `"0755"`, Example: `"0750"`, Form: treeModeForm()},
		{Name: "link", Is: "a link that leads to path", More: "It moves once all is unpacked, in one step.", Unset: "none", Example: "/opt/tool/current", Form: spec.PathForm()},
		{Name: "commands", Is: "links that lead to what is in it, by their paths", More: "By way of link, if there is one.", Unset: "none", Example: "{/usr/local/bin/tool: bin/tool}", Form: memberForm(), Names: new(spec.PathForm())},
		{Name: "check", Is: "what has to succeed for the links to stay", More: "It is run once they lead to this version: a program and its arguments, run as root, so that nobody else may write it, or what an argument names by its whole path. No shell. If it fails, the links lead back.", Unset: "nothing is tried", Example: "[/usr/local/bin/tool, --version]", Form: spec.LineForm()},
		{Name: "keep", Is: "how many versions before this one are kept", More: "The others are removed, the oldest first, unless something was added to them.", Unset: "all", Example: "2", Form: spec.Form{Min: 0, Max: 1000}},
		{Name: "state", Is: "whether there is one", More: "absent: all versions go, and the links to them.", Default: "present", Example: "absent", Form: spec.StateForm()},
		{Name: "notify", Is: "units to act on when it changes", Unset: "none", Example: "{restart: [tool.service]}"},
	}
}

func treeModeForm() spec.Form {
	return spec.Form{Says: "mode that gives the owner all rights, without set-id or sticky bits", Pattern: `^0?7[0-7]{2}$`}
}

// treeMode is the mode of directories and programs, as it is declared or left open.
func treeMode(declared string) host.Mode {
	if m := spec.Mode(declared); m != nil {
		return *m
	}
	return defaultMode
}

// maxStrip is more directories than names have.
const maxStrip = 32

// memberForm is a path in an archive.
func memberForm() spec.Form {
	return spec.Form{Says: "path in the archive", Pattern: `^[^/\x00-\x1f\x7f-\x9f]+(/[^/\x00-\x1f\x7f-\x9f]+)*$`, Not: map[string]any{"pattern": `(^|/)\.\.?(/|$)`}}
}

func of(b *spec.Backend) map[string]*Archive {
	return spec.Of[map[string]*Archive](b, "archives")
}

// format is the declared one, or what the name of the source ends in.
func (a *Archive) format() string {
	if a.Format != "" {
		return a.Format
	}
	name, _, _ := strings.Cut(a.Source, "?")
	best := ""
	for _, f := range host.ArchiveFormats() {
		if strings.HasSuffix(name, "."+f) && len(f) > len(best) {
			best = f
		}
	}
	return best
}

// links are those that the archive has, with what they lead to: the one to all of it
// first.
func (a *Archive) links() []kind.Link {
	own := func(at, to string) kind.Link {
		return kind.Link{Path: at, Target: to, Owner: kind.Root, Group: kind.Root}
	}
	var out []kind.Link
	if a.Link != "" {
		out = append(out, own(a.Link, a.Path))
	}
	for _, at := range slices.Sorted(maps.Keys(a.Commands)) {
		out = append(out, own(at, path.Join(cmp.Or(a.Link, a.Path), a.Commands[at])))
	}
	return out
}

func owns(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, a := range of(b) {
		own := func(at string) {
			out = append(out, spec.Owned{Path: at, Label: "archive " + name, Pos: a.Pos, Absent: a.State == kind.Absent, When: a.When})
		}
		if a.Path != "" {
			own(a.Path)
		}
		for _, l := range a.links() {
			own(l.Path)
		}
	}
	return out
}

func besides(b *spec.Backend) []spec.Beside {
	var out []spec.Beside
	for name, a := range of(b) {
		if a.beside() {
			out = append(out, spec.Beside{At: a.At("source"), Label: "archive " + name + ": source", Name: a.Source})
		}
	}
	slices.SortFunc(out, func(a, b spec.Beside) int { return strings.Compare(a.Label, b.Label) })
	return out
}

func (a *Archive) beside() bool {
	return a.Source != "" && !path.IsAbs(a.Source) && !strings.Contains(a.Source, "://")
}

// declare lists the archives.
func declare(in *kind.Input) []kind.Resource {
	var out []kind.Resource
	all := of(in.Backend)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		r := kind.Resource{ID: change.ID{Kind: "archive", Name: name}, Pos: a.Pos, When: a.When}
		notify := kind.Notifications(a.Notify.Restart, a.Notify.Reload)
		if a.State == kind.Absent {
			r.Looker = goneLook{name: name, links: a.links(), notify: notify}
			out = append(out, r)
			continue
		}
		r.Needs = append(in.NeedOwner(a.Owner, a.Group), in.NeedParent(a.Path)...)
		for _, l := range a.links() {
			r.Needs = append(r.Needs, in.NeedParent(l.Path)...)
		}
		look := look{
			want: unpacked(in, name, a), source: a.Source, links: a.links(), members: slices.Sorted(maps.Values(a.Commands)),
			check: a.Check, notify: notify,
		}
		r.Looker = look
		out = append(out, r, kind.Resource{
			ID: change.ID{Kind: r.ID.Kind, Name: name + "/versions"}, Pos: a.Pos, When: a.When, Looker: versionsLook{name: name, path: a.Path, first: look, keep: a.Keep},
		})
	}
	return out
}

// unpacked is what is to be unpacked.
func unpacked(in *kind.Input, name string, a *Archive) host.Archive {
	source := a.Source
	if a.beside() && in.Repo != nil {
		source = path.Join(in.Repo.Dir, spec.Beside{At: a.At("source"), Name: a.Source}.Path())
	}
	return host.Archive{
		Name: name, Path: a.Path, Source: source, SHA256: a.SHA256, Format: a.format(), Strip: a.Strip, Only: slices.Sorted(slices.Values(a.Only)),
		Owner: cmp.Or(a.Owner, kind.Root), Group: cmp.Or(a.Group, kind.Root), Mode: treeMode(a.Mode),
	}
}
