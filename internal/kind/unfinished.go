package kind

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// Finishes adds to a change of packages what dpkg does beside it: before anything else
// it configures whatever has been left half done, whoever left it. That is a change,
// and belongs to the plan and to the record. What known says is spoken of elsewhere is
// left out.
func Finishes(r host.Reader, c *change.Change, known func(name string) bool) error {
	if !slices.ContainsFunc(c.Steps, host.RunsDpkg) {
		return nil
	}
	unfinished, err := r.Unfinished()
	if err != nil {
		return err
	}
	var names []string
	for _, p := range unfinished {
		if touches(c.Steps, p.Name) || known(p.Name) {
			continue
		}
		names = append(names, p.Name+" ("+packageState(&p)+")")
		c.Differ("finish "+p.Name, packageState(&p), "installed, unless its scripts fail")
	}
	if len(names) > 0 {
		c.Notes = append(c.Notes, "dpkg finishes what was left half done: "+strings.Join(names, ", ")+"; what fails there again has to be mended, or purged by the spec")
		c.Irreversible = cmp.Or(c.Irreversible, "what was half done before stays finished")
	}
	return nil
}

// touches reports whether steps install or remove a package themselves.
func touches(steps []host.Step, name string) bool {
	for _, s := range steps {
		switch s := s.(type) {
		case host.InstallPackages:
			if slices.ContainsFunc(s.Packages, func(p host.PackageInstall) bool { return p.Name == name }) {
				return true
			}
		case host.RemovePackages:
			if slices.Contains(s.Names, name) {
				return true
			}
		case host.UpgradePackages:
			if slices.ContainsFunc(s.Packages, func(p host.PackageUpgrade) bool { return p.Name == name }) {
				return true
			}
		default: // no other installs or removes any
		}
	}
	return false
}

// speaksOf reports whether a package is declared, and says itself how it is: a bare
// name speaks of other architectures only where it takes them away.
func (l packageLook) speaksOf(key string) bool {
	if d := l.declared[key]; d != nil && d.State != "" {
		return l.picked(key)
	}
	name, _, foreign := strings.Cut(key, ":")
	d := l.declared[name]
	return foreign && l.picked(name) && d != nil && (d.State == Absent || d.State == statePurged)
}

func (l packageLook) picked(name string) bool { return l.chosen == nil || l.chosen[name] }

// Chosen tells packages which others a selection leaves. dpkg finishes those that are
// left out, too, and then no plan of their own says so.
func Chosen(left []Resource) []Resource {
	chosen := map[string]bool{}
	for _, r := range left {
		if l, ok := r.Looker.(packageLook); ok {
			chosen[l.name] = true
		}
	}
	out := slices.Clone(left)
	for i, r := range out {
		if l, ok := r.Looker.(packageLook); ok {
			l.chosen = chosen
			out[i].Looker = l
		}
	}
	return out
}

// tornNote says of a package that is to be installed that it is there by half. Whether
// its scripts fail again nobody can tell but they themselves.
func tornNote(p *host.Package) []string {
	if !p.Unfinished() {
		return nil
	}
	return []string{fmt.Sprintf("it is %s: a package manager was stopped, or the package's own scripts failed, and then fail again unless what they need is mended", packageState(p))}
}
