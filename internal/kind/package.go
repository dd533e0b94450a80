package kind

import "opsafe/internal/spec"

// States of packages, beside Absent.
const (
	Installed = "installed"
	Purged    = "purged"
)

// Package is a Debian package. A bare word is its state.
type Package struct {
	spec.Item
	// State is installed, absent (removed, configuration kept) or purged. Left
	// out, only the hold is managed.
	State string `yaml:"state"`
	// Hold keeps apt from ever upgrading it by the way.
	Hold *bool `yaml:"hold"`
	// Provides says what the package brings, where opsafe does not know it and
	// the spec refers to it.
	Provides *spec.Provides `yaml:"provides"`
}

// ShortField names the field that a bare word is the value of.
func (Package) ShortField() string { return "state" }

// Fields says what there is to know of the fields.
func (Package) Fields() []spec.Field {
	return []spec.Field{
		{Name: "state", Is: "whether it is installed", More: "absent leaves its configuration, purged does not. A bare word in place of the fields says it, too: vim: installed.", Unset: "only hold is managed", Example: "installed", Form: spec.WordsForm(Installed, Absent, Purged)},
		{Name: "hold", Is: "apt leaves it alone when all else is upgraded", Example: "true"},
		{Name: "provides", Is: "what the package brings", More: "So that the spec can refer to it. opsafe knows it of docker.io, chrony, samba, openssh-server, and of the common servers (nginx, apache2, php-fpm, postgresql, mariadb-server, redis-server) with their variants and versions. What nobody has said is known after apply.", Unset: "what opsafe knows of the package", Example: "{units: [nginx.service], users: [nginx]}"},
	}
}

// Gone reports whether it is not to be there.
func (p *Package) Gone() bool { return p.State == Absent || p.State == Purged }

// PackagesOf are the declared packages, by name.
func PackagesOf(b *spec.Backend) map[string]*Package {
	return spec.Of[map[string]*Package](b, "packages")
}
