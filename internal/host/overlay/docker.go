package overlay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// doDocker covers the steps on docker's networks, and on compose projects.
func (h *Host) doDocker(ctx context.Context, s host.DockerStep) error {
	switch s := s.(type) {
	case host.AddNetwork:
		return wrap("add docker network "+s.Network.Name, h.addNetwork(ctx, s.Network))
	case host.RemoveNetwork:
		return wrap("remove docker network "+s.Name, h.removeNetwork(ctx, s.Name))
	case host.PullImages:
		return wrap("pull images of compose project "+s.File.Project, h.pullImages(ctx, s))
	case host.UpServices:
		return wrap("bring up services of compose project "+s.File.Project, h.upServices(ctx, s))
	case host.StartContainer:
		return wrap("start container "+s.Name, h.onContainer(ctx, s.Of, "running"))
	case host.StopContainer:
		return wrap("stop container "+s.Name, h.onContainer(ctx, s.Of, "exited"))
	case host.RemoveContainer:
		return wrap("remove container "+s.Name, h.onContainer(ctx, s.Of, ""))
	}
	return errNoStep
}

// dockerUnit is the engine's service, by the name that Debian gives it.
const dockerUnit = "docker.service"

// engineState tells where answers on docker come from.
type engineState int

const (
	asBase       engineState = iota
	justStarted              // runs by a predicted start: what it stored is not known
	justBrought              // predicted with its package: it has nothing of its own yet
	justStopped              // does not answer any more
	engineAbsent             // not installed
)

// engine works out whether docker answers, from its unit.
func (h *Host) engineState(ctx context.Context) (engineState, error) {
	u, touched := h.units[dockerUnit]
	if !touched {
		return asBase, nil
	}
	if u == nil {
		return engineAbsent, nil
	}
	old, err := h.base.Unit(ctx, dockerUnit)
	if err != nil && !host.IsUnknown(err) {
		return asBase, err
	}
	switch {
	case !u.Running():
		return justStopped, nil
	case old.Running():
		return asBase, nil
	case old == nil && err == nil:
		return justBrought, nil
	}
	return justStarted, nil
}

// Engine describes the engine; of one that will only run after apply the
// version is empty.
func (h *Host) Engine(ctx context.Context) (*host.Engine, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.engine(ctx)
}

func (h *Host) engine(ctx context.Context) (*host.Engine, error) {
	state, err := h.engineState(ctx)
	if err != nil {
		return nil, err
	}
	switch state {
	case engineAbsent:
		return nil, nil
	case justStopped:
		return nil, &host.UnknownError{What: "docker", Why: dockerUnit + " does not run"}
	case justStarted, justBrought:
		return &host.Engine{}, nil
	}
	return h.base.Engine(ctx)
}

// Network finds a network.
func (h *Host) Network(ctx context.Context, name string) (*host.Network, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.network(ctx, name)
}

func (h *Host) network(ctx context.Context, name string) (*host.Network, error) {
	state, err := h.engineState(ctx)
	if err != nil {
		return nil, err
	}
	if state == justStopped {
		return nil, &host.UnknownError{What: "docker network " + name, Why: dockerUnit + " does not run"}
	}
	if n, ok := h.networks[name]; ok {
		if n == nil {
			return nil, nil
		}
		c := *n
		return &c, nil
	}
	switch state {
	case engineAbsent, justBrought:
		return nil, nil
	case justStarted:
		return nil, afterApply("docker network "+name, dockerUnit+" is started then")
	}
	n, err := h.base.Network(ctx, name)
	if n != nil {
		n.Containers = slices.DeleteFunc(slices.Clone(n.Containers), func(c string) bool { return h.detached[c] })
	}
	return n, err
}

// Networks are all of them.
func (h *Host) Networks(ctx context.Context) ([]host.Network, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.allNetworks(ctx)
}

func (h *Host) allNetworks(ctx context.Context) ([]host.Network, error) {
	state, err := h.engineState(ctx)
	if err != nil {
		return nil, err
	}
	var all []host.Network
	switch state {
	case engineAbsent:
		return nil, nil
	case justStopped:
		return nil, &host.UnknownError{What: "docker's networks", Why: dockerUnit + " does not run"}
	case justStarted:
		return nil, afterApply("docker's networks", dockerUnit+" is started then")
	case asBase:
		if all, err = h.base.Networks(ctx); err != nil {
			return nil, err
		}
	}
	all = slices.DeleteFunc(slices.Clone(all), func(n host.Network) bool { _, touched := h.networks[n.Name]; return touched })
	for _, n := range h.networks {
		if n != nil {
			all = append(all, *n)
		}
	}
	slices.SortFunc(all, func(a, b host.Network) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Containers are all of them.
func (h *Host) Containers(ctx context.Context) ([]host.Container, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.containers(ctx)
}

func (h *Host) containers(ctx context.Context) ([]host.Container, error) {
	state, err := h.engineState(ctx)
	if err != nil {
		return nil, err
	}
	var all []host.Container
	switch state {
	case engineAbsent:
		return nil, nil
	case justStopped:
		return nil, &host.UnknownError{What: "docker's containers", Why: dockerUnit + " does not run"}
	case justStarted:
		return nil, afterApply("docker's containers", dockerUnit+" is started then")
	case asBase:
		if all, err = h.base.Containers(ctx); err != nil {
			return nil, err
		}
	}
	all = slices.DeleteFunc(slices.Clone(all), func(c host.Container) bool { _, touched := h.services[c.Of]; return touched })
	for _, c := range h.services {
		if c != nil {
			all = append(all, *c)
		}
	}
	slices.SortFunc(all, func(a, b host.Container) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func (h *Host) addNetwork(ctx context.Context, n host.Network) error {
	e, err := h.engine(ctx)
	if err != nil {
		return err
	}
	if e == nil {
		return errors.New("docker is not installed")
	}
	old, err := h.network(ctx, n.Name)
	if err != nil && !host.AfterApply(err) {
		return err
	}
	if old != nil {
		return fmt.Errorf("a network %s exists", n.Name)
	}
	others, err := h.allNetworks(ctx)
	if err != nil && !host.IsUnknown(err) {
		return err
	}
	if err := n.Clash(others); err != nil {
		return err
	}
	if n.Driver == "" {
		n.Driver = "bridge"
	}
	n.Containers = nil
	h.networks[n.Name] = &n
	return nil
}

func (h *Host) removeNetwork(ctx context.Context, name string) error {
	n, err := h.network(ctx, name)
	if err != nil {
		return err
	}
	if n == nil {
		return fmt.Errorf("there is no network %s", name)
	}
	if len(n.Containers) > 0 {
		return fmt.Errorf("containers are attached to it: %v", slices.Sorted(slices.Values(n.Containers)))
	}
	h.networks[name] = nil
	return nil
}
