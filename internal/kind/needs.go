package kind

import (
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// NeedOwner lists the declared accounts among an owner and a group: without
// them nothing can be given to them.
func (in *Input) NeedOwner(owner, group string) []change.ID {
	var needs []change.ID
	if in.HasUser(owner) {
		needs = append(needs, change.ID{Kind: "user", Name: owner})
	}
	return append(needs, in.NeedGroup(group)...)
}

// NeedGroup is the declared group, or the user who has a group of that name.
func (in *Input) NeedGroup(group string) []change.ID {
	if g, ok := in.Backend.Groups[group]; ok && g.State != "absent" {
		return []change.ID{{Kind: "group", Name: group}}
	}
	if in.HasUser(group) {
		return []change.ID{{Kind: "user", Name: group}}
	}
	return nil
}

// HasUser reports whether the spec declares an account of that name.
func (in *Input) HasUser(name string) bool {
	if u, ok := in.Backend.Users[name]; ok {
		return u.State != "absent"
	}
	return in.member(name) != nil
}

// NeedParent is the nearest directory above p that the spec declares, or the
// user whose home it is.
func (in *Input) NeedParent(p string) []change.ID {
	homes := map[string]string{}
	for name, u := range in.Backend.Users {
		homes[homeOf(name, u)] = name
	}
	for dir := path.Dir(p); dir != "/" && dir != "."; dir = path.Dir(dir) {
		if d, ok := in.Backend.Directories[dir]; ok && d.State != "absent" {
			return []change.ID{{Kind: "directory", Name: dir}}
		}
		if m, ok := strings.CutPrefix(dir, "/home/"); ok && in.member(m) != nil {
			return []change.ID{{Kind: "user", Name: m}}
		}
		if user, ok := homes[dir]; ok {
			return []change.ID{{Kind: "user", Name: user}}
		}
	}
	return nil
}

// homeOf is the home of a service account: /home/NAME unless declared.
func homeOf(name string, u *spec.User) string {
	if u.Home != "" {
		return u.Home
	}
	return "/home/" + name
}

// NeedPackage is the declared package, if it is declared.
func (in *Input) NeedPackage(name string) []change.ID {
	if p, ok := PackagesOf(in.Backend)[name]; ok && p.State == Installed {
		return []change.ID{{Kind: "package", Name: name}}
	}
	if slices.ContainsFunc(in.Backend.Installs(), func(p spec.Installed) bool { return p.Package == name }) {
		return []change.ID{{Kind: "package", Name: name}}
	}
	return nil
}

// verifiedGroups are groups that packages bring which this backend only verifies,
// with the package: where one is missing, nobody can be in its group, and that is all
// that is wrong with them.
func (in *Input) verifiedGroups() map[string]string {
	if !OnlyVerifies(in.Backend) {
		return nil
	}
	out := map[string]string{}
	add := func(name string, said *spec.Provides) {
		for _, g := range Provides(name, said, host.MachineFacts{}).Groups {
			if own := in.Backend.Groups[g.Name]; own == nil {
				out[g.Name] = name
			}
		}
	}
	for name, p := range PackagesOf(in.Backend) {
		if p.State == Installed {
			add(name, p.Provides)
		}
	}
	for _, p := range in.Backend.Installs() {
		add(p.Package, nil)
	}
	return out
}

// OnlyVerifies reports whether a backend's packages are reported and not installed, as
// the section apt says for hosts without an archive.
func OnlyVerifies(b *spec.Backend) bool {
	apt := spec.Of[interface{ OnlyVerifies() bool }](b, "apt")
	return apt != nil && apt.OnlyVerifies()
}
