package offboard

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// Where system units are that no package brings: an administrator's, and those
// that systemd-run makes, which are gone once they have ended.
const (
	localUnits     = debian.LocalUnitDir
	runtimeUnits   = debian.RunUnitDir
	transientUnits = "/run/systemd/transient"
)

// runAs is a system unit that runs in somebody's name.
type runAs struct {
	name string // as systemd knows it
	path string // the file that says so
	// linked is set where the file is elsewhere, and systemd follows a link to it.
	linked bool
	// instance is set for that of a template which has the user's name.
	instance bool
	// starters are timers, sockets and paths that start it.
	starters []string
}

// unitsRunAs finds the system units whose files name a user by name or number.
// Systemd does not ask whether an account has expired.
func unitsRunAs(r host.Reader, u host.User) (found []runAs, problem error) {
	for _, dir := range []string{debian.UnitDir, localUnits, runtimeUnits, transientUnits} {
		names, err := r.ReadDir(dir)
		if err != nil {
			problem = err
			continue
		}
		for _, name := range names {
			unit, dropIns := strings.CutSuffix(name, ".d")
			files := []string{name}
			if dropIns {
				if files, err = dropInFiles(r, dir, name); err != nil {
					problem = err
					continue
				}
			}
			for _, file := range files {
				at := path.Join(dir, file)
				at, linked := unitFile(r, at)
				data, err := r.ReadFile(at)
				if err != nil {
					continue // a directory, or a link to what is not there
				}
				who := unitUser(data)
				if who == u.Name || who == strconv.Itoa(u.UID) {
					found = append(found, runAs{name: unit, path: at, linked: linked, starters: starters(unit, names)})
				}
				if instance := instanceOf(unit, u.Name); instance != "" && (who == "%i" || who == "%I") {
					found = append(found, runAs{name: instance, path: at, instance: true})
				}
			}
		}
	}
	return found, problem
}

// unitFile is the file behind a name in a directory of units: systemd follows a link
// to a file elsewhere, as `systemctl enable /opt/app/work.service` makes. A link to
// another directory of units is another name of what is found there.
func unitFile(r host.Reader, at string) (file string, linked bool) {
	n, err := r.Stat(at)
	if err != nil || n == nil || n.Type != host.TypeSymlink {
		return at, false
	}
	to := n.Target
	if !path.IsAbs(to) {
		to = path.Join(path.Dir(at), to)
	}
	if slices.Contains([]string{debian.UnitDir, localUnits, runtimeUnits, transientUnits}, path.Dir(to)) {
		return at, false
	}
	return to, true
}

// instanceOf is the instance of a template for a name; empty: the unit is no template.
func instanceOf(unit, name string) string {
	if before, after, ok := strings.Cut(unit, "@."); ok {
		return before + "@" + name + "." + after
	}
	return ""
}

func dropInFiles(r host.Reader, dir, sub string) ([]string, error) {
	names, err := r.ReadDir(path.Join(dir, sub))
	var out []string
	for _, name := range names {
		if strings.HasSuffix(name, ".conf") {
			out = append(out, path.Join(sub, name))
		}
	}
	return out, err
}

// unitUser is the last User= of a unit's file.
func unitUser(data []byte) string {
	who := ""
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.TrimSpace(key) == "User" {
			who = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return who
}

// starters are the units of a directory that start another by its name.
func starters(unit string, names []string) []string {
	base := strings.TrimSuffix(unit, path.Ext(unit))
	var out []string
	for _, ext := range []string{".timer", ".socket", ".path"} {
		if slices.Contains(names, base+ext) {
			out = append(out, base+ext)
		}
	}
	return out
}

// declaresUnit reports whether the spec has the last word on a unit's file.
func (o Offboarding) declaresUnit(name, at string) bool {
	if o.declaresFile(at) {
		return true
	}
	if o.Declared == nil {
		return false
	}
	u := kind.UnitsOf(o.Declared)[name]
	return u != nil && u.State != stateAbsent
}

// systemUnits are the units that are to go, and before them what starts them.
func (o Offboarding) systemUnits(r host.Reader, u host.User) []kind.Resource {
	found, _ := unitsRunAs(r, u) // what cannot be read is said in the end
	var out []kind.Resource
	for _, f := range found {
		if f.linked || f.instance || o.declaresUnit(f.name, f.path) {
			continue // the file is somebody's or for others, too: it is named in the end
		}
		for _, name := range append(slices.Clone(f.starters), f.name) {
			id := change.ID{Kind: "unit", Name: name}
			if slices.ContainsFunc(out, func(r kind.Resource) bool { return r.ID == id }) || o.declaresUnit(name, path.Join(path.Dir(f.path), name)) {
				continue
			}
			switch path.Dir(f.path) {
			case transientUnits:
				out = append(out, kind.Resource{ID: id, Looker: transientLook{name}})
			case debian.UnitDir:
				out = append(out, kind.NoUnit(name))
			}
		}
	}
	return out
}

// transientLook stops a unit that systemd-run has made, which ends it.
type transientLook struct{ name string }

func (l transientLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	u, err := r.Unit(ctx, l.name)
	if err != nil || !u.Running() {
		return c, err
	}
	c.Action, c.Irreversible = change.Remove, "it was made by systemd-run, and is gone once it has been stopped"
	c.Differ("running", "yes", "no")
	c.Steps = []host.Step{host.StopUnit{Name: l.name}}
	return c, nil
}
