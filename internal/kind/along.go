package kind

import (
	"context"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// Restarting is what it takes to restart a unit that runs, and what goes with it.
type Restarting struct {
	Steps []host.Step
	// Notes name the units that systemd stops with it.
	Notes []string
	// Ends says what does not come back.
	Ends string
}

// Restart are the steps that restart a unit. What systemd stops together with it
// is started again if it ran, whether systemd does that itself or not; and a
// socket is opened anew while the service that has it is stopped. A run that dies
// in between leaves those starts owed.
func Restart(ctx context.Context, r host.Reader, unit string) (Restarting, error) {
	var out Restarting
	gone, err := takenAlong(ctx, r, unit)
	if err != nil {
		return out, err
	}
	var stop, start, settle []host.Step
	for _, name := range gone.blocking {
		stop = append(stop, host.StopUnit{Name: name})
	}
	for _, name := range gone.back {
		out.Steps = append(out.Steps, host.Owe{Pending: host.Pending{Unit: name, Verb: host.Start, Why: "stopped while " + unit + " restarts"}})
		start = append(start, host.StartUnit{Name: name})
		settle = append(settle, host.Settle{Unit: name, Verb: host.Start})
	}
	out.Steps = slices.Concat(out.Steps, stop, []host.Step{host.ActOnUnit{Name: unit, Verb: host.Restart}}, start, settle)
	if len(gone.blocking) > 0 {
		out.Notes = append(out.Notes, strings.Join(gone.blocking, ", ")+" is stopped, and started again once "+unit+" has been opened anew")
	}
	if others := without(gone.all, gone.blocking); len(others) > 0 {
		out.Notes = append(out.Notes, "systemd restarts with it: "+strings.Join(others, ", "))
	}
	if out.Ends, err = endsContainers(r, append(gone.all, unit)); err != nil || out.Ends == "" {
		return out, err
	}
	left, err := StayEnded(ctx, r, false)
	out.Ends += left
	return out, err
}

// stopping says what else stops when a unit is stopped.
func stopping(ctx context.Context, r host.Reader, unit string) (notes []string, ends string, err error) {
	gone, err := host.Along(ctx, r, unit)
	if err != nil {
		return nil, "", err
	}
	if len(gone) > 0 {
		notes = append(notes, "systemd stops with it: "+strings.Join(gone, ", "))
	}
	ends, err = endsContainers(r, append(gone, unit))
	return notes, ends, err
}

// along are the units that go down with one.
type along struct {
	blocking []string // services that run, and without which a socket cannot be opened
	all      []string // those, and what systemd stops
	back     []string // those of all that can be started again
}

func takenAlong(ctx context.Context, r host.Reader, unit string) (along, error) {
	var out along
	u, err := r.Unit(ctx, unit)
	if err != nil {
		return out, err
	}
	roots := []string{unit}
	for _, name := range u.Blocks() {
		b, err := r.Unit(ctx, name)
		if err != nil {
			return out, err
		}
		if b.Running() {
			out.blocking = append(out.blocking, name)
			roots = append(roots, name)
		}
	}
	out.all = slices.Clone(out.blocking)
	for _, root := range roots {
		more, err := host.Along(ctx, r, root)
		if err != nil {
			return out, err
		}
		out.all = append(out.all, without(more, []string{unit})...)
	}
	slices.Sort(out.all)
	out.all = slices.Compact(out.all)
	for _, name := range out.all {
		u, err := r.Unit(ctx, name)
		if err != nil {
			return out, err
		}
		// A job that is under way is not begun anew.
		if u.Startable() && u.Active == "active" {
			out.back = append(out.back, name)
		}
	}
	return out, nil
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(some, name) })
}

// containerdUnit runs containers for docker.
const containerdUnit = "containerd.service"

// ContainersEnd is what a stop of the engine does to them.
const ContainersEnd = "running containers end: " + debian.DockerUnit + " stops, and live-restore is off"

// endsContainers says that containers end when units stop: those of docker.service
// do, unless its configuration has them outlive it.
func endsContainers(r host.Reader, units []string) (string, error) {
	switch {
	case slices.Contains(units, debian.DockerUnit):
		config, err := Regular(r, debian.DockerConfig)
		if err != nil && !host.IsUnknown(err) {
			return "", err
		}
		options, err := DaemonOptionsOf(config)
		if err != nil && !host.IsUnknown(err) {
			return "", err
		}
		if !options.LiveRestore() {
			return ContainersEnd, nil
		}
	case slices.Contains(units, containerdUnit):
		return "running containers may end: they are run by " + containerdUnit, nil
	}
	return "", nil
}

// StayEnded goes on about containers that end with the engine: which of them it does
// not start again with itself, or may not. Empty: it starts all of them. Outlived: the
// engine that ends leaves them, and the next one stops them.
func StayEnded(ctx context.Context, r host.Docker, outlived bool) (string, error) {
	all, err := r.Containers(ctx)
	if host.IsUnknown(err) {
		return "; which of them stay ended cannot be told", nil
	}
	if err != nil {
		return "", err
	}
	names := map[host.Return][]string{}
	for _, c := range all {
		if c.Running() {
			back := c.Return(outlived)
			names[back] = append(names[back], c.Name+" (restart policy "+c.Restart+")")
		}
	}
	var out string
	if some := names[host.StaysEnded]; len(some) > 0 {
		out += "; nothing starts these again: " + strings.Join(some, ", ")
	}
	if some := names[host.BackOnFailure]; len(some) > 0 {
		out += "; these come back only if they end with an error: " + strings.Join(some, ", ")
	}
	return out, nil
}

// TakesUp is what has a unit take up a new configuration. An sshd for which systemd
// listens loses its sockets by a reload, and keeps them, and its sessions, over a
// restart.
func TakesUp(ctx context.Context, r host.Units, unit string, verb host.Verb) host.Verb {
	if verb != host.Reload || unit != debian.SSHDUnit {
		return verb
	}
	if u, err := r.Unit(ctx, debian.SSHDSocket); err == nil && u.Running() {
		return host.Restart
	}
	return verb
}
