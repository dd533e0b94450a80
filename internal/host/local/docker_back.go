package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"opsafe/internal/host"
)

// keptProjects is what there was of compose projects: enough to have it again.
type keptProjects struct {
	Projects   []string        `json:"projects"`
	Containers []keptContainer `json:"containers"`
}

// keptContainer is a container of a service, as the engine says it.
type keptContainer struct {
	Of     host.ServiceRef           `json:"of"`
	Made   container.InspectResponse `json:"made"`
	Images []string                  `json:"images"` // by what its image can be pulled
}

func (k keptContainer) ran() bool {
	return k.Made.State != nil && (k.Made.State.Running || k.Made.State.Restarting)
}

func (k keptContainer) name() string { return strings.TrimPrefix(k.Made.Name, "/") }

// KeepContainers writes down what there is of compose projects, for PutContainersBack. Only
// root may read it: the environment of a container holds secrets.
func (h *Host) KeepContainers(ctx context.Context, at string, projects []string) error {
	kept, err := h.keep(ctx, projects)
	if err != nil {
		return err
	}
	data, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", at, err)
	}
	h.keptByCaller(projects, true)
	return h.writeFile(ctx, host.WriteFile{Path: at, Content: host.NewSecret(data), Owner: "root", Group: "root", Access: host.AccessOf(0o600)})
}

// keptByCaller notes whether somebody else puts projects back if they fail.
func (h *Host) keptByCaller(projects []string, yes bool) {
	h.docker.mu.Lock()
	defer h.docker.mu.Unlock()
	if h.docker.kept = nil; !yes {
		return
	}
	h.docker.kept = map[string]bool{}
	for _, p := range projects {
		h.docker.kept[p] = true
	}
}

// keep is what there is of compose projects.
func (h *Host) keep(ctx context.Context, projects []string) (keptProjects, error) {
	kept := keptProjects{Projects: projects}
	all, err := h.containers(ctx)
	if err != nil {
		return kept, err
	}
	c, err := h.dialDocker()
	if err != nil {
		return kept, err
	}
	for _, one := range all {
		if one.Of.Service == "" || !slices.Contains(projects, one.Of.Project) {
			continue
		}
		k, err := keptAs(ctx, c, one.Of, one.ID)
		if err != nil {
			return kept, unknown("docker's container "+one.Name, err)
		}
		kept.Containers = append(kept.Containers, k)
	}
	kept.sort()
	return kept, nil
}

// keptAs is a container of a service as it is now.
func keptAs(ctx context.Context, c *client.Client, of host.ServiceRef, id string) (keptContainer, error) {
	more, err := c.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return keptContainer{}, err
	}
	k := keptContainer{Of: of, Made: more.Container}
	if image, err := c.ImageInspect(ctx, k.Made.Image); err == nil {
		k.Images = image.RepoDigests
	}
	return k, nil
}

// sort has them in the order in which they were made.
func (k keptProjects) sort() {
	slices.SortStableFunc(k.Containers, func(a, b keptContainer) int { return strings.Compare(a.Made.Created, b.Made.Created) })
}

// ForgetContainers removes what KeepContainers has written, if it is there.
func (h *Host) ForgetContainers(at string) error {
	h.keptByCaller(nil, false)
	return h.RemoveFile(at)
}

// RemoveFile removes a file, if it is there.
func (h *Host) RemoveFile(at string) error {
	if n, err := h.Stat(at); err != nil || n == nil {
		return err
	}
	return h.removePath(host.RemovePath{Path: at})
}

// PutContainersBack has compose projects as KeepContainers has found them: containers that
// have been made anew since are made once more from what they were made from, and those
// that were not there go. It says what it has done, and what could not be. The error means
// that the engine does not answer. With died, whoever changed them has died amid it: what
// it had stopped is started.
func (h *Host) PutContainersBack(ctx context.Context, at string, died bool) (host.PutBack, error) {
	data, err := h.ReadFile(at)
	if err != nil {
		return host.PutBack{}, err
	}
	var kept keptProjects
	if err := json.Unmarshal(data, &kept); err != nil {
		return host.PutBack{Failed: fmt.Errorf("cannot read %s, which says what ran before: %w", at, err)}, nil
	}
	return h.putBack(ctx, kept, died)
}

// putBack is PutContainersBack of what is known already.
func (h *Host) putBack(ctx context.Context, kept keptProjects, died bool) (host.PutBack, error) {
	c, err := h.engineUp(ctx)
	if err != nil {
		return host.PutBack{}, err
	}
	all, err := h.containers(ctx)
	if err != nil {
		return host.PutBack{}, err
	}
	b := &bringingBack{h: h, c: c, now: map[host.ServiceRef][]host.Container{}, died: died, ids: map[string]string{}, left: map[host.ServiceRef]bool{}}
	for _, one := range all {
		if one.Of.Service != "" && slices.Contains(kept.Projects, one.Of.Project) {
			b.now[one.Of] = append(b.now[one.Of], one)
		}
	}
	out := b.instead(kept.Containers)
	b.all(ctx, kept.Containers)
	out.Did, out.Said, out.Failed = b.did, b.said, errors.Join(b.failed...)
	return out, nil
}

// instead finds what there is in the place of what was there.
func (b *bringingBack) instead(kept []keptContainer) (out host.PutBack) {
	was := map[host.ServiceRef]bool{}
	for _, k := range kept {
		was[k.Of] = true
		if len(b.now[k.Of]) == 0 {
			out.Removed = append(out.Removed, k.Of)
		}
	}
	for of, now := range b.now {
		for _, one := range now {
			if !slices.ContainsFunc(kept, func(k keptContainer) bool { return k.Made.ID == one.ID }) {
				out.Instead = append(out.Instead, host.Replaced{Container: one, New: !was[of]})
			}
		}
	}
	return out
}

// bringingBack is the work of PutContainersBack.
type bringingBack struct {
	h      *Host
	c      *client.Client
	died   bool
	now    map[host.ServiceRef][]host.Container
	ids    map[string]string        // of containers that were there, those that have their place
	left   map[host.ServiceRef]bool // services that cannot be brought back
	up     []host.ServiceRef
	did    []string
	said   []string // where the last words of what goes are
	failed []error
}

func (b *bringingBack) fail(what string, of host.ServiceRef, err error) {
	b.failed = append(b.failed, fmt.Errorf("cannot %s %s: %w", what, of, err))
	b.left[of] = true
}

func (b *bringingBack) all(ctx context.Context, kept []keptContainer) {
	was := map[string]bool{}
	for _, k := range kept {
		was[k.Made.ID] = true
		if b.has(k) == nil {
			if err := b.image(ctx, k); err != nil {
				b.fail("bring back", k.Of, err) // rather than to be left with nothing
			}
		}
	}
	for _, of := range slices.SortedFunc(maps.Keys(b.now), func(x, y host.ServiceRef) int { return strings.Compare(x.String(), y.String()) }) {
		b.remove(ctx, of, was, slices.ContainsFunc(kept, func(k keptContainer) bool { return k.Of == of }))
	}
	for _, k := range kept { // in the order in which they were made: one that shares another's network comes after it
		if b.left[k.Of] {
			if now := b.now[k.Of]; len(now) > 0 {
				b.ids[k.Made.ID] = now[0].ID
			}
			continue
		}
		if err := b.one(ctx, k); err != nil {
			b.fail("bring back", k.Of, err)
		}
	}
	if len(b.up) > 0 {
		if err := b.h.lasting(ctx, b.up...); err != nil {
			b.failed = append(b.failed, err)
		}
	}
}

// has is the container of old, if that is still there.
func (b *bringingBack) has(k keptContainer) *host.Container {
	for _, one := range b.now[k.Of] {
		if one.ID == k.Made.ID {
			return &one
		}
	}
	return nil
}

// image has the image there that a container was made from.
func (b *bringingBack) image(ctx context.Context, k keptContainer) error {
	_, err := b.c.ImageInspect(ctx, k.Made.Image)
	if !cerrdefs.IsNotFound(err) {
		return err
	}
	err = fmt.Errorf("its image %s is gone", k.Made.Image)
	for _, ref := range k.Images {
		_, pull := run(ctx, []string{"docker", "pull", "--quiet", ref}, runOptions{env: []string{"HOME=/root", "DOCKER_HOST=unix:///var/run/docker.sock"}})
		if pull == nil {
			_, pull = b.c.ImageInspect(ctx, k.Made.Image)
		}
		if pull == nil {
			return nil
		}
		err = errors.Join(err, pull)
	}
	return err
}

// remove takes away what was not there of a service: first of all, since what comes back
// may want its name and its ports.
func (b *bringingBack) remove(ctx context.Context, of host.ServiceRef, was map[string]bool, before bool) {
	if b.left[of] {
		return
	}
	for _, one := range b.now[of] {
		if was[one.ID] {
			continue
		}
		words := b.h.keepWords(ctx, b.c, one.ID, of)
		if err := end(ctx, b.c, one.ID); err != nil {
			b.fail("remove the new container of", of, err)
			return
		}
		if words != "" {
			b.said = append(b.said, words)
		}
		if !before {
			b.did = append(b.did, of.String()+", which was not there before, is removed")
		}
	}
}

// one brings a container back.
func (b *bringingBack) one(ctx context.Context, k keptContainer) error {
	id, start := k.Made.ID, k.ran()
	there := b.has(k)
	if there != nil && b.orphaned(k.Made.HostConfig) {
		if err := end(ctx, b.c, id); err != nil {
			return err
		}
		there = nil
	}
	if there != nil {
		moved := there.Name != k.name() // as compose does before it makes another
		if moved {
			if _, err := b.c.ContainerRename(ctx, id, client.ContainerRenameOptions{NewName: k.name()}); err != nil {
				return err
			}
		}
		byHand := there.End != nil && there.End.By == host.EndedByHand
		if !start || there.Running() || byHand && !moved && !b.died {
			return nil
		}
	} else {
		var err error
		if id, err = b.create(ctx, k); err != nil {
			return err
		}
	}
	b.ids[k.Made.ID] = id
	if !start {
		b.did = append(b.did, k.Of.String()+" is made from what it was made from before")
		return nil
	}
	if _, err := b.c.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return err
	}
	b.up = append(b.up, k.Of)
	b.did = append(b.did, fmt.Sprintf("%s runs from the image %s as before", k.Of, k.image()))
	return nil
}

// orphaned reports whether a container shares something with one that has been replaced,
// without which it cannot run.
func (b *bringingBack) orphaned(on *container.HostConfig) bool {
	return b.follow(string(on.NetworkMode)) != string(on.NetworkMode) || b.follow(string(on.IpcMode)) != string(on.IpcMode) || b.follow(string(on.PidMode)) != string(on.PidMode)
}

// image is how the image of a container is named to people.
func (k keptContainer) image() string {
	if len(k.Images) > 0 {
		return k.Images[0]
	}
	return k.Made.Image
}

// end stops and removes a container, in the time that it has for that. Volumes stay.
func end(ctx context.Context, c *client.Client, id string) error {
	if _, err := c.ContainerStop(ctx, id, client.ContainerStopOptions{}); err != nil {
		return err
	}
	_, err := c.ContainerRemove(ctx, id, client.ContainerRemoveOptions{})
	return err
}
