package packages

import (
	"context"
	"errors"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// Upgrade is the resource that brings an installed package to another version. What
// holds it stays.
func Upgrade(p host.PackageUpgrade) kind.Resource {
	return kind.Resource{ID: change.ID{Kind: "package", Name: p.Name}, Looker: upgradeLook{p}}
}

// UpgradeKind is the kind of such resources, which are carried out together.
func UpgradeKind() kind.Kind {
	k := kind.Bare("package", kind.StagePackages)
	k.Batch = true
	return k
}

type upgradeLook struct{ host.PackageUpgrade }

func (l upgradeLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	p, err := r.Package(l.Name)
	if err != nil {
		return change.Change{}, err
	}
	if p == nil || p.State != host.Installed {
		return change.Change{}, errors.New("it is not installed any more")
	}
	if p.Version == l.To {
		return change.Change{}, nil
	}
	c := change.Change{Action: change.Modify, Irreversible: "opsafe does not go back to an earlier version"}
	c.Differ("version", p.Version, l.To)
	c.Steps = append(c.Steps, host.UpgradePackages{Packages: []host.PackageUpgrade{l.PackageUpgrade}})
	if p.Hold {
		c.Steps = append(c.Steps, host.HoldPackages{Names: []string{l.Name}, Hold: true})
	}
	return c, kind.Finishes(r, &c, func(string) bool { return false })
}
