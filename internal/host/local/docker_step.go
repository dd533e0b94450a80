package local

import (
	"context"
	"fmt"
	"strings"

	"github.com/moby/moby/client"

	"opsafe/internal/host"
)

// doDocker carries out the steps on docker's networks, and on compose projects.
func (h *Host) doDocker(ctx context.Context, s host.DockerStep) error {
	switch s := s.(type) {
	case host.AddNetwork:
		return h.addNetwork(ctx, s.Network)
	case host.RemoveNetwork:
		return h.removeNetwork(ctx, s.Name)
	case host.PullImages:
		return h.compose(ctx, s.File, append([]string{"pull", "--quiet"}, s.Services...))
	case host.UpServices:
		return h.upServices(ctx, s)
	case host.StartContainer:
		return h.onContainer(ctx, "start", s.Of, s.Name, func(c *client.Client, id string) error {
			if _, err := c.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
				return err
			}
			return h.lasting(ctx, s.Of)
		})
	case host.StopContainer:
		return h.onContainer(ctx, "stop", s.Of, s.Name, func(c *client.Client, id string) error {
			_, err := c.ContainerStop(ctx, id, client.ContainerStopOptions{})
			return err
		})
	case host.RemoveContainer:
		return h.onContainer(ctx, "remove", s.Of, s.Name, func(c *client.Client, id string) error {
			h.noteEnd(ctx, c, s.Of, id)
			return end(ctx, c, id)
		})
	}
	return errNoStep
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
