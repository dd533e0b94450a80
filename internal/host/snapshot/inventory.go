package snapshot

import (
	"context"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/host"
)

var (
	_ host.Inventory   = (*Reader)(nil)
	_ host.TreeScanner = (*Reader)(nil)
)

// PackageNames lists the recorded packages.
func (r *Reader) PackageNames() ([]string, error) {
	if !r.state.Whole.Packages {
		if err := r.missing("the list of packages"); err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(r.state.Packages)), nil
}

// UnitNames lists the recorded units.
func (r *Reader) UnitNames(context.Context) ([]string, error) {
	if !r.state.Whole.Units {
		if err := r.missing("the list of units"); err != nil {
			return nil, err
		}
	}
	var names []string
	for _, n := range slices.Sorted(maps.Keys(r.state.Units)) {
		if u := r.state.Units[n]; u.Load != "" && host.InventoryUnit(n) && (!strings.Contains(n, "@") || strings.Contains(n, "@.")) {
			names = append(names, n)
		}
	}
	return names, nil
}

// NetworkNames lists the recorded networks.
func (r *Reader) NetworkNames(context.Context) ([]string, error) {
	if !r.state.Whole.Networks {
		if err := r.missing("the list of docker networks"); err != nil {
			return nil, err
		}
	}
	var names []string
	for _, n := range r.state.Networks {
		names = append(names, n.Name)
	}
	slices.Sort(names)
	return names, nil
}
