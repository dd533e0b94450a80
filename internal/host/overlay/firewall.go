package overlay

import (
	"context"
	"fmt"

	"opsafe/internal/host"
)

// doFirewall covers the steps on the firewalls of docker's networks.
func (h *Host) doFirewall(ctx context.Context, s host.FirewallStep) error {
	switch s := s.(type) {
	case host.SetFirewall:
		f := s.Firewall
		h.firewalls[f.Network] = &f
		return nil
	case host.RemoveFirewall:
		have, err := h.firewall(ctx, s.Network)
		if err != nil {
			return err
		}
		if have == nil {
			return fmt.Errorf("cannot remove the firewall of docker network %s: there is none", s.Network)
		}
		h.firewalls[s.Network] = nil
		return nil
	}
	return errNoStep
}

// Firewall is that of a network.
func (h *Host) Firewall(ctx context.Context, network string) (*host.Firewall, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.firewall(ctx, network)
}

func (h *Host) firewall(ctx context.Context, network string) (*host.Firewall, error) {
	if f, ok := h.firewalls[network]; ok {
		if f == nil {
			return nil, nil
		}
		c := *f
		return &c, nil
	}
	return h.base.Firewall(ctx, network)
}
