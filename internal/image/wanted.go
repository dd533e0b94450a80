package image

import (
	"slices"
	"strings"

	"opsafe/internal/host"
)

func paths(at ...string) []wanted {
	out := make([]wanted, len(at))
	for i, p := range at {
		out[i] = wanted{Subject: Subject{OfPath, p}}
	}
	return out
}

func of(s Sort, names ...string) []wanted {
	out := make([]wanted, len(names))
	for i, n := range names {
		out[i] = wanted{Subject: Subject{s, n}}
	}
	return out
}

// wanted is what a step is about to change.
func (c *Collector) wanted(s host.Step) []wanted {
	switch s := s.(type) {
	case host.WriteFile:
		return []wanted{{Subject: Subject{OfPath, s.Path}, secret: s.Content.Secret()}}
	case host.MakeDir:
		return []wanted{{Subject: Subject{OfPath, s.Path}, home: s.Skeleton}}
	case host.MakeLink:
		return paths(s.Path)
	case host.RemovePath:
		w := paths(s.Path)
		w[0].secret = s.Was != nil && s.Was.Content.Secret()
		return w
	case host.MakeKeyPair:
		return paths(s.Path, s.Path+".pub")
	case host.SetOwner:
		return []wanted{{Subject: Subject{OfPath, s.Path}, rights: true}}
	case host.SetAccess:
		return []wanted{{Subject: Subject{OfPath, s.Path}, rights: true}}
	case host.FixTree:
		return []wanted{{Subject: Subject{OfTree, s.Rule.Root + " " + ruleName(s.Rule)}, rule: &s.Rule}}
	case host.InstallPackages, host.RemovePackages, host.HoldPackages:
		return c.packages(s)
	}
	return c.other(s)
}

func (c *Collector) other(s host.Step) []wanted {
	switch s := s.(type) {
	case host.AddGroup:
		return of(OfGroup, s.Name)
	case host.SetGID:
		return of(OfGroup, s.Name)
	case host.DeleteGroup:
		return of(OfGroup, s.Name)
	case host.SetMembers:
		return of(OfGroup, s.Group)
	case host.AddUser:
		return append(of(OfUser, s.Name), of(OfGroup, append([]string{s.Name}, s.Groups...)...)...)
	case host.DeleteUser:
		w := append(of(OfPassword, s.Name), of(OfUser, s.Name)...)
		groups := []string{s.Name}
		if u, err := takeUser(c.r, s.Name); err == nil {
			groups = append(groups, u.Groups...)
		}
		return append(w, of(OfGroup, groups...)...)
	case host.SetUser:
		return of(OfUser, s.Name)
	case host.SetPassword:
		return of(OfPassword, s.User)
	case host.SetExpiry:
		return of(OfPassword, s.User)
	case host.SetLinger:
		return of(OfLinger, s.User)
	case host.EnableUnit:
		return of(OfUnit, s.Name)
	case host.DisableUnit:
		return of(OfUnit, s.Name)
	case host.MaskUnit:
		return of(OfUnit, s.Name)
	case host.UnmaskUnit:
		return of(OfUnit, s.Name)
	case host.StartUnit:
		return of(OfUnit, s.Name)
	case host.StopUnit:
		return of(OfUnit, s.Name)
	case host.AddNetwork:
		return of(OfNetwork, s.Network.Name)
	case host.RemoveNetwork:
		return of(OfNetwork, s.Name)
	}
	// What is left changes no state: it restarts, ends, checks or keeps the books.
	return nil
}

// packages also wants the configuration and the units of what goes.
func (c *Collector) packages(s host.Step) []wanted {
	var names, gone []string
	switch s := s.(type) {
	case host.HoldPackages:
		return of(OfPackage, s.Names...)
	case host.InstallPackages:
		for _, p := range s.Packages {
			names = append(names, p.Name)
			gone = append(gone, p.Provides.Replaces...)
		}
	case host.RemovePackages:
		gone = s.Names
	}
	want := of(OfPackage, append(names, gone...)...)
	for _, name := range gone {
		conf, units := PackageFiles(c.r, name)
		for _, w := range append(paths(conf...), of(OfUnit, units...)...) {
			w.pkg = name
			want = append(want, w)
		}
	}
	return want
}

// dpkgInfo is where dpkg keeps what it knows of each package's files.
const dpkgInfo = "/var/lib/dpkg/info/"

// PackageFiles are the configuration files and the units of a package that is
// installed, as far as dpkg's own files tell.
func PackageFiles(r host.Reader, name string) (conf, units []string) {
	p, err := r.Package(name)
	if err != nil || p == nil {
		return nil, nil
	}
	facts, err := r.Facts()
	if err != nil {
		return nil, nil
	}
	read := func(what string) []string {
		for _, base := range []string{name, name + ":" + facts.Arch} {
			if data, err := r.ReadFile(dpkgInfo + base + what); err == nil && data != nil {
				return strings.Fields(string(data))
			}
		}
		return nil
	}
	conf = slices.DeleteFunc(read(".conffiles"), func(f string) bool { return !strings.HasPrefix(f, "/") })
	for _, f := range read(".list") {
		for _, dir := range []string{"/lib/systemd/system/", "/usr/lib/systemd/system/"} {
			if unit, ok := strings.CutPrefix(f, dir); ok && strings.Contains(unit, ".") && !strings.ContainsAny(unit, "/@") {
				units = append(units, unit)
			}
		}
	}
	return conf, units
}
