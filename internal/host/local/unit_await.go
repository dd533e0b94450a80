package local

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

const (
	// settleLimit is how long a unit may take to get out of a state on the way
	// to another, and loopLimit how long one that has ended and is started again
	// by systemd may take to stay up.
	settleLimit = 60 * time.Second
	loopLimit   = 10 * time.Second
	// calmRestarted is how long a service has to be up before it counts as
	// settled if systemd starts it again when it ends, and calmSimple if systemd
	// takes it for started as soon as there is a process.
	calmRestarted = 3 * time.Second
	calmSimple    = time.Second
)

// watched is a unit that has to settle.
type watched struct {
	name string
	why  string        // why it has not settled so far
	wait time.Duration // until it is worth another look; 0: it has settled or never will
}

// awaitUnits waits until each of the units has settled, and says which of them do
// not run then. It looks when systemd says that one has changed, and when one has
// been up for long enough.
func awaitUnits(ctx context.Context, conn *sdbus.Conn, names []string) error {
	if err := conn.Subscribe(); err != nil {
		return fmt.Errorf("cannot watch units: cannot hear from systemd: %w", err)
	}
	const room = 64
	changes, lost := make(chan *sdbus.PropertiesUpdate, room), make(chan error, 1)
	conn.SetPropertiesSubscriber(changes, lost)
	defer conn.SetPropertiesSubscriber(nil, nil)
	begin := time.Now()
	for {
		bad, wait, err := lookAtAll(ctx, conn, names, time.Since(begin))
		if err != nil {
			return err
		}
		if wait == 0 {
			if len(bad) > 0 {
				return &host.UnsettledError{Why: bad}
			}
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-changes:
		case <-lost: //nolint:errcheck // there were more than fit: a look says where it has come to
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("cannot wait for units to settle: %w", context.Cause(ctx))
		}
		timer.Stop()
		drain(changes)
	}
}

func drain(changes <-chan *sdbus.PropertiesUpdate) {
	for {
		select {
		case <-changes:
		default:
			return
		}
	}
}

// lookAtAll says which units are not well so far, and how long to wait for another
// look: 0 if all is decided.
func lookAtAll(ctx context.Context, conn *sdbus.Conn, names []string, since time.Duration) (bad map[string]string, wait time.Duration, err error) {
	bad = map[string]string{}
	for _, name := range names {
		w, err := lookAtOne(ctx, conn, name, since)
		if err != nil {
			return nil, 0, err
		}
		if w.why != "" {
			bad[name] = w.why
		}
		if w.wait > 0 && (wait == 0 || w.wait < wait) {
			wait = w.wait
		}
	}
	return bad, wait, nil
}

func lookAtOne(ctx context.Context, conn *sdbus.Conn, name string, since time.Duration) (watched, error) {
	w := watched{name: name}
	all, err := conn.GetUnitPropertiesContext(ctx, name)
	if err != nil {
		return w, fmt.Errorf("cannot see whether %s has settled: %w", name, err)
	}
	service := map[string]any{}
	if path.Ext(name) == ".service" {
		if service, err = conn.GetUnitTypePropertiesContext(ctx, name, "Service"); err != nil {
			return w, fmt.Errorf("cannot see whether %s has settled: %w", name, err)
		}
	}
	u := host.Unit{Name: name}
	u.Active, _ = all["ActiveState"].(string)
	u.Sub, _ = all["SubState"].(string)
	restarts, _ := service["NRestarts"].(uint32)
	pause, _ := service["RestartUSec"].(uint64)
	switch {
	case u.Active == "failed":
		w.why = "has failed" + outcome(ctx, conn, name)
	case u.Looping():
		w.why = fmt.Sprintf("does not stay up: systemd has to start it again (%s)%s", u.Sub, outcome(ctx, conn, name))
		if time.Duration(pause)*time.Microsecond < loopLimit {
			w.wait = max(0, loopLimit-since)
		}
	case u.Active == "active":
		since, err := upFor(all)
		if err != nil {
			return w, err
		}
		w.wait = max(0, calm(service)-since)
		if w.wait > 0 && restarts > 0 {
			w.why = fmt.Sprintf("does not stay up: systemd has started it again %d times%s", restarts, outcome(ctx, conn, name))
		}
	case u.Active == "activating" && restarts > 0:
		w.why = fmt.Sprintf("does not stay up: systemd has started it again %d times%s", restarts, outcome(ctx, conn, name))
		w.wait = max(0, settleLimit-since)
	case u.Active != "inactive":
		w.why = fmt.Sprintf("is still %s (%s) after %v", u.Active, u.Sub, settleLimit)
		w.wait = max(0, settleLimit-since)
	}
	if w.wait > 0 && restarts > 0 && since > loopLimit {
		w.wait = 0
	}
	if w.why != "" {
		w.why += "; see journalctl -u " + name
	}
	return w, nil
}

// calm is how long a service has to be up before it counts as settled.
func calm(service map[string]any) time.Duration {
	again, _ := service["Restart"].(string)
	sort, _ := service["Type"].(string)
	switch {
	case again != "" && again != "no":
		return calmRestarted
	case sort == "simple" || sort == "exec" || sort == "idle":
		return calmSimple
	}
	return 0
}

// upFor is how long a unit has been active.
func upFor(all map[string]any) (time.Duration, error) {
	stamp, ok := all["ActiveEnterTimestampMonotonic"].(uint64)
	if !ok {
		return 0, errors.New("systemd does not say since when a unit is active")
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0, fmt.Errorf("cannot read the clock: %w", err)
	}
	return time.Duration(now.Nano()) - time.Duration(stamp)*time.Microsecond, nil
}
