package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"opsafe/internal/host"
)

// doUnit carries out the steps on units, over systemd's own socket.
func (h *Host) doUnit(ctx context.Context, s host.UnitStep) error {
	defer h.units.forget()
	if h.options.Unbooted {
		return h.doUnbooted(ctx, s)
	}
	conn, err := h.units.connect(ctx)
	if err != nil {
		return err
	}
	switch s := s.(type) {
	case host.ReloadManager:
		return reloadManager(ctx, conn)
	case host.EnableUnit:
		return h.enableUnit(ctx, conn, s)
	case host.DisableUnit:
		return h.disableUnit(ctx, conn, s.Name)
	case host.MaskUnit:
		changes, err := conn.MaskUnitFilesContext(ctx, []string{s.Name}, false, true)
		return reloadAfter(ctx, conn, len(changes), "mask "+s.Name, err)
	case host.UnmaskUnit:
		changes, err := conn.UnmaskUnitFilesContext(ctx, []string{s.Name}, false)
		return reloadAfter(ctx, conn, len(changes), "unmask "+s.Name, err)
	case host.StartUnit:
		forgetFailures(ctx, conn, s.Name)
		if err := leaveLoop(ctx, conn, s.Name); err != nil {
			return err
		}
		if err := job(ctx, conn, "start", s.Name, conn.StartUnitContext); err != nil || !isSSH(s.Name) {
			return err
		}
		return (&sshProbe{conn: conn, unit: s.Name, socket: socketActive(ctx, conn)}).answers(ctx)
	case host.AwaitUnits:
		return awaitUnits(ctx, conn, s.Names)
	case host.StopUnit:
		return job(ctx, conn, "stop", s.Name, conn.StopUnitContext)
	case host.ActOnUnit:
		if !isSSH(s.Name) {
			return actOnUnit(ctx, conn, s)
		}
		probe, err := newSSHProbe(ctx, conn, s.Name)
		if err == nil {
			err = actOnUnit(ctx, conn, s)
		}
		if err != nil || probe == nil {
			return err
		}
		return probe.answers(ctx)
	}
	return errNoStep
}

// actOnUnit restarts or reloads what runs.
func actOnUnit(ctx context.Context, conn *sdbus.Conn, s host.ActOnUnit) error {
	switch s.Verb {
	case host.Restart:
		// One that is not running stays as it is, failed or not.
		if p, err := conn.GetUnitPropertyContext(ctx, s.Name, "ActiveState"); err == nil && p.Value.Value() == "active" {
			forgetFailures(ctx, conn, s.Name)
		}
		return job(ctx, conn, "restart", s.Name, conn.TryRestartUnitContext)
	case host.Reload:
		if isSSH(s.Name) && socketActive(ctx, conn) {
			// What systemd has opened is lost to sshd when it executes itself anew.
			return job(ctx, conn, "restart", s.Name, conn.TryRestartUnitContext)
		}
		return job(ctx, conn, "reload", s.Name, conn.ReloadOrTryRestartUnitContext)
	}
	return fmt.Errorf("cannot %s unit %s: want %s or %s", s.Verb, s.Name, host.Restart, host.Reload)
}

func reloadManager(ctx context.Context, conn *sdbus.Conn) error {
	if err := conn.ReloadContext(ctx); err != nil {
		return fmt.Errorf("cannot reload systemd's units: %w", err)
	}
	return nil
}

// reloadAfter has systemd read its units again if a call changed links, as
// systemctl does: until then it would not follow them, and its properties would
// say what was before.
func reloadAfter(ctx context.Context, conn *sdbus.Conn, changes int, what string, err error) error {
	if err != nil {
		return fmt.Errorf("cannot %s: %w", what, err)
	}
	if changes == 0 {
		return nil
	}
	return reloadManager(ctx, conn)
}

// enableUnit makes the links of [Install], and only then removes those of an
// earlier [Install]: at no time, whatever fails, is a unit off at the next boot
// that was on.
func (h *Host) enableUnit(ctx context.Context, conn *sdbus.Conn, s host.EnableUnit) error {
	h.units.forget()
	links, err := readLinks(h.units.etcDir())
	if err != nil {
		return fmt.Errorf("cannot enable %s: %w", s.Name, err)
	}
	enable := func() ([]sdbus.EnableUnitFileChange, error) {
		installable, made, err := conn.EnableUnitFilesContext(ctx, []string{s.Name}, false, true)
		if err == nil && !installable {
			err = errors.New("its [Install] section asks for no links: start it instead, or have another unit want it")
		}
		return made, err
	}
	made, err := enable()
	if err != nil {
		return reloadAfter(ctx, conn, len(made), "enable "+s.Name, err)
	}
	stale := staleLinks(links[s.Name], s.Links, made)
	for _, path := range stale {
		if err := h.removePathAt(path); err != nil {
			return fmt.Errorf("cannot remove the former link %s of %s: %w", path, s.Name, err)
		}
	}
	if len(stale) > 0 {
		// Systemd does not say which links it found to be right already. If
		// the step did not expect one of them, it is gone now, and comes back.
		if _, err := enable(); err != nil {
			return fmt.Errorf("cannot enable %s: %w", s.Name, err)
		}
	}
	return reloadAfter(ctx, conn, len(made)+len(stale), "enable "+s.Name, nil)
}

// disableUnit removes the links of a unit. Systemd leaves those of a unit that is
// masked for now, or whose file has gone.
func (h *Host) disableUnit(ctx context.Context, conn *sdbus.Conn, name string) error {
	from, err := os.Readlink(h.units.etcDir() + "/" + name)
	brought := err == nil && path.IsAbs(from) && path.Base(from) == name
	changes, err := conn.DisableUnitFilesContext(ctx, []string{name}, false)
	if brought && err == nil {
		// Systemd takes the link with it that brings the file from elsewhere: the
		// unit would be gone.
		if _, err = conn.LinkUnitFilesContext(ctx, []string{from}, false, true); err != nil {
			return fmt.Errorf("cannot link %s again from %s, having disabled it: %w", name, from, err)
		}
	}
	h.units.forget()
	links, bad := readLinks(h.units.etcDir())
	if bad != nil {
		return fmt.Errorf("cannot disable %s: %w", name, errors.Join(err, bad))
	}
	for _, path := range links[name] {
		if err := h.removePathAt(path); err != nil {
			return fmt.Errorf("cannot remove the link %s of %s: %w", path, name, err)
		}
		err = nil // it is off all the same
	}
	return reloadAfter(ctx, conn, len(changes)+len(links[name]), "disable "+name, err)
}

// staleLinks are those links of a unit that were there before, are not expected
// and have not just been made.
func staleLinks(before, expected []string, made []sdbus.EnableUnitFileChange) []string {
	var stale []string
	for _, path := range before {
		fresh := slices.ContainsFunc(made, func(c sdbus.EnableUnitFileChange) bool {
			return c.Type == "symlink" && c.Filename == path
		})
		if !fresh && !slices.Contains(expected, path) {
			stale = append(stale, path)
		}
	}
	return stale
}

// forgetFailures lets a unit be started that has been so often of late that
// systemd refuses to (StartLimitBurst= in systemd.unit(5)): what keeps it from
// running may just have been mended. That there is no such unit yet is for the
// job to say.
func forgetFailures(ctx context.Context, conn *sdbus.Conn, name string) {
	_ = conn.ResetFailedUnitContext(ctx, name)
}

// leaveLoop stops a unit that systemd is going to start again after a while: a job
// that starts it would wait for that time.
func leaveLoop(ctx context.Context, conn *sdbus.Conn, name string) error {
	sub, err := property[string](ctx, conn, name, "SubState")
	if u := (&host.Unit{Sub: sub}); err != nil || !u.Looping() {
		return nil //nolint:nilerr // what there is to say, the job says
	}
	return job(ctx, conn, "stop", name, conn.StopUnitContext)
}

// jobCall queues a job and sends its result to the channel.
type jobCall func(ctx context.Context, name, mode string, result chan<- string) (int, error)

// connCheck is how often a job that is waited for checks that the connection
// still stands.
const connCheck = 2 * time.Second

// job queues a job and waits until it is done, however long that takes: the
// unit's own timeouts bound it.
func job(ctx context.Context, conn *sdbus.Conn, verb, name string, call jobCall) error {
	// On the bus, unlike on the private socket, only subscribers are told that
	// a job is done.
	if err := conn.Subscribe(); err != nil {
		return fmt.Errorf("cannot %s %s: cannot hear from systemd: %w", verb, name, err)
	}
	result := make(chan string, 1)
	if _, err := call(ctx, name, "replace", result); err != nil {
		return fmt.Errorf("cannot %s %s: %w", verb, name, err)
	}
	tick := time.NewTicker(connCheck)
	defer tick.Stop()
	for {
		select {
		case r := <-result:
			if r == "done" || r == "skipped" && verb != "start" {
				return nil
			}
			return fmt.Errorf("cannot %s %s: job %s%s; see journalctl -u %s", verb, name, r, outcome(ctx, conn, name), name)
		case <-ctx.Done():
			return fmt.Errorf("cannot wait for %s to %s: %w; the job goes on", name, verb, context.Cause(ctx))
		case <-tick.C:
			if !conn.Connected() {
				return fmt.Errorf("cannot wait for %s to %s: systemd closed the connection; see systemctl status %s", name, verb, name)
			}
		}
	}
}

// outcome says how a unit ended, as far as systemd knows: " (exit-code, status
// 1)". Empty if it says nothing.
func outcome(ctx context.Context, conn *sdbus.Conn, name string) string {
	var said []string
	if p, err := conn.GetUnitPropertyContext(ctx, name, "LoadError"); err == nil {
		if v, ok := p.Value.Value().([]any); ok && len(v) == 2 {
			if text, ok := v[1].(string); ok && text != "" {
				said = append(said, text)
			}
		}
	}
	if strings.HasSuffix(name, ".service") {
		if p, err := conn.GetServicePropertyContext(ctx, name, "Result"); err == nil {
			if v, ok := p.Value.Value().(string); ok && v != "success" {
				said = append(said, v)
			}
		}
		if p, err := conn.GetServicePropertyContext(ctx, name, "ExecMainStatus"); err == nil {
			if v, ok := p.Value.Value().(int32); ok && v != 0 {
				said = append(said, fmt.Sprintf("status %d", v))
			}
		}
	}
	if len(said) == 0 {
		return ""
	}
	return " (" + strings.Join(said, ", ") + ")"
}

// stopIfKnown stops a unit, and is content if there is none.
func (u *unitConn) stopIfKnown(ctx context.Context, name string) error {
	conn, err := u.connect(ctx)
	if err != nil {
		return err
	}
	err = job(ctx, conn, "stop", name, conn.StopUnitContext)
	var de dbus.Error
	if errors.As(err, &de) && de.Name == "org.freedesktop.systemd1.NoSuchUnit" {
		return nil
	}
	return err
}
