// Package local is the real host: it implements host.Host on the machine that
// the process runs on.
//
// It is the only package that runs programs (run.go), and it touches files
// through descriptors only (resolve.go), so that a user who swaps a directory
// for a link while root works in it gains nothing.
package local

import (
	"fmt"
	"sync"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// Options say how a Host is to behave. The zero value is the right one for a
// machine in use.
type Options struct {
	// StateDir is where opsafe remembers what it owes. Empty: notes.Dir.
	StateDir string
	// RunDir is where content is staged for checks. Empty: /run/opsafe for
	// root, the directory for temporary files for others.
	RunDir string
	// Tell is told, in a sentence, what was found in the way of a step and put
	// aside. Nil: nobody is.
	Tell func(string)
	// Progress is told, while a step or a look goes on that may take long, by what it can
	// be asked at any time how far that has come; it says nothing if that is not known. Nil:
	// nobody wants to know.
	Progress func(how func() string)
	// Unbooted says that the process lives in the tree of a machine that does not run:
	// of its units there is what their files say, and nothing is started.
	Unbooted bool
}

// Host is the machine itself. It is safe for concurrent reads; steps are done
// one after the other.
type Host struct {
	options Options

	inet6    inet6
	accounts accountDB
	packages packageDB
	units    unitConn
	docker   dockerConn

	// mounts are, by the kernel's number of a mount, what it keeps from being changed.
	// They are looked at again after each step: it may mount something, or the disk may
	// have become read-only under it.
	mounts sync.Map

	evaluated evaluations // what programs made of configurations, until the next step

	sweeps  sweeps     // directories already freed of stale temporary files
	pending sync.Mutex // guards the file of what is owed

	foreign bool // what it judges is another machine's; see Judge
}

var _ host.Host = (*Host)(nil)

// New returns the machine that the process runs on. Nothing is read or
// connected to until it is asked for.
func New(o Options) *Host {
	if o.StateDir == "" {
		o.StateDir = notes.Dir
	}
	return &Host{options: o, units: unitConn{off: o.Unbooted}}
}

// tell says something to whoever listens.
func (h *Host) tell(what string) {
	if h.options.Tell != nil {
		h.options.Tell(what)
	}
}

// Close ends the connections that were made. The Host can be used again
// afterwards: it connects anew.
func (h *Host) Close() error {
	h.units.ahead.Wait()
	h.docker.ahead.Wait()
	h.units.mu.Lock()
	if h.units.conn != nil {
		h.units.conn.Close()
		h.units.conn = nil
	}
	h.units.mu.Unlock()
	h.docker.mu.Lock()
	defer h.docker.mu.Unlock()
	if h.docker.client == nil {
		return nil
	}
	err := h.docker.client.Close()
	h.docker.client, h.docker.engine = nil, nil
	if err != nil {
		return fmt.Errorf("cannot close the connection to docker: %w", err)
	}
	return nil
}
