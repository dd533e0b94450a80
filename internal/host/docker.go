package host

import (
	"context"
	"fmt"
)

// Docker is the docker engine, through its socket.
type Docker interface {
	// Engine describes the running engine. Nil: docker is not installed. An
	// *UnknownError: it is, but does not answer.
	Engine(ctx context.Context) (*Engine, error)
	// Network finds a network by its exact name. Nil: there is none.
	Network(ctx context.Context, name string) (*Network, error)
	// Networks are all of them, docker's own too, sorted by name. Nil: docker is
	// not installed.
	Networks(ctx context.Context) ([]Network, error)
	// Containers are all of them, also those that do not run, sorted by name.
	// Nil: docker is not installed.
	Containers(ctx context.Context) ([]Container, error)
	// Image finds an image that the engine has, by NAME:TAG. Nil: there is none.
	Image(ctx context.Context, ref string) (*Image, error)
	// RegistryDigest has the engine ask a registry which image it has behind
	// NAME:TAG, and returns the digest of its manifest. It reaches the network.
	RegistryDigest(ctx context.Context, ref string) (string, error)
}

// Image is an image that the engine has.
type Image struct {
	ID string `json:"id"` // sha256:…; empty: known once it has been pulled
	// Digests are those of the manifests that registries know it by, sorted.
	Digests []string `json:"digests,omitempty"`
}

// Container is a container of docker's.
type Container struct {
	Name  string `json:"name"`
	Image string `json:"image,omitempty"`
	State string `json:"state,omitempty"` // running, exited, …
	// Project is the directory of the compose project that the container says it
	// belongs to. Whoever may use docker can make it say so.
	Project string `json:"project,omitempty"`
	// Restart is the restart policy: no, always, unless-stopped or on-failure; empty
	// for one that does not run and belongs to no project.
	Restart string `json:"restart,omitempty"`
	// What follows is known of containers of compose projects alone.

	Of ServiceRef `json:"of,omitzero"`
	ID string     `json:"id,omitempty"`
	// ImageID is that of the image that it was made from; empty: not known before it
	// has been made.
	ImageID string `json:"image_id,omitempty" yaml:"image_id"`
	// Labels are those that opsafe has put on it.
	Labels map[string]string `json:"labels,omitempty"`
	End    *End              `json:"end,omitempty"` // of one that does not run
}

// ServiceRef names a service of a compose project, which is one container.
type ServiceRef struct {
	Project string `json:"project,omitempty"`
	Service string `json:"service,omitempty"`
}

func (s ServiceRef) String() string { return s.Project + "/" + s.Service }

// EndedBy is who ended a container.
type EndedBy string

// Who ended a container.
const (
	EndedByHand   EndedBy = "hand"   // somebody has stopped or killed it
	EndedByItself EndedBy = "itself" // or with the engine, or it could not be started
	EndedUnseen   EndedBy = ""       // it cannot be told
)

// End is how a container ended.
type End struct {
	By   EndedBy `json:"by,omitempty"`
	Code int     `json:"code,omitempty"` // its exit status
	// Why is what the engine says of it, if that is anything.
	Why string `json:"why,omitempty"`
}

func (e *End) String() string {
	said := fmt.Sprintf("exit status %d", e.Code)
	if e.Why != "" {
		said += ", " + e.Why
	}
	return said
}

// NeverStarted reports whether there is no container, or one that was made and never
// started.
func (c *Container) NeverStarted() bool { return c == nil || c.State == "created" }

// Running reports whether the container runs, or is about to again.
func (c Container) Running() bool {
	return c.State == "running" || c.State == "restarting" || c.State == "paused"
}

// Return is whether docker starts a container again.
type Return int

// Whether docker starts a container again.
const (
	StaysEnded    Return = iota
	BackOnFailure        // if it ends with an error
	ComesBack
)

// Return is whether docker starts the container again after it has ended with the
// engine. An engine without live-restore that finds containers of one that had it
// stops them, and takes those with unless-stopped for stopped by hand: outlived says
// that the container ends that way.
func (c Container) Return(outlived bool) Return {
	switch {
	case c.Restart == "always", c.Restart == "unless-stopped" && !outlived:
		return ComesBack
	case c.Restart == "on-failure":
		return BackOnFailure
	}
	return StaysEnded
}

// Engine is the docker engine.
type Engine struct {
	Version    string // 20.10.24+dfsg1
	APIVersion string // 1.41
}

// DockerStep is a step on docker.
//
//sumtype:decl
type DockerStep interface {
	Step
	docker()
}

// Docker.
type (
	// AddNetwork creates a docker network.
	AddNetwork struct{ Network Network }
	// RemoveNetwork removes one that no container uses.
	RemoveNetwork struct{ Name string }
)

func (AddNetwork) docker()    {}
func (RemoveNetwork) docker() {}

func (s AddNetwork) touches(context.Context, Reader) []Touch {
	return touch(SubjectNetwork, s.Network.Name)
}

func (s RemoveNetwork) touches(context.Context, Reader) []Touch { return touch(SubjectNetwork, s.Name) }
