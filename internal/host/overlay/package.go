package overlay

import (
	"slices"
	"strings"

	"opsafe/internal/host"
)

// predictedPackage is a package whose state a step has changed.
type predictedPackage struct {
	now *host.Package // nil: purged
	// brought is what installing it here brought, to take away again.
	brought *host.Provides
}

// manual reports whether it is installed and asked for.
func (p *predictedPackage) manual() bool {
	return p.now != nil && p.now.State == host.Installed && !p.now.Auto
}

// Package is what dpkg would say.
func (h *Host) Package(name string) (*host.Package, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.pkg(name)
}

// Awaited are the packages that steps have installed, sorted. What they bring is
// known in part only.
func (h *Host) Awaited() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.awaited()
}

func (h *Host) awaited() []string {
	var out []string
	for name, p := range h.packages {
		if p.brought != nil && p.now != nil && p.now.State == host.Installed {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Foreign are those of other architectures that dpkg would know.
func (h *Host) Foreign(name string) ([]host.Package, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	there, err := h.base.Foreign(name)
	return h.amended(there, func(p host.Package) bool { return strings.HasPrefix(p.Name, name+":") }), err
}

// Unfinished are those that would be half done: what steps have touched is not.
func (h *Host) Unfinished() ([]host.Package, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	there, err := h.base.Unfinished()
	return h.amended(there, func(p host.Package) bool { return p.Unfinished() }), err
}

// amended is a list of packages with what steps have made of those of its sort,
// sorted by key.
func (h *Host) amended(there []host.Package, of func(host.Package) bool) []host.Package {
	all := slices.DeleteFunc(slices.Clone(there), func(p host.Package) bool { return h.packages[p.Name] != nil })
	for _, p := range h.packages {
		if p.now != nil && of(*p.now) {
			all = append(all, *p.now)
		}
	}
	slices.SortFunc(all, func(a, b host.Package) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (h *Host) pkg(name string) (*host.Package, error) {
	if strings.Contains(name, ":") {
		facts, err := h.base.Facts()
		if err != nil {
			return nil, err
		}
		name = host.NativeKey(name, facts.Arch)
	}
	if p, ok := h.packages[name]; ok {
		if p.now == nil {
			return nil, nil
		}
		c := *p.now
		return &c, nil
	}
	return h.base.Package(name)
}

// Packages are what dpkg would know.
func (h *Host) Packages() ([]host.Package, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all, err := h.base.Packages()
	if err != nil {
		return nil, err
	}
	return h.amended(all, func(host.Package) bool { return true }), nil
}

// Manual are those of the base, and what steps have installed by name.
func (h *Host) Manual() ([]string, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all, err := h.base.Manual()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(slices.Clone(all), func(name string) bool {
		p := h.packages[name]
		return p != nil && !p.manual()
	})
	for name, p := range h.packages {
		if !p.manual() || slices.Contains(all, name) {
			continue
		}
		// What was there before and is neither listed nor marked as others' is a library,
		// or of the base system.
		if was, err := h.base.Package(name); p.brought != nil || err == nil && was != nil && was.Auto {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all, nil
}

// Candidate is what the base's index says.
func (h *Host) Candidate(name string) (bool, error) { return h.base.Candidate(name) }
