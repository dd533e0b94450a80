package snapshot

import (
	"context"

	"opsafe/internal/host"
)

// Firewall is that of a network.
func (r *Reader) Firewall(_ context.Context, network string) (*host.Firewall, error) {
	if err := r.trouble(askFirewall(network)); err != nil {
		return nil, err
	}
	for _, f := range r.state.Firewalls {
		switch {
		case f.Network == network && f.Interface == "" && !f.Altered:
			return nil, nil
		case f.Network == network:
			return &f, nil
		}
	}
	if r.state.Partial {
		return nil, r.missing(askFirewall(network))
	}
	return nil, nil
}
