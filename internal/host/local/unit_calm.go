package local

import (
	"context"
	"path"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

const (
	// calmSeen is how long a service that systemd has started again has to be up
	// before a look takes it for running.
	calmSeen = 10 * time.Second
	// calmPause is how often one is looked at that has not been up for so long, and
	// calmLimit for how long at most.
	calmPause = 250 * time.Millisecond
	calmLimit = 20 * time.Second
)

// restarted is a service that systemd has just started again, or is about to, and
// how often it may have until it counts as looping.
type restarted struct {
	unit  *host.Unit
	begun bool // it was up, or on its way there
	most  uint32
}

// watchRestarted watches those services that systemd has started again a moment
// ago, or will in a moment. One that ends once more meanwhile is in a loop and does
// not run, though it may be up when it is looked at. One that stays up runs,
// however often it has fallen before; one that has been up for longer is not
// watched at all.
func watchRestarted(ctx context.Context, conn *sdbus.Conn, units []*host.Unit) error {
	var watch []restarted
	for _, u := range units {
		if u == nil || path.Ext(u.Name) != ".service" || u.Active != "active" && u.Active != "activating" || debian.IsTemplate(u.Name) {
			continue
		}
		w, doubtful, err := doubt(ctx, conn, u)
		if err != nil {
			return err
		}
		if doubtful {
			watch = append(watch, w)
		}
	}
	for begin := time.Now(); len(watch) > 0 && time.Since(begin) < calmLimit; {
		timer := time.NewTimer(calmPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		var rest []restarted
		for _, w := range watch {
			open, err := w.look(ctx, conn)
			if err != nil {
				return err
			}
			if open {
				rest = append(rest, w)
			}
		}
		watch = rest
	}
	for _, w := range watch {
		w.giveUp()
	}
	return nil
}

// giveUp decides about a service that is on its way up once more, for longer than a
// look waits: it has fallen on the same way before.
func (w restarted) giveUp() {
	if w.unit.Active == "activating" {
		w.unit.Sub = loopingSub
	}
}

// loopingSub is the substate of a service that systemd is about to start again.
const loopingSub = "auto-restart"

// doubt reports whether a look does not tell if a service runs. One that is on its
// way up for the first time is not doubted.
func doubt(ctx context.Context, conn *sdbus.Conn, u *host.Unit) (restarted, bool, error) {
	w := restarted{unit: u, begun: !u.Looping()}
	up, err := upSince(ctx, conn, u.Name)
	if err != nil || u.Active == "active" && up >= calmSeen {
		return w, false, err
	}
	if w.most, err = serviceProperty[uint32](ctx, conn, u.Name, "NRestarts"); err != nil || w.begun {
		return w, w.most > 0, err
	}
	w.most++
	pause, err := serviceProperty[uint64](ctx, conn, u.Name, "RestartUSec")
	return w, time.Duration(pause)*time.Microsecond < calmSeen, err
}

// look reports whether it is still open whether the service runs.
func (w restarted) look(ctx context.Context, conn *sdbus.Conn) (bool, error) {
	u := w.unit
	times, err := serviceProperty[uint32](ctx, conn, u.Name, "NRestarts")
	if err != nil {
		return false, err
	}
	if u.Active, err = property[string](ctx, conn, u.Name, "ActiveState"); err != nil {
		return false, err
	}
	if u.Sub, err = property[string](ctx, conn, u.Name, "SubState"); err != nil {
		return false, err
	}
	switch {
	case u.Active == "failed" || u.Active == "inactive":
		return false, nil
	case times > w.most:
		u.Active, u.Sub = "activating", loopingSub
		return false, nil
	case u.Looping():
		u.Active = "activating" // it may have fallen between the two questions
		return !w.begun, nil
	case u.Active != "active":
		return true, nil
	}
	up, err := upSince(ctx, conn, u.Name)
	return up < calmSeen, err
}

// upSince is for how long a unit has been active.
func upSince(ctx context.Context, conn *sdbus.Conn, name string) (time.Duration, error) {
	const entered = "ActiveEnterTimestampMonotonic"
	stamp, err := property[uint64](ctx, conn, name, entered)
	if err != nil {
		return 0, err
	}
	return upFor(map[string]any{entered: stamp})
}

func serviceProperty[T any](ctx context.Context, conn *sdbus.Conn, unit, name string) (T, error) {
	var zero T
	p, err := conn.GetUnitTypePropertyContext(ctx, unit, "Service", name)
	if err != nil {
		return zero, err
	}
	v, _ := p.Value.Value().(T)
	return v, nil
}
