package local

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"opsafe/internal/host"
)

// Network asks the engine for a network. Without docker there is none. It does
// without the engine's version, for which the engine runs programs.
func (h *Host) Network(ctx context.Context, name string) (*host.Network, error) {
	c, err := h.dialDocker()
	if c == nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dockerPatience)
	defer cancel()
	found, err := findNetwork(ctx, c, name)
	if err != nil {
		return nil, h.silent("docker network "+name, err)
	}
	if found == nil {
		return nil, nil
	}
	n := networkOf(*found)
	return &n, nil
}

// Networks asks the engine for all of its networks.
func (h *Host) Networks(ctx context.Context) ([]host.Network, error) {
	c, err := h.dialDocker()
	if c == nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dockerPatience)
	defer cancel()
	list, err := c.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return nil, h.silent("docker's networks", err)
	}
	out := []host.Network{}
	for _, n := range list.Items {
		// The list leaves out which containers are attached.
		found, err := c.NetworkInspect(ctx, n.ID, client.NetworkInspectOptions{})
		if cerrdefs.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, unknown("docker network "+n.Name, err)
		}
		out = append(out, networkOf(found.Network))
	}
	slices.SortFunc(out, func(a, b host.Network) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// findNetwork looks a network up by its exact name; inspecting by name would
// also find a network whose id begins so. Of several of one name it takes the
// first by id, so that each look finds the same.
func findNetwork(ctx context.Context, c *client.Client, name string) (*network.Inspect, error) {
	list, err := c.NetworkList(ctx, client.NetworkListOptions{Filters: make(client.Filters).Add("name", name)})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, n := range list.Items {
		if n.Name == name {
			ids = append(ids, n.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := c.NetworkInspect(ctx, slices.Min(ids), client.NetworkInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &found.Network, nil
}

// networkOf says in opsafe's words what the engine says.
func networkOf(in network.Inspect) host.Network {
	n := host.Network{
		Name: in.Name, Driver: in.Driver, Internal: in.Internal, IPv6: in.EnableIPv6,
		Interface: in.Options[bridgeName], Project: in.Labels[composeProject],
	}
	for _, c := range in.IPAM.Config {
		switch {
		case c.Subnet.Addr().Is4() && n.Subnet == "":
			n.Subnet, n.Gateway = textOf(c.Subnet), textOf(c.Gateway)
		case c.Subnet.Addr().Is6() && n.Subnet6 == "":
			n.Subnet6, n.Gateway6 = textOf(c.Subnet), textOf(c.Gateway)
		}
	}
	// Engines before API 1.48 do not say enable_ipv4, and always give a range of it.
	n.NoIPv4 = n.IPv6 && n.Subnet == "" && !in.EnableIPv4
	options := maps.Clone(in.Options)
	delete(options, bridgeName)
	if len(options) > 0 {
		n.Options = options
	}
	for _, c := range in.Containers {
		n.Containers = append(n.Containers, c.Name)
	}
	slices.Sort(n.Containers)
	return n
}

// textOf is empty for the zero prefix or address.
func textOf[T interface {
	IsValid() bool
	String() string
}](v T) string {
	if !v.IsValid() {
		return ""
	}
	return v.String()
}

// networkOptions says in the engine's words what a network is to be.
func networkOptions(n host.Network) (client.NetworkCreateOptions, error) {
	o := client.NetworkCreateOptions{
		Driver: n.Driver, Internal: n.Internal, EnableIPv6: &n.IPv6, Options: maps.Clone(n.Options),
	}
	if n.Project != "" {
		// Compose takes up no network but its own.
		o.Labels = map[string]string{composeProject: n.Project, composeNetwork: strings.TrimPrefix(n.Name, n.Project+"_")}
	}
	if n.NoIPv4 {
		without := false
		o.EnableIPv4 = &without
	}
	if o.Driver == "" {
		o.Driver = "bridge"
	}
	if n.Interface != "" {
		if o.Options == nil {
			o.Options = map[string]string{}
		}
		o.Options[bridgeName] = n.Interface
	}
	var config []network.IPAMConfig
	for _, pair := range [][2]string{{n.Subnet, n.Gateway}, {n.Subnet6, n.Gateway6}} {
		one, err := ipamConfig(pair[0], pair[1])
		if err != nil {
			return o, err
		}
		if one != nil {
			config = append(config, *one)
		}
	}
	if len(config) > 0 {
		o.IPAM = &network.IPAM{Driver: "default", Config: config}
	}
	return o, nil
}

// ipamConfig is a range of addresses; nil for docker's choice.
func ipamConfig(subnet, gateway string) (*network.IPAMConfig, error) {
	if subnet == "" {
		if gateway != "" {
			return nil, fmt.Errorf("gateway %s needs a subnet", gateway)
		}
		return nil, nil
	}
	var c network.IPAMConfig
	var err error
	if c.Subnet, err = netip.ParsePrefix(subnet); err != nil {
		return nil, fmt.Errorf("subnet %q: %w", subnet, err)
	}
	if gateway != "" {
		if c.Gateway, err = netip.ParseAddr(gateway); err != nil {
			return nil, fmt.Errorf("gateway %q: %w", gateway, err)
		}
	}
	return &c, nil
}
