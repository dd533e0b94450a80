// Package overlay is a host that remembers instead of writing: it answers as
// the host beneath it would after the steps that it was given. A plan is the
// same run as the real one, on such a host.
//
// It is honest both ways: reads see every earlier step, what only the real step
// can bring to light is unknown after apply, and a step that the real host would
// refuse is refused here.
package overlay

import (
	"context"
	"fmt"
	"sync"

	"opsafe/internal/host"
)

// Host predicts, in memory, what the host below it would look like. It is safe
// for reads from several goroutines.
type Host struct {
	base host.Reader

	mu sync.RWMutex // guards all below; Do holds it exclusively

	accounts accounts
	files    files
	packages map[string]*predictedPackage
	units    map[string]*host.Unit    // nil: gone
	stale    map[string]bool          // units whose files changed since the manager read them
	reloaded bool                     // the manager has read all files again
	networks map[string]*host.Network // nil: removed
	ended    map[string]bool          // users whose sessions were ended
	linger   map[string]bool
	pending  []host.Pending
	pended   bool // pending has been taken from base
}

// New returns a host that predicts above base. Nothing is ever written to base.
func New(base host.Reader) *Host {
	return &Host{
		base:     base,
		accounts: accounts{passwords: map[string]*host.Password{}},
		files:    newFiles(),
		packages: map[string]*predictedPackage{},
		units:    map[string]*host.Unit{},
		stale:    map[string]bool{},
		networks: map[string]*host.Network{},
		ended:    map[string]bool{},
		linger:   map[string]bool{},
	}
}

var _ host.Host = (*Host)(nil)

// Do predicts one step. It refuses what the real host would refuse; then
// nothing has changed.
func (h *Host) Do(ctx context.Context, s host.Step) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, do := range []func(context.Context, host.Step) (bool, error){
		h.doAccount, h.doLogin, h.doFile, h.doPackage, h.doUnit, h.doOther,
	} {
		if done, err := do(ctx, s); done {
			return err
		}
	}
	return fmt.Errorf("cannot predict a step of type %T: the overlay does not know it", s)
}

// Facts are those of the base: no step changes them.
func (h *Host) Facts() (host.MachineFacts, error) { return h.base.Facts() }

// Prefetch is passed on to the base.
func (h *Host) Prefetch(ctx context.Context, hints host.Hints) { h.base.Prefetch(ctx, hints) }

// Check asks the base's programs.
func (h *Host) Check(ctx context.Context, c host.Check, content host.Content) error {
	return h.base.Check(ctx, c, content)
}

// Evaluate has the base's program say what the predicted configuration comes to.
func (h *Host) Evaluate(ctx context.Context, c host.Check) (string, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if c.Tree != nil {
		tree := *c.Tree
		tree.Predicted = h.predicted(tree)
		c.Tree = &tree
	}
	return h.base.Evaluate(ctx, c)
}

// afterApply is the error for what a step will bring to light.
func afterApply(what, why string) error {
	return &host.UnknownError{What: what, Why: "known after apply: " + why, AfterApply: true}
}
