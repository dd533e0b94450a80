package snapshot

import (
	"context"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// Engine tells about docker.
func (r *Reader) Engine(context.Context) (*host.Engine, error) {
	if err := r.trouble(askEngine); err != nil {
		return nil, err
	}
	if r.state.Engine == nil {
		if r.state.Whole.Networks {
			return nil, nil
		}
		return nil, r.missing("docker")
	}
	e := *r.state.Engine
	return &e, nil
}

// Network finds a network.
func (r *Reader) Network(_ context.Context, name string) (*host.Network, error) {
	if err := r.trouble(askNetwork(name)); err != nil {
		return nil, err
	}
	for _, n := range r.state.Networks {
		if n.Name == name {
			return &n, nil
		}
	}
	if r.state.Whole.Networks {
		return nil, nil
	}
	return nil, r.missing("docker network " + name)
}

// Containers are those of a host that is made up; of a real one they are
// recorded where a spec has compose projects.
func (r *Reader) Containers(context.Context) ([]host.Container, error) {
	if err := r.trouble(askContainers); err != nil {
		return nil, err
	}
	if r.state.Partial && !r.state.Whole.Containers {
		r.inVain("which containers docker runs")
		return nil, &host.UnknownError{What: "docker's containers", Why: "they are not recorded"}
	}
	if r.state.Engine == nil && !r.state.Whole.Containers {
		return nil, nil
	}
	out := append([]host.Container{}, r.state.Containers...)
	slices.SortFunc(out, func(a, b host.Container) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Image finds an image.
func (r *Reader) Image(_ context.Context, ref string) (*host.Image, error) {
	if err := r.trouble(askImage(ref)); err != nil {
		return nil, err
	}
	image, known := r.state.Images[ref]
	if full := tagged(ref); !known && full != "" {
		if image, known = r.state.Images[full]; r.state.Whole.Images {
			known = true
		}
	}
	if image == nil {
		if known || !r.state.Partial {
			return nil, nil
		}
		return nil, r.missing("docker image " + ref)
	}
	i := *image
	return &i, nil
}

// tagged is the name by which docker lists an image: with its tag, and without the registry
// that it asks where none is said. Empty: it is named by a digest.
func tagged(ref string) string {
	if strings.Contains(ref, "@") || strings.HasPrefix(ref, "sha256:") {
		return ""
	}
	ref = strings.TrimPrefix(strings.TrimPrefix(ref, "docker.io/"), "library/")
	if !strings.Contains(path.Base(ref), ":") {
		ref += ":latest"
	}
	return ref
}

// RegistryDigest is not recorded.
func (r *Reader) RegistryDigest(_ context.Context, ref string) (string, error) {
	return "", &host.UnknownError{What: "which image a registry has for " + ref, Why: "it can be asked on the host alone"}
}

// Networks are those recorded.
func (r *Reader) Networks(context.Context) ([]host.Network, error) {
	if err := r.trouble(askNetworks); err != nil {
		return nil, err
	}
	if r.state.Partial && !r.state.Whole.Networks {
		return nil, &host.UnknownError{What: "docker's networks", Why: "not all of them were recorded"}
	}
	if r.state.Engine == nil && !r.state.Whole.Networks {
		return nil, nil
	}
	out := append([]host.Network{}, r.state.Networks...)
	slices.SortFunc(out, func(a, b host.Network) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
