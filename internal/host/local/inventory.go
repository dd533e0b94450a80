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
	if u.off {
		return namesUnbooted()
	}
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
	set := unitSet{}
	for _, f := range files {
		set.add(path.Base(f.Path))
	}
	for _, l := range loaded {
		if l.LoadState != "not-found" {
			set.add(l.Name)
		}
	}
	return slices.Sorted(maps.Keys(set)), nil
}

// unitSet are names of units that run programs: of templates, without their instances.
type unitSet map[string]bool

func (s unitSet) add(name string) {
	if debian.IsProgramUnit(name) && (!strings.Contains(name, "@") || debian.IsTemplate(name)) {
		s[name] = true
	}
}

// namesUnbooted are the units of which there are files.
func namesUnbooted() ([]string, error) {
	set := unitSet{}
	for _, dir := range debian.UnitDirs() {
		entries, err := readDirIfThere(dir)
		if err != nil {
			return nil, unknown("list of units", err)
		}
		for _, e := range entries {
			set.add(e.Name())
		}
	}
	return slices.Sorted(maps.Keys(set)), nil
}
