package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	sdbus "github.com/coreos/go-systemd/v22/dbus"

	"opsafe/internal/host"
)

// systemdPatience bounds what systemd may take to answer a question.
const systemdPatience = 10 * time.Second

// unitConn is the connection to systemd and what it has said so far. Its zero
// value connects when it is first asked.
type unitConn struct {
	etc string // where enablement links are; empty: /etc/systemd/system
	off bool   // the machine does not run: its files are asked

	ahead sync.WaitGroup // questions that Prefetch has under way

	mu    sync.Mutex
	conn  *sdbus.Conn
	known map[string]*host.Unit // nil for units that do not exist
	links linkIndex
	// silent is why systemd is not asked again: it took a connection, and then
	// said nothing.
	silent error

	dial func(context.Context) (*sdbus.Conn, error) // nil: dialSystemd
}

// forget makes the next look ask systemd and read the links again: after steps
// on units, after packages came or went, and after anything was written below
// /etc/systemd or /run/systemd.
func (u *unitConn) forget() {
	u.ahead.Wait()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.known, u.links = nil, nil
}

// Unit asks systemd, unless Prefetch has asked before.
func (h *Host) Unit(ctx context.Context, name string) (*host.Unit, error) {
	return h.units.unit(ctx, name)
}

// Prefetch asks for all units in one call, and for docker, and does not wait for
// the answers: who asks for one of them does. Errors come again then.
func (h *Host) Prefetch(ctx context.Context, hints host.Hints) {
	if hints.Docker {
		h.docker.ahead.Go(func() { h.docker.prefetch(ctx) })
	}
	if len(hints.Units) > 0 {
		h.units.ahead.Go(func() { h.units.prefetch(ctx, hints.Units) })
	}
	if hints.Systemd {
		go func() { _, _ = h.units.connect(ctx) }()
	}
	if hints.Packages {
		go func() { _, _ = h.packages.dpkg() }()
	}
}

func (u *unitConn) prefetch(ctx context.Context, names []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	_ = u.look(ctx, names)
}

func (u *unitConn) unit(ctx context.Context, name string) (*host.Unit, error) {
	u.ahead.Wait()
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.known[name]; !ok {
		if err := u.look(ctx, []string{name}); err != nil {
			return nil, err
		}
	}
	found := u.known[name]
	if found == nil {
		return nil, nil
	}
	return found.Clone(), nil
}

// connection connects to systemd: for root by its private socket, which works
// without a bus, for others by the system bus. The caller holds mu.
func (u *unitConn) connection(ctx context.Context) (*sdbus.Conn, error) {
	if u.conn != nil && u.conn.Connected() {
		return u.conn, nil
	}
	if u.conn != nil {
		u.conn.Close()
		u.conn = nil
	}
	if u.silent != nil {
		return nil, u.silent
	}
	if u.off {
		return nil, unknown("state of systemd's units", errUnbooted)
	}
	dial := u.dial
	if dial == nil {
		dial = dialSystemd
	}
	conn, err := patient(ctx, dial, (*sdbus.Conn).Close)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, err
	case errors.Is(err, errSilent):
		u.silent = unknown("state of systemd's units", err)
		return nil, u.silent
	case err != nil:
		return nil, unknown("state of systemd's units", err)
	}
	u.conn = conn
	return conn, nil
}

// errUnbooted is systemd on a machine that does not run.
var errUnbooted = errors.New("the machine does not run")

// errSilent is systemd that does not answer: its process hangs, or is stopped.
var errSilent = fmt.Errorf("systemd does not answer within %v: see whether process 1 hangs", systemdPatience)

// patient makes what may never come, for systemdPatience. What connects to
// systemd heeds neither a context nor a deadline once the socket is open, so it
// is left behind if it takes longer; what comes of it then is thrown away.
func patient[T any](ctx context.Context, attempt func(context.Context) (T, error), throwAway func(T)) (T, error) {
	type result struct {
		it  T
		err error
	}
	done, late := make(chan result), make(chan struct{})
	go func() {
		// It outlives this question, so it may not end with its context.
		it, err := attempt(context.WithoutCancel(ctx))
		select {
		case done <- result{it, err}:
		case <-late:
			if err == nil {
				throwAway(it)
			}
		}
	}()
	timer := time.NewTimer(systemdPatience)
	defer timer.Stop()
	var none T
	select {
	case r := <-done:
		return r.it, r.err
	case <-timer.C:
		close(late)
		return none, errSilent
	case <-ctx.Done():
		close(late)
		return none, context.Cause(ctx)
	}
}

func dialSystemd(ctx context.Context) (*sdbus.Conn, error) {
	if os.Geteuid() == 0 {
		return sdbus.NewSystemdConnectionContext(ctx)
	}
	return sdbus.NewSystemConnectionContext(ctx)
}

// connect is connection for callers that do not hold mu.
func (u *unitConn) connect(ctx context.Context) (*sdbus.Conn, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.connection(ctx)
}

// systemdSilent makes an Unknown of an error that only says that systemd did
// not answer, or may not.
func systemdSilent(what string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return unknown(what, err)
}
