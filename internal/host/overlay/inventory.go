package overlay

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

var _ host.Inventory = (*Host)(nil)

// errNoInventory is a base that cannot list what it has.
var errNoInventory = errors.New("cannot list what the base host has: it cannot do that")

// UnitNames are those of the base with what steps have brought and taken.
func (h *Host) UnitNames(ctx context.Context) ([]string, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	base, ok := h.base.(host.Inventory)
	if !ok {
		return nil, errNoInventory
	}
	names, err := base.UnitNames(ctx)
	known := maps.Clone(h.units)
	maps.DeleteFunc(known, func(name string, _ *host.Unit) bool {
		return strings.Contains(name, "@") && debian.TemplateOf(name) != "" || !debian.IsProgramUnit(name)
	})
	return merged(names, known, func(u *host.Unit) bool { return u != nil }), err
}

// ImageNames are those of the base with what steps have pulled.
func (h *Host) ImageNames(ctx context.Context) ([]string, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	base, ok := h.base.(host.Inventory)
	if !ok {
		return nil, errNoInventory
	}
	names, err := base.ImageNames(ctx)
	return merged(names, h.pulled, func(pulled bool) bool { return pulled }), err
}

// merged puts the names of a map that are there among others, and takes off those
// that are not.
func merged[T any](names []string, by map[string]T, there func(T) bool) []string {
	set := map[string]bool{}
	for _, n := range names {
		set[n] = true
	}
	for n, v := range by {
		set[n] = there(v)
	}
	maps.DeleteFunc(set, func(_ string, there bool) bool { return !there })
	return slices.Sorted(maps.Keys(set))
}
