package host

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
)

// Units is systemd.
type Units interface {
	// Unit describes a unit, by its full name. Nil: systemd knows no such unit
	// and none is installed.
	Unit(ctx context.Context, name string) (*Unit, error)
}

// Unit is the state of a systemd unit, in the words of org.freedesktop.systemd1(5).
type Unit struct {
	Name       string
	Load       string // loaded, not-found, masked, bad-setting, error
	Active     string // active, inactive, failed, activating, deactivating, reloading
	Sub        string // running, dead, waiting, …
	File       string // enabled, disabled, static, masked, linked, indirect, generated, …
	Fragment   string // path of the unit file; empty for none
	NeedReload bool   // changed on disk since systemd read it
	// Links are the symlinks by which the unit is enabled, as they are on
	// disk below /etc/systemd/system, sorted.
	Links []string
	// Triggers are the units that it starts, as sockets, timers and paths do.
	Triggers []string
	// Dependents are the units that systemd stops and restarts with it, be it
	// that they require it, are bound to it or are a part of it, sorted.
	Dependents []string
	// Starters are the units that start it whenever it does not run, while they run
	// themselves: those that uphold it, and sockets, timers and the like of which it is
	// the job, sorted.
	Starters []string
	// WantedBy are the units that start a unit without links in /etc, sorted: of
	// static and generated ones alone. For generated ones, targets that require them
	// are among them.
	WantedBy []string
	// Instances are those of a template that run or are enabled, sorted.
	Instances []string
}

// Clone is a unit that shares nothing with this one.
func (u *Unit) Clone() *Unit {
	c := *u
	for _, l := range []*[]string{&c.Links, &c.Triggers, &c.Dependents, &c.Starters, &c.WantedBy, &c.Instances} {
		*l = slices.Clone(*l)
	}
	return &c
}

// Running reports whether the unit is active or on its way there. One that has
// ended and only waits to be started again does not run.
func (u *Unit) Running() bool {
	return u != nil && !u.Looping() && (u.Active == "active" || u.Active == "activating" || u.Active == "reloading")
}

// Looping reports whether the unit has ended, and systemd waits to start it again
// (Restart= in systemd.service(5)).
func (u *Unit) Looping() bool { return u != nil && strings.Contains(u.Sub, "auto-restart") }

// Masked reports whether nothing can start the unit.
func (u *Unit) Masked() bool {
	return u != nil && (u.Load == "masked" || strings.HasPrefix(u.File, "masked"))
}

// Known reports whether systemd has a file of the unit: one can run, or be enabled
// by links, after its file has gone.
func (u *Unit) Known() bool { return u != nil && (u.Load != "not-found" || u.File != "") }

// Startable reports whether systemd would take a job that starts the unit.
func (u *Unit) Startable() bool { return u != nil && u.Load != "masked" && u.Load != "not-found" }

// Opens reports whether a unit waits for others in place of those that it starts: a
// socket for the service, an automount for the mount.
func Opens(name string) bool { return path.Ext(name) == ".socket" || path.Ext(name) == ".automount" }

// Blocks are the units without which a socket or automount cannot be started while they
// run: those that it starts, but not the instances that serve one connection each.
func (u *Unit) Blocks() []string {
	if u == nil || !Opens(u.Name) {
		return nil
	}
	each := strings.TrimSuffix(u.Name, ".socket") + "@"
	var out []string
	for _, name := range u.Triggers {
		if rest, instance := strings.CutPrefix(name, each); instance && rest[0] >= '0' && rest[0] <= '9' {
			continue
		}
		out = append(out, name)
	}
	return out
}

// Along are the units that run and that systemd stops, or restarts, together with
// one, sorted.
func Along(ctx context.Context, r Units, name string) ([]string, error) {
	seen := map[string]bool{name: true}
	var out []string
	for todo := []string{name}; len(todo) > 0; todo = todo[1:] {
		u, err := r.Unit(ctx, todo[0])
		if err != nil {
			return nil, err
		}
		if u == nil || todo[0] != name && !u.Running() {
			continue
		}
		if todo[0] != name {
			out = append(out, todo[0])
		}
		for _, d := range u.Dependents {
			if !seen[d] {
				seen[d] = true
				todo = append(todo, d)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// UnsettledError says of units that were started or restarted why they do not run
// as they should.
type UnsettledError struct{ Why map[string]string }

func (e *UnsettledError) Error() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(e.Why)) {
		list = append(list, name+" "+e.Why[name])
	}
	return strings.Join(list, "; ")
}
