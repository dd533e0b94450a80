package source

import (
	"path"
	"reflect"

	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// section is the section apt.
func section() spec.Section {
	return spec.Section{
		Type: reflect.TypeFor[*Apt](), After: "applications", Judge: judge,
		Field: spec.Field{Name: "apt", Is: "where packages come from", Example: "{mode: verify}"},
	}
}

// Apt says where packages come from.
type Apt struct {
	spec.Meta
	// Mode install installs and removes; verify only reports, for hosts
	// without an archive.
	Mode string `yaml:"mode"`
	// Mirrors replaces prefixes of URLs in the host's own sources, in the
	// one-line and in the deb822 layout.
	Mirrors map[string]string  `yaml:"mirrors"`
	Sources map[string]*Source `yaml:"sources"`
	Keys    map[string]*Key    `yaml:"keys"`
}

// Source is a deb822 file /etc/apt/sources.list.d/NAME.sources.
type Source struct {
	spec.Item
	URIs       []string `yaml:"uris"`
	Suites     []string `yaml:"suites"`
	Components []string `yaml:"components"`
	// SignedBy is the name of a key of apt.keys.
	SignedBy string `yaml:"signed_by"`
	State    string `yaml:"state"`
}

// Key is a keyring /etc/apt/keyrings/NAME.asc or .gpg, after its source.
type Key struct {
	spec.Item
	Source string `yaml:"source"`
	// Data is the key, read when the spec is loaded.
	Data []byte `yaml:"-"`
}

// Fields says what there is to know of the fields.
func (Apt) Fields() []spec.Field {
	return []spec.Field{
		{Name: "mode", Is: "whether packages are installed", More: "verify is for hosts without an archive: what is missing is reported as failed, and not installed. Removing needs no archive, and is done.", Default: "install", Example: "verify", Form: spec.WordsForm("install", "verify")},
		{Name: "mirrors", Is: "what takes the place of which address", More: "From the beginning of an address in the host's own sources to what replaces it.", Unset: "none", Example: "{http://deb.debian.org/: https://debian.proxy.example/}", Form: spec.ArchiveForm(), Names: new(spec.ArchiveForm())},
		{Name: "sources", Item: "apt source NAME", Is: "files NAME.sources of apt's", More: "/etc/apt/sources.list.d/NAME.sources, in the deb822 layout. Sources of the host are never removed.", Unset: "none", Example: "{tools: {uris: [https://tools.example/debian], suites: [bookworm], components: [main], signed_by: tools}}", Names: new(spec.NameForm())},
		{Name: "keys", Item: "apt key NAME", Is: "keyrings that sources are signed by", More: "/etc/apt/keyrings/NAME.asc or .gpg, after their source.", Unset: "none", Example: "{tools: {source: files/tools.asc}}", Names: new(spec.NameForm())},
	}
}

// Fields says what there is to know of the fields.
func (Source) Fields() []spec.Field {
	return []spec.Field{
		{Name: "uris", Is: "addresses of the archive", Unset: "an error", Example: "[https://tools.example/debian]", Form: spec.ArchiveForm()},
		{Name: "suites", Is: "suites, such as a release's codename", Unset: "an error", Example: "[bookworm]", Form: spec.WordForm("name")},
		{Name: "components", Is: "components of the suites", More: "Only suites that end in / do without.", Unset: "an error, unless a suite ends in /", Example: "[main]", Form: spec.WordForm("name")},
		{Name: "signed_by", Is: "the key of apt.keys that signs it", Unset: "any key that apt trusts", Example: "tools", Form: spec.Form{Says: "name"}},
		{Name: "state", Is: "whether there is one", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// Fields says what there is to know of the fields.
func (Key) Fields() []spec.Field {
	return []spec.Field{
		{Name: "source", Is: "the key, a file .asc or .gpg", More: "A path relative to the file that names it.", Unset: "an error", Example: "files/tools.asc", Form: spec.Form{Says: "file", Pattern: `\.(asc|gpg)$`}},
	}
}

// of is what the section says: nothing, where there is none.
func of(b *spec.Backend) *Apt {
	if a := spec.Of[*Apt](b, "apt"); a != nil {
		return a
	}
	return &Apt{}
}

// OnlyVerifies reports whether packages are reported and not installed: see
// kind.OnlyVerifies.
func (a *Apt) OnlyVerifies() bool { return a.Mode == "verify" }

// readKeys reads the keys beside the spec.
func readKeys(b *spec.Backend, read func(at spec.Pos, label, name string) []byte) {
	for name, k := range of(b).Keys {
		if k.Source != "" {
			k.Data = read(k.At("source"), "apt key "+name+": source", k.Source)
		}
	}
}

func owns(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for name, s := range spec.Sorted(of(b).Sources) {
		out = append(out, spec.Owned{Path: pathOf(name), Label: "apt source " + name, Pos: s.Pos, Absent: s.State == kind.Absent})
	}
	for name, k := range spec.Sorted(of(b).Keys) {
		out = append(out, spec.Owned{Path: keyrings + "/" + name + path.Ext(k.Source), Label: "apt key " + name, Pos: k.Pos})
	}
	return out
}
