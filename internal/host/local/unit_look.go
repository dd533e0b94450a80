package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	sdbus "github.com/coreos/go-systemd/v22/dbus"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// look asks systemd for units and remembers the answers: one call for the
// states of all, and small ones for each unit, which are under way at the same
// time. The caller holds mu.
func (u *unitConn) look(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	if u.off {
		return u.lookUnbooted(names)
	}
	conn, err := u.connection(ctx)
	if err != nil {
		return err
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, systemdPatience)
	defer cancel()
	if u.links == nil {
		if u.links, err = readLinks(u.etcDir()); err != nil {
			return unknown("links below "+u.etcDir(), err)
		}
	}
	found, err := askUnits(ctx, conn, names, u.links, u.stale)
	if err != nil {
		return systemdSilent("state of units "+strings.Join(names, ", "), err)
	}
	if err := watchRestarted(outer, conn, found); err != nil {
		return systemdSilent("state of units "+strings.Join(names, ", "), err)
	}
	if u.known == nil {
		u.known = map[string]*host.Unit{}
	}
	for i, unit := range found {
		u.known[names[i]] = unit
	}
	return nil
}

// stale adds the links to a unit, and reports whether what systemd says of its
// enablement contradicts them or the mask on disk. Systemd remembers the answer
// until something is enabled through it; a link made or removed by hand is not.
func (u *unitConn) stale(unit *host.Unit) bool {
	unit.Links = u.links[unit.Name]
	target, err := os.Readlink(u.etcDir() + "/" + unit.Name)
	masked := err == nil && target == "/dev/null"
	if masked != (unit.File == "masked") {
		return true
	}
	if masked {
		return false
	}
	return (unit.File == "enabled") != (len(unit.Links) > 0)
}

func (u *unitConn) etcDir() string {
	if u.etc == "" {
		return debian.UnitDir
	}
	return u.etc
}

// askUnits returns one unit for each name, nil for those that do not exist. For
// units without an answer on enablement, and those whose answer is stale, it
// has systemd read the disk, which takes many times longer.
func askUnits(ctx context.Context, conn *sdbus.Conn, names []string, linked linkIndex, stale func(*host.Unit) bool) ([]*host.Unit, error) {
	units := make([]*host.Unit, len(names))
	var ask []string // a template cannot be loaded, only its instances
	var asked []int
	for i, name := range names {
		units[i] = &host.Unit{Name: name, Load: "loaded", Active: "inactive", Sub: "dead"}
		if !debian.IsTemplate(name) {
			ask, asked = append(ask, name), append(asked, i)
		}
	}
	statuses, err := conn.ListUnitsByNamesContext(ctx, ask)
	if err != nil {
		return nil, err
	}
	if len(statuses) != len(ask) {
		return nil, errors.New("systemd does not take one of them for the name of a unit")
	}
	// The answers are in the order of the questions; an alias is answered
	// with the unit's own name.
	for i, st := range statuses {
		unit := units[asked[i]]
		unit.Load, unit.Active, unit.Sub = st.LoadState, st.ActiveState, st.SubState
	}
	if err := addProperties(ctx, conn, units); err != nil {
		return nil, err
	}
	var again []*host.Unit
	for _, unit := range units {
		if stale(unit) || unit.Load != "loaded" || debian.IsTemplate(unit.Name) {
			again = append(again, unit)
		}
	}
	if err := readAgain(ctx, conn, again); err != nil {
		return nil, err
	}
	if err := addInstances(ctx, conn, units, linked); err != nil {
		return nil, err
	}
	for i, unit := range units {
		gone := unit.Load == "not-found" || debian.IsTemplate(unit.Name)
		// One that runs outlives its file; links outlive it, too.
		left := len(unit.Links) > 0 || unit.Active != "inactive" && unit.Active != "failed"
		if gone && !left && unit.File == "" && unit.Fragment == "" {
			units[i] = nil
		}
	}
	return units, nil
}

// readAgain takes enablement and path from the list of unit files, which systemd
// reads from disk for each question.
func readAgain(ctx context.Context, conn *sdbus.Conn, units []*host.Unit) error {
	if len(units) == 0 {
		return nil
	}
	patterns := make([]string, len(units))
	// Fnmatch(3), by which systemd selects, takes some characters for special
	// that names hold: dev-disk-by\x2duuid.swap.
	quote := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)
	for i, unit := range units {
		patterns[i] = quote.Replace(unit.Name)
	}
	files, err := conn.ListUnitFilesByPatternsContext(ctx, nil, patterns)
	if err != nil {
		return err
	}
	at := map[string]sdbus.UnitFile{}
	for _, f := range files {
		at[f.Path[strings.LastIndex(f.Path, "/")+1:]] = f
	}
	for _, unit := range units {
		if f, ok := at[unit.Name]; ok {
			unit.File = f.Type
			// Of another name of a unit the list has the link.
			if own := path.Base(unit.Fragment); unit.Fragment == "" || own == unit.Name || unit.Load != "loaded" || debian.TemplateOf(unit.Name) == own {
				unit.Fragment = f.Path
			}
		}
		unit.NeedReload = unit.NeedReload || unit.Load == "not-found" && unit.File != ""
	}
	return nil
}

// addInstances adds to templates which of their instances run or are enabled.
func addInstances(ctx context.Context, conn *sdbus.Conn, units []*host.Unit, linked linkIndex) error {
	for _, unit := range units {
		if !debian.IsTemplate(unit.Name) {
			continue
		}
		prefix, suffix, _ := strings.Cut(unit.Name, "@")
		loaded, err := conn.ListUnitsByPatternsContext(ctx, nil, []string{prefix + "@*" + suffix})
		if err != nil {
			return err
		}
		for _, st := range loaded {
			if st.ActiveState != "inactive" && st.ActiveState != "failed" {
				unit.Instances = append(unit.Instances, st.Name)
			}
		}
		for name := range linked {
			if debian.TemplateOf(name) == unit.Name {
				unit.Instances = append(unit.Instances, name)
			}
		}
		slices.Sort(unit.Instances)
		unit.Instances = slices.Compact(unit.Instances)
	}
	return nil
}

// addProperties asks for what the list of states does not say, with one question
// for each unit.
func addProperties(ctx context.Context, conn *sdbus.Conn, units []*host.Unit) error {
	var wg sync.WaitGroup
	errs := make([]error, len(units))
	for i, unit := range units {
		if debian.IsTemplate(unit.Name) {
			continue
		}
		wg.Go(func() {
			all, err := conn.GetUnitPropertiesContext(ctx, unit.Name)
			if err != nil {
				errs[i] = err
				return
			}
			unit.NeedReload, _ = all["NeedDaemonReload"].(bool)
			unit.Fragment, _ = all["FragmentPath"].(string)
			unit.File, _ = all["UnitFileState"].(string)
			unit.Triggers, _ = all["Triggers"].([]string)
			unit.Dependents = listsOf(all, "RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf")
			unit.Starters = listsOf(all, "UpheldBy", "TriggeredBy")
			if unit.File == "static" || unit.File == "generated" {
				wanted, _ := all["WantedBy"].([]string)
				if unit.File == "generated" {
					wanted = append(wanted, requiringTargets(all)...)
				}
				unit.WantedBy = slices.Compact(slices.Sorted(slices.Values(wanted)))
			}
			// Systemd takes drop-ins of a masked unit for news that it has not
			// read, and never reads them.
			unit.NeedReload = unit.NeedReload && unit.Load != "masked"
			if len(unit.Triggers) == 0 {
				unit.Triggers = nil
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// listsOf are the units in these lists of a unit's properties, sorted; nil for none. A systemd
// that does not know a property has none in it.
func listsOf(all map[string]any, properties ...string) []string {
	var out []string
	for _, name := range properties {
		more, _ := all[name].([]string)
		out = append(out, more...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// requiringTargets are the targets that require a unit, as local-fs.target does what
// fstab mounts.
func requiringTargets(all map[string]any) []string {
	requiring, _ := all["RequiredBy"].([]string)
	return slices.DeleteFunc(slices.Clone(requiring), func(name string) bool { return path.Ext(name) != ".target" })
}

func property[T any](ctx context.Context, conn *sdbus.Conn, unit, name string) (T, error) {
	var zero T
	p, err := conn.GetUnitPropertyContext(ctx, unit, name)
	if err != nil {
		return zero, err
	}
	v, ok := p.Value.Value().(T)
	if !ok {
		return zero, errors.New("systemd's property " + name + " is of another type than expected")
	}
	return v, nil
}

// linkIndex has the enablement links of every unit, sorted.
type linkIndex map[string][]string

// readLinks reads the links below /etc/systemd/system by which units are
// enabled: in directories of .wants, .requires and .upholds, and aliases beside
// them. A link counts for the unit of its own name and for the one that it
// points to, which differ for aliases; that of an instance does not count for
// its template, of which there are others. Links
// that only bring a unit file from elsewhere, or mask one, are none.
func readLinks(dir string) (linkIndex, error) {
	idx := linkIndex{}
	entries, err := readDirIfThere(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := dir + "/" + e.Name()
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			target, err := linkBase(path)
			if err != nil {
				return nil, err
			}
			if target != "" && target != e.Name() {
				idx[target] = append(idx[target], path)
			}
		case e.IsDir() && pullsIn(e.Name()):
			if err := idx.addDir(path); err != nil {
				return nil, err
			}
		}
	}
	return idx, nil
}

func (x linkIndex) addDir(dir string) error {
	entries, err := readDirIfThere(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		path := dir + "/" + e.Name()
		target, err := linkBase(path)
		if err != nil {
			return err
		}
		x[e.Name()] = append(x[e.Name()], path)
		if target != "" && target != e.Name() && debian.TemplateOf(e.Name()) != target {
			x[target] = append(x[target], path)
		}
	}
	return nil
}

// linkBase is the last part of what a link points to; empty for /dev/null and
// for links that are gone.
func linkBase(path string) (string, error) {
	target, err := os.Readlink(path)
	if errors.Is(err, fs.ErrNotExist) || target == "/dev/null" {
		return "", nil
	}
	return target[strings.LastIndex(target, "/")+1:], err
}

func pullsIn(dir string) bool {
	return strings.HasSuffix(dir, ".wants") || strings.HasSuffix(dir, ".requires") || strings.HasSuffix(dir, ".upholds")
}
