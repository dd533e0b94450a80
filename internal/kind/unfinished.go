package kind

import (
	"cmp"
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
		names = append(names, p.Name+" ("+p.Words()+")")
		c.Differ("finish "+p.Name, p.Words(), "installed, unless its scripts fail")
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
