package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"opsafe/internal/host"
)

const (
	// dockerPatience bounds a question to the engine.
	dockerPatience = 5 * time.Second
	// dockerStart is how long the engine may take to come up after docker has
	// been installed or restarted.
	dockerStart = 10 * time.Second
	dockerPause = 200 * time.Millisecond

	// bridgeName is the driver option for the interface's name.
	bridgeName = "com.docker.network.bridge.name"
)

// dockerConn is the client of the docker engine. Its zero value finds the
// engine when it is first asked.
type dockerConn struct {
	ahead sync.WaitGroup // questions that Prefetch has under way

	mu     sync.Mutex
	client *client.Client
	engine *host.Engine
}

// forget makes the next look ask the engine again.
func (d *dockerConn) forget() {
	d.ahead.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.engine = nil
}

// dockerSockets are where the engine listens.
func dockerSockets() []string { return []string{"/var/run/docker.sock", "/run/docker.sock"} }

// dockerSocket finds the engine's socket; empty for none.
func dockerSocket() (string, error) {
	for _, path := range dockerSockets() {
		_, err := os.Stat(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", unknown("docker's socket", err)
		}
	}
	return "", nil
}

// connection returns the client, which connects with its first question and
// then speaks the newest version of the API that both sides know.
func (d *dockerConn) connection() (*client.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.client != nil {
		return d.client, nil
	}
	socket, err := dockerSocket()
	if err != nil || socket == "" {
		return nil, err
	}
	c, err := client.New(client.WithHost("unix://" + socket))
	if err != nil {
		return nil, fmt.Errorf("cannot make a client of docker: %w", err)
	}
	d.client = c
	return c, nil
}

// Engine asks the engine for its version. Nil: there is neither a socket nor a
// dockerd.
func (h *Host) Engine(ctx context.Context) (*host.Engine, error) {
	h.docker.ahead.Wait()
	h.docker.mu.Lock()
	engine := h.docker.engine
	h.docker.mu.Unlock()
	if engine != nil {
		e := *engine
		return &e, nil
	}
	c, err := h.docker.connection()
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, h.noSocket()
	}
	ctx, cancel := context.WithTimeout(ctx, dockerPatience)
	defer cancel()
	v, err := c.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return nil, h.silent("docker engine", err)
	}
	engine = &host.Engine{Version: v.Version, APIVersion: v.APIVersion}
	h.docker.mu.Lock()
	h.docker.engine = engine
	h.docker.mu.Unlock()
	e := *engine
	return &e, nil
}

// prefetch makes the first exchange with the engine, in which the version to
// speak is agreed on. An error comes again with the first question.
func (d *dockerConn) prefetch(ctx context.Context) {
	c, err := d.connection()
	if err != nil || c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, dockerPatience)
	defer cancel()
	_, _ = c.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
}

// silent is why something cannot be told: nothing, if nobody listens behind the
// socket since docker has been removed, which leaves the socket until a restart.
func (h *Host) silent(what string, err error) error {
	if client.IsErrConnectionFailed(err) && h.noSocket() == nil {
		return nil
	}
	return unknown(what, err)
}

// noSocket tells docker that is not installed (nil) from docker that is down.
func (h *Host) noSocket() error {
	for _, program := range []string{"dockerd"} {
		if _, err := findProgram(program); err == nil {
			return &host.UnknownError{What: "docker engine", Why: "docker is installed, but its socket is not there: start docker.service"}
		}
	}
	for _, name := range []string{"docker.io", "docker-ce"} {
		p, err := h.Package(name)
		if err != nil {
			return err
		}
		if p != nil && p.State != host.ConfigFiles {
			return &host.UnknownError{What: "docker engine", Why: "package " + name + " is " + string(p.State) + ", but its socket is not there"}
		}
	}
	return nil
}

// Network asks the engine for a network. Without docker there is none. It does
// without the engine's version, for which the engine runs programs.
func (h *Host) Network(ctx context.Context, name string) (*host.Network, error) {
	h.docker.ahead.Wait()
	c, err := h.docker.connection()
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, h.noSocket()
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
	h.docker.ahead.Wait()
	c, err := h.docker.connection()
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, h.noSocket()
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
		Interface: in.Options[bridgeName],
	}
	for _, c := range in.IPAM.Config {
		if n.Subnet == "" || !c.Subnet.Addr().Is6() && c.Subnet.IsValid() {
			n.Subnet, n.Gateway = textOf(c.Subnet), textOf(c.Gateway)
		}
		if c.Subnet.Addr().Is4() {
			break
		}
	}
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
	if o.Driver == "" {
		o.Driver = "bridge"
	}
	if n.Interface != "" {
		if o.Options == nil {
			o.Options = map[string]string{}
		}
		o.Options[bridgeName] = n.Interface
	}
	if n.Subnet == "" {
		if n.Gateway != "" {
			return o, fmt.Errorf("gateway %s needs a subnet", n.Gateway)
		}
		return o, nil
	}
	var config network.IPAMConfig
	var err error
	if config.Subnet, err = netip.ParsePrefix(n.Subnet); err != nil {
		return o, fmt.Errorf("subnet %q: %w", n.Subnet, err)
	}
	if n.Gateway != "" {
		if config.Gateway, err = netip.ParseAddr(n.Gateway); err != nil {
			return o, fmt.Errorf("gateway %q: %w", n.Gateway, err)
		}
	}
	o.IPAM = &network.IPAM{Driver: "default", Config: []network.IPAMConfig{config}}
	return o, nil
}
