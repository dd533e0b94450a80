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
	"errors"
	"maps"
	"slices"
	"sync"

	"opsafe/internal/host"
)

// Host predicts, in memory, what the host below it would look like. It is safe
// for reads from several goroutines.
type Host struct {
	base host.Reader

	mu sync.RWMutex // guards all below; Do holds it exclusively

	accounts  accounts
	files     files
	packages  map[string]*predictedPackage
	units     map[string]*host.Unit    // nil: gone
	stale     map[string]bool          // units whose files changed since the manager read them
	reloaded  bool                     // the manager has read all files again
	networks  map[string]*host.Network // nil: removed
	installs  bool                     // packages were installed
	ended     map[string]bool          // users whose sessions were ended
	linger    map[string]bool
	unpacked  map[string][]host.UnpackedTree // by name, where steps have changed it
	pending   []host.Pending
	pended    bool                                // pending has been taken from base
	firewalls map[string]*host.Firewall           // nil: removed
	services  map[host.ServiceRef]*host.Container // nil: removed
	detached  map[string]bool                     // names of containers that have been stopped or removed
	pulled    map[string]bool                     // images, by NAME:TAG

	trees scanned
}

// New returns a host that predicts above base. Nothing is ever written to base.
func New(base host.Reader) *Host {
	return &Host{
		base:      base,
		accounts:  accounts{passwords: map[string]*host.Password{}, shadows: map[string]*host.GroupShadow{}},
		files:     newFiles(),
		packages:  map[string]*predictedPackage{},
		units:     map[string]*host.Unit{},
		stale:     map[string]bool{},
		networks:  map[string]*host.Network{},
		ended:     map[string]bool{},
		linger:    map[string]bool{},
		unpacked:  map[string][]host.UnpackedTree{},
		firewalls: map[string]*host.Firewall{},
		services:  map[host.ServiceRef]*host.Container{},
		detached:  map[string]bool{},
		pulled:    map[string]bool{},
	}
}

// Before is the host without any step.
func (h *Host) Before() host.Reader { return h.base }

// Replaced are the paths at which there is something else than before the steps.
func (h *Host) Replaced() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var out []string
	for at, e := range h.files.nodes {
		if e.fresh || e.absent {
			out = append(out, at)
		}
	}
	slices.Sort(out)
	return out
}

var _ host.Host = (*Host)(nil)

// Do predicts one step. It refuses what the real host would refuse; then
// nothing has changed.
func (h *Host) Do(ctx context.Context, s host.Step) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	fixed, isTree := s.(host.FixTree)
	was := h.trees.forget()
	err := h.do(ctx, s)
	if isTree && err == nil {
		h.trees.fixed(fixed.Rule, was)
	}
	return err
}

func (h *Host) do(ctx context.Context, s host.Step) error {
	switch s := s.(type) {
	case host.AccountStep:
		return h.doAccount(s)
	case host.FileStep:
		return h.doFile(ctx, s)
	case host.PackageStep:
		return h.doPackage(ctx, s)
	case host.UnitStep:
		return h.doUnit(ctx, s)
	case host.DockerStep:
		return h.doDocker(ctx, s)
	case host.FirewallStep:
		return h.doFirewall(ctx, s)
	case host.NoteStep:
		return h.doNote(s)
	case host.TrialStep:
		return h.doTrial(s)
	case host.Probe:
		return nil // there is nothing yet that it could judge
	}
	return errNoStep
}

// doTrial refuses to try the way of somebody who is not there. What else would come of
// it nobody can predict.
func (h *Host) doTrial(s host.TrialStep) error {
	if s, ok := s.(host.TryWay); ok {
		u, err := h.user(s.User)
		if err == nil && u == nil {
			err = errors.New("there is no account " + s.User)
		}
		return err
	}
	return nil
}

// errNoStep answers a step that is nil: there are no others than those that are
// predicted.
var errNoStep = errors.New("there is no step to be predicted")

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
	if c.Tree != nil {
		tree := *c.Tree
		// What is included from elsewhere belongs to it. If that cannot be read, the
		// program says so.
		all, _ := host.ReadConfiguration(h, &tree)
		h.mu.RLock()
		defer h.mu.RUnlock()
		tree.Predicted = h.predicted(tree, slices.Collect(maps.Keys(all))...)
		c.Tree = &tree
	}
	return h.base.Evaluate(ctx, c)
}

// afterApply is the error for what a step will bring to light.
func afterApply(what, why string) error {
	return &host.UnknownError{What: what, Why: "known after apply: " + why, AfterApply: true}
}
