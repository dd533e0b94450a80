package local

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"opsafe/internal/host"
)

// Labels of compose.
const (
	composeDir     = "com.docker.compose.project.working_dir"
	composeProject = "com.docker.compose.project"
	composeService = "com.docker.compose.service"
	composeNetwork = "com.docker.compose.network"
	composeOneOff  = "com.docker.compose.oneoff" // True: made by compose run
)

// Containers asks the engine for all of its containers. What compose has left beside the
// container of a service is nobody's: see leftovers.
func (h *Host) Containers(ctx context.Context) ([]host.Container, error) {
	all, err := h.containers(ctx)
	if err != nil {
		return nil, err
	}
	left := leftovers(all)
	for i := range all {
		if slices.Contains(left, all[i].ID) {
			all[i].Of = host.ServiceRef{}
		}
	}
	return all, nil
}

// leftovers are the ids of containers that compose has left when it could not make others
// in their place, or died: it names one of the two by an id and the other's name.
func leftovers(all []host.Container) []string {
	aside := func(c host.Container) bool {
		id, rest, ok := strings.Cut(c.Name, "_")
		return ok && rest != "" && len(id) == shownID && strings.Trim(id, "0123456789abcdef") == ""
	}
	var out []string
	for _, c := range all {
		if c.Of.Service != "" && aside(c) && slices.ContainsFunc(all, func(o host.Container) bool { return o.Of == c.Of && !aside(o) }) {
			out = append(out, c.ID)
		}
	}
	return out
}

func (h *Host) containers(ctx context.Context) ([]host.Container, error) {
	c, err := h.dialDocker()
	if c == nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dockerPatience)
	defer cancel()
	list, err := c.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, h.silent("docker's containers", err)
	}
	out := []host.Container{}
	for _, found := range list.Items {
		n := host.Container{Name: found.ID, Image: found.Image, State: string(found.State), Project: found.Labels[composeDir]}
		if len(found.Names) > 0 {
			n.Name = strings.TrimPrefix(found.Names[0], "/")
		}
		if found.Labels[composeOneOff] != "True" {
			n.Of = host.ServiceRef{Project: found.Labels[composeProject], Service: found.Labels[composeService]}
		}
		ours := n.Of.Project != "" && n.Of.Service != ""
		if n.Running() || ours {
			// The list leaves out the policy, and how it ended.
			more, err := c.ContainerInspect(ctx, found.ID, client.ContainerInspectOptions{})
			if cerrdefs.IsNotFound(err) {
				continue
			}
			if err != nil {
				return nil, unknown("docker's container "+n.Name, err)
			}
			if config := more.Container.HostConfig; config != nil {
				n.Restart = cmp.Or(string(config.RestartPolicy.Name), "no")
			}
			if ours {
				inProject(&n, more.Container)
			}
		}
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b host.Container) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// inProject adds what is known of containers of compose projects alone.
func inProject(n *host.Container, more container.InspectResponse) {
	n.ID, n.ImageID = more.ID, more.Image
	if config := more.Config; config != nil {
		// By the name that it was made from: the list says an id once another image
		// has the name.
		n.Image = config.Image
		n.Labels = maps.Clone(config.Labels)
		maps.DeleteFunc(n.Labels, func(k, _ string) bool { return !strings.HasPrefix(k, host.LabelPrefix) })
	}
	if n.Running() || more.State == nil || n.State == "created" && more.State.Error == "" {
		return
	}
	n.End = &host.End{Code: more.State.ExitCode, Why: more.State.Error, By: endedBy(more)}
	if more.State.OOMKilled {
		n.End.Why = "it was out of memory"
	}
	// Nobody does these by hand; but whoever has stopped it since has had the last word.
	if n.End.Why != "" && n.End.By == host.EndedUnseen {
		n.End.By = host.EndedByItself
	}
}

// endedBy reads who ended a container out of the engine's own notes on it: the engine
// goes by it itself when it starts, and its API does not tell. An engine that notes
// nothing there leaves it unseen.
func endedBy(c container.InspectResponse) host.EndedBy {
	dir := filepath.Dir(c.HostnamePath)
	if filepath.Base(dir) != c.ID {
		return host.EndedUnseen
	}
	f, err := os.Open(filepath.Join(dir, "config.v2.json"))
	if err != nil {
		return host.EndedUnseen
	}
	defer f.Close()
	var notes struct{ HasBeenManuallyStopped *bool }
	if err := json.NewDecoder(io.LimitReader(f, host.MaxFile)).Decode(&notes); err != nil || notes.HasBeenManuallyStopped == nil {
		return host.EndedUnseen
	}
	if *notes.HasBeenManuallyStopped {
		return host.EndedByHand
	}
	return host.EndedByItself
}

// Image asks the engine for an image.
func (h *Host) Image(ctx context.Context, ref string) (*host.Image, error) {
	c, err := h.dialDocker()
	if c == nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dockerPatience)
	defer cancel()
	found, err := c.ImageInspect(ctx, ref)
	if cerrdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, h.silent("docker image "+ref, err)
	}
	image := &host.Image{ID: found.ID}
	for _, at := range found.RepoDigests {
		if _, digest, ok := strings.Cut(at, "@"); ok {
			image.Digests = append(image.Digests, digest)
		}
	}
	slices.Sort(image.Digests)
	image.Digests = slices.Compact(image.Digests)
	return image, nil
}

// ImageNames asks the engine for the names of its images.
func (h *Host) ImageNames(ctx context.Context) ([]string, error) {
	c, err := h.dialDocker()
	if c == nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dockerPatience)
	defer cancel()
	all, err := c.ImageList(ctx, client.ImageListOptions{})
	if err != nil {
		return nil, h.silent("docker's images", err)
	}
	var names []string
	for _, image := range all.Items {
		names = append(names, image.RepoTags...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// RegistryDigest has the engine ask a registry, once for each name: a run is to go by
// one answer.
func (h *Host) RegistryDigest(ctx context.Context, ref string) (string, error) {
	h.docker.ahead.Wait()
	h.docker.mu.Lock()
	known := h.docker.registry[ref]
	h.docker.mu.Unlock()
	if known != "" {
		return known, nil
	}
	c, err := h.dialDocker()
	if err == nil && c == nil {
		err = errors.New("docker is not installed")
	}
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, registryPatience)
	defer cancel()
	found, err := c.DistributionInspect(ctx, ref, client.DistributionInspectOptions{})
	if err != nil {
		return "", err
	}
	digest := found.Descriptor.Digest.String()
	h.docker.mu.Lock()
	defer h.docker.mu.Unlock()
	if h.docker.registry == nil {
		h.docker.registry = map[string]string{}
	}
	h.docker.registry[ref] = digest
	return digest, nil
}
