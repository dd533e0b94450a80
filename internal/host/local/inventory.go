package local

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

var (
	_ host.Inventory   = (*Host)(nil)
	_ host.TreeScanner = (*Host)(nil)
)

// UnitNames lists units; see host.Inventory. It has all of them looked at in one
// go, since who lists them is about to ask for each.
func (h *Host) UnitNames(ctx context.Context) ([]string, error) {
	names, err := h.units.names(ctx)
	if err == nil {
		h.Prefetch(ctx, host.Hints{Units: names})
	}
	return names, err
}

func (u *unitConn) names(ctx context.Context) ([]string, error) {
	u.ahead.Wait()
	u.mu.Lock()
	defer u.mu.Unlock()
	conn, err := u.connection(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, systemdPatience)
	defer cancel()
	const what = "list of units"
	files, err := conn.ListUnitFilesContext(ctx)
	if err != nil {
		return nil, systemdSilent(what, err)
	}
	loaded, err := conn.ListUnitsContext(ctx)
	if err != nil {
		return nil, systemdSilent(what, err)
	}
	set := map[string]bool{}
	add := func(name string) {
		if debian.IsProgramUnit(name) && (!strings.Contains(name, "@") || debian.IsTemplate(name)) {
			set[name] = true
		}
	}
	for _, f := range files {
		add(path.Base(f.Path))
	}
	for _, l := range loaded {
		if l.LoadState != "not-found" {
			add(l.Name)
		}
	}
	return slices.Sorted(maps.Keys(set)), nil
}
