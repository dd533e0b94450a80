// Package kinds lists the kinds of resources. Whoever has to know something of all
// kinds, or of a kind by its name, asks the entries of this one list.
package kinds

import (
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/kind/archive"
	"opsafe/internal/kind/certificate"
	"opsafe/internal/kind/chrony"
	"opsafe/internal/kind/compose"
	"opsafe/internal/kind/deployment"
	"opsafe/internal/kind/docker"
	"opsafe/internal/kind/environment"
	"opsafe/internal/kind/hosts"
	"opsafe/internal/kind/keys"
	"opsafe/internal/kind/packages"
	"opsafe/internal/kind/passwords"
	"opsafe/internal/kind/source"
	"opsafe/internal/kind/sshd"
	"opsafe/internal/kind/sudoers"
	"opsafe/internal/kind/sysctl"
	"opsafe/internal/kind/units"
	"opsafe/internal/spec"
)

// Table lists the kinds in the order in which they take effect.
//
// The order is the law: names have to be found before packages are fetched; packages bring users, groups and units; accounts own
// files; files configure services; units run last, and what is deployed restarts them. Keys and passwords let people
// in: they come once what the spec keeps from them is closed.
func Table() []kind.Kind {
	return []kind.Kind{
		hosts.Kind(),
		source.Kind(),
		packages.Kind(),
		kind.Groups(),
		kind.Users(),
		kind.Directories(),
		kind.ACLs(),
		kind.Files(),
		archive.Kind(),
		archive.Venvs(),
		certificate.Kind(),
		keys.Kind(),
		sudoers.Kind(),
		sshd.Kind(),
		passwords.Kind(),
		sysctl.Kind(),
		docker.Firewalls(),
		docker.Kind(),
		compose.Kind(),
		chrony.Kind(),
		environment.Kind(),
		units.Kind(),
		deployment.Kind(),
		deployment.Receivers(),
	}
}

// Find is the kind of a name, which may be in the plural; false: there is none.
func Find(name string) (kind.Kind, bool) {
	for _, k := range Table() {
		if k.Called(name) {
			return k, true
		}
	}
	return kind.Kind{}, false
}

// ByName are the kinds by their names, for whoever asks them of many resources.
func ByName() map[string]kind.Kind {
	out := map[string]kind.Kind{}
	for _, k := range Table() {
		out[k.Name] = k
	}
	return out
}

// Secrets says what of the files of a host nobody may record when these backends are planned on it.
func Secrets(backends ...*spec.Backend) host.Secrecy { return kind.Secrets(Table(), backends...) }

// Language is what can be written in a spec.
func Language() *spec.Language { return spec.NewLanguage(parts()) }

func parts() []spec.Part {
	table := Table()
	out := make([]spec.Part, 0, len(table))
	for _, k := range table {
		out = append(out, k.Part)
	}
	return out
}

// Load reads and checks a repository, as spec.Load does, in the language of all
// kinds.
func Load(o spec.LoadOptions) (*spec.Repository, error) {
	o.Parts = parts()
	return spec.Load(o)
}
