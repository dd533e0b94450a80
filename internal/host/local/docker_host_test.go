package local

import (
	"os"
	"testing"

	"opsafe/internal/host"
)

func insideDocker(t *testing.T, h *Host) {
	ctx := t.Context()
	e, err := h.Engine(ctx)
	if err != nil || e == nil || e.Version == "" || e.APIVersion == "" {
		t.Fatalf("engine: got %+v, %v", e, err)
	}
	n := host.Network{
		Name: "jobrunner-db", Driver: "bridge", Interface: "jobrunner-db", Subnet: "172.30.0.0/24", Gateway: "172.30.0.1",
		Options: map[string]string{"com.docker.network.driver.mtu": "1400"},
	}
	same[*host.Network](t, "absent network", nil)(h.Network(ctx, n.Name))
	doSteps(t, h, host.AddNetwork{Network: n})
	same(t, "network", &n)(h.Network(ctx, n.Name))
	same[*host.Network](t, "part of a name", nil)(h.Network(ctx, "jobrunner"))
	refuse(t, h, host.AddNetwork{Network: n}, "cannot create docker network jobrunner-db")
	doSteps(t, h, host.RemoveNetwork{Name: n.Name})
	same[*host.Network](t, "removed network", nil)(h.Network(ctx, n.Name))
	refuse(t, h, host.RemoveNetwork{Name: n.Name}, "there is none")

	doSteps(t, h, host.StopUnit{Name: "docker.socket"}, host.StopUnit{Name: "docker.service"})
	h.docker.forget()
	if _, err := h.Network(ctx, n.Name); !host.IsUnknown(err) {
		t.Errorf("docker is down: got %v, want unknown", err)
	}
	doSteps(t, h, host.StartUnit{Name: "docker.service"}, host.AddNetwork{Network: n})
	same(t, "network after a restart", &n)(h.Network(ctx, n.Name))

	// Its package leaves the socket, behind which nobody listens any more.
	doSteps(t, h, host.RemoveNetwork{Name: n.Name}, host.RemovePackages{Names: []string{"docker.io"}, Purge: true})
	if _, err := os.Lstat("/run/docker.sock"); err != nil {
		t.Errorf("the socket is gone, too: %v", err)
	}
	same[*host.Engine](t, "engine that was removed", nil)(h.Engine(ctx))
	same[*host.Network](t, "network of an engine that was removed", nil)(h.Network(ctx, n.Name))
}
