package local

import (
	"context"
	"fmt"
	"strings"

	"github.com/moby/moby/client"

	"opsafe/internal/host"
)

// doNetwork carries out the steps on docker's networks.
func (h *Host) doNetwork(ctx context.Context, s host.Step) error {
	switch s := s.(type) {
	case host.AddNetwork:
		return h.addNetwork(ctx, s.Network)
	case host.RemoveNetwork:
		return h.removeNetwork(ctx, s.Name)
	}
	return fmt.Errorf("cannot do step %T: it is no step on docker", s)
}

// engineUp waits until the engine answers: it may just have been installed.
func (h *Host) engineUp(ctx context.Context) (*client.Client, error) {
	var c *client.Client
	err := retry(ctx, dockerStart, dockerPause, host.IsUnknown, func() error {
		h.docker.forget()
		engine, err := h.Engine(ctx)
		if err != nil {
			return err
		}
		if engine == nil {
			return fmt.Errorf("docker is not installed")
		}
		c, err = h.docker.connection()
		return err
	})
	return c, err
}

func (h *Host) addNetwork(ctx context.Context, n host.Network) error {
	options, err := networkOptions(n)
	if err != nil {
		return fmt.Errorf("cannot create docker network %s: %w", n.Name, err)
	}
	c, err := h.engineUp(ctx)
	if err != nil {
		return fmt.Errorf("cannot create docker network %s: %w", n.Name, err)
	}
	// Engines before API 1.44 make a second network of the same name.
	if there, err := findNetwork(ctx, c, n.Name); err != nil {
		return fmt.Errorf("cannot create docker network %s: %w", n.Name, err)
	} else if there != nil {
		return fmt.Errorf("cannot create docker network %s: there is one already", n.Name)
	}
	if _, err := c.NetworkCreate(ctx, n.Name, options); err != nil {
		return fmt.Errorf("cannot create docker network %s: %w", n.Name, err)
	}
	return nil
}

func (h *Host) removeNetwork(ctx context.Context, name string) error {
	c, err := h.engineUp(ctx)
	if err != nil {
		return fmt.Errorf("cannot remove docker network %s: %w", name, err)
	}
	there, err := findNetwork(ctx, c, name)
	if err != nil {
		return fmt.Errorf("cannot remove docker network %s: %w", name, err)
	}
	if there == nil {
		return fmt.Errorf("cannot remove docker network %s: there is none", name)
	}
	if used := networkOf(*there).Containers; len(used) > 0 {
		return fmt.Errorf("cannot remove docker network %s: containers use it: %s; stop or disconnect them first", name, strings.Join(used, ", "))
	}
	if _, err := c.NetworkRemove(ctx, there.ID, client.NetworkRemoveOptions{}); err != nil {
		return fmt.Errorf("cannot remove docker network %s: %w", name, err)
	}
	return nil
}
