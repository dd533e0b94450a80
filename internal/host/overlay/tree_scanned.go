package overlay

import (
	"sync"

	"opsafe/internal/host"
)

// scanned remembers the last look through a tree, until the next step. If that step
// brings the tree to the rule that was looked with, it is known what the next look would
// find: a walk through a million predicted paths is spared.
type scanned struct {
	mu   sync.Mutex
	rule string // by its name; empty: nothing is remembered
	scan host.TreeScan
	done bool // the tree has been brought to the rule
}

// look remembers what was found.
func (s *scanned) look(rule host.TreeRule, found *host.TreeScan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rule, s.done = "", false
	if found != nil {
		s.rule, s.scan = rule.Name(), *found
	}
}

// again is what a look finds after the tree has been brought to the same rule: what was
// refused still is. Nil: nothing has been remembered.
func (s *scanned) again(rule host.TreeRule) *host.TreeScan {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done || s.rule != rule.Name() {
		return nil
	}
	return &host.TreeScan{Total: s.scan.Total, Refused: s.scan.Refused, Unknown: s.scan.Unknown}
}

// forget is for each step, and gives what was remembered before it.
func (s *scanned) forget() *remembered {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := &remembered{s.rule, s.scan}
	s.rule, s.done = "", false
	return was
}

type remembered struct {
	rule string
	scan host.TreeScan
}

// fixed notes that a step has brought a tree to a rule.
func (s *scanned) fixed(rule host.TreeRule, was *remembered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was.rule == rule.Name() {
		s.rule, s.scan, s.done = was.rule, was.scan, true
	}
}
