package overlay

import (
	"context"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// startAlong starts what systemd starts with a unit, as far as there is such a unit. That
// one of them does not start is for whoever declares it to say.
func (h *Host) startAlong(ctx context.Context, name string, f debian.UnitFile) {
	for _, other := range host.PulledIn(reader{h}, name, f) {
		u, err := h.unit(ctx, other)
		if err != nil || !u.Startable() || u.Running() {
			continue
		}
		if err := h.start(ctx, u); err == nil {
			h.units[other] = u
		}
	}
}
