package snapshot

import (
	"context"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

var (
	_ host.Inventory   = (*Reader)(nil)
	_ host.TreeScanner = (*Reader)(nil)
)

// ImageNames lists the recorded images.
func (r *Reader) ImageNames(context.Context) ([]string, error) {
	if !r.state.Whole.Images {
		if err := r.missing("the list of docker's images"); err != nil {
			return nil, err
		}
	}
	var names []string
	for _, n := range slices.Sorted(maps.Keys(r.state.Images)) {
		if r.state.Images[n] != nil {
			names = append(names, n)
		}
	}
	return names, nil
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
		if u := r.state.Units[n]; !noUnit(u) && debian.IsProgramUnit(n) && (!strings.Contains(n, "@") || strings.Contains(n, "@.")) {
			names = append(names, n)
		}
	}
	return names, nil
}
