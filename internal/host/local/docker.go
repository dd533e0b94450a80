package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

const (
	// dockerPatience bounds a question to the engine.
	dockerPatience = 5 * time.Second
	// dockerStart is how long the engine may take to come up after docker has
	// been installed or restarted.
	dockerStart = 10 * time.Second
	dockerPause = 200 * time.Millisecond
	// registryPatience bounds what the engine asks a registry.
	registryPatience = 30 * time.Second

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
	// registry has what registries have answered, by the name of the image.
	registry map[string]string
	// kept are projects whose containers KeepContainers has written down: who has asked for
	// that puts them back. ended are those that steps have removed, by project.
	kept  map[string]bool
	ended map[string][]keptContainer
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

// dialDocker connects to the engine, once the questions that are ahead are through. Nil:
// docker is not installed, or err says why it cannot be told.
func (h *Host) dialDocker() (*client.Client, error) {
	h.docker.ahead.Wait()
	c, err := h.docker.connection()
	if err == nil && c == nil {
		err = h.noSocket()
	}
	return c, err
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
	c, err := h.dialDocker()
	if c == nil {
		return nil, err
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
	if _, err := findProgram("dockerd"); err == nil {
		return &host.UnknownError{What: "docker engine", Why: "docker is installed, but its socket is not there: start docker.service"}
	}
	for _, name := range debian.EnginePackages() {
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
