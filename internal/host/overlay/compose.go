package overlay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"opsafe/internal/host"
)

// Image finds an image. Which one a pull brings is known after apply: it has no id.
func (h *Host) Image(ctx context.Context, ref string) (*host.Image, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.image(ctx, ref)
}

func (h *Host) image(ctx context.Context, ref string) (*host.Image, error) {
	state, err := h.engineState(ctx)
	switch {
	case err != nil:
		return nil, err
	case h.pulled[ref]:
		return &host.Image{}, nil
	case state == engineAbsent, state == justBrought:
		return nil, nil
	case state == justStopped:
		return nil, &host.UnknownError{What: "docker image " + ref, Why: dockerUnit + " does not run"}
	case state == justStarted:
		return nil, afterApply("docker image "+ref, dockerUnit+" is started then")
	}
	return h.base.Image(ctx, ref)
}

// RegistryDigest asks the base: no step changes what a registry has.
func (h *Host) RegistryDigest(ctx context.Context, ref string) (string, error) {
	return h.base.RegistryDigest(ctx, ref)
}

func (h *Host) pullImages(ctx context.Context, s host.PullImages) error {
	if err := h.needEngine(ctx); err != nil {
		return err
	}
	for _, ref := range s.Images {
		h.pulled[ref] = true
	}
	return nil
}

func (h *Host) needEngine(ctx context.Context) error {
	e, err := h.engine(ctx)
	if err == nil && e == nil {
		err = errors.New("docker is not installed")
	}
	return err
}

func (h *Host) upServices(ctx context.Context, s host.UpServices) error {
	if err := h.needEngine(ctx); err != nil {
		return err
	}
	made := map[host.ServiceRef]*host.Container{}
	for _, u := range s.Services {
		image, err := h.image(ctx, u.Image)
		if err != nil {
			return err
		}
		if image == nil {
			return fmt.Errorf("service %s: there is no image %s", u.Name, u.Image)
		}
		of := host.ServiceRef{Project: s.File.Project, Service: u.Name}
		made[of] = &host.Container{
			Name: cmp.Or(u.Container, of.Project+"_"+of.Service), Image: u.Image, State: "running", Project: "/",
			Restart: u.Restart, Of: of, ImageID: image.ID, Labels: maps.Clone(u.Labels),
		}
	}
	maps.Copy(h.services, made)
	for _, name := range s.Networks {
		n, err := h.network(ctx, name)
		if err != nil && !host.AfterApply(err) {
			return err
		}
		if n == nil {
			h.networks[name] = &host.Network{Name: name, Driver: "bridge", Project: s.File.Project}
		}
	}
	return nil
}

// onContainer has a container be in a state; empty: gone.
func (h *Host) onContainer(ctx context.Context, of host.ServiceRef, state string) error {
	all, err := h.containers(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Of != of {
			continue
		}
		c.State, c.End = state, nil
		if state == "exited" {
			c.End = &host.End{By: host.EndedByHand}
		}
		h.services[of], h.detached[c.Name] = &c, state != "running"
		if state == "" {
			h.services[of] = nil
		}
		return nil
	}
	return fmt.Errorf("service %s has none", of)
}
