package overlay

import (
	"slices"

	"opsafe/internal/host"
)

// doNote covers the steps on opsafe's own notes.
func (h *Host) doNote(s host.NoteStep) error {
	switch s := s.(type) {
	case host.Owe:
		return wrap("remember what is owed to "+s.Pending.Unit, h.owe(s.Pending))
	case host.Settle:
		return wrap("settle what was owed to "+s.Unit, h.settle(s))
	}
	return errNoStep
}

// Pending returns what is owed, oldest first.
func (h *Host) Pending() ([]host.Pending, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if !h.pended {
		return h.base.Pending()
	}
	return slices.Clone(h.pending), nil
}

func (h *Host) copyPending() error {
	if h.pended {
		return nil
	}
	owed, err := h.base.Pending()
	if err != nil {
		return err
	}
	h.pending, h.pended = slices.Clone(owed), true
	return nil
}

// owe keeps one entry for a unit, where a restart covers a reload, and one for its
// start.
func (h *Host) owe(p host.Pending) error {
	if err := h.copyPending(); err != nil {
		return err
	}
	i := slices.IndexFunc(h.pending, func(q host.Pending) bool {
		return q.Unit == p.Unit && (q.Verb == host.Start) == (p.Verb == host.Start)
	})
	if i < 0 {
		h.pending = append(h.pending, p)
		return nil
	}
	h.pending[i] = h.pending[i].Join(p)
	return nil
}

func (h *Host) settle(s host.Settle) error {
	if err := h.copyPending(); err != nil {
		return err
	}
	h.pending = slices.DeleteFunc(h.pending, s.Settles)
	return nil
}
