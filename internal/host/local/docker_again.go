package local

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// create makes a container from what another was made from.
func (b *bringingBack) create(ctx context.Context, k keptContainer) (string, error) {
	config, on := *k.Made.Config, *k.Made.HostConfig
	config.Image = b.named(ctx, k)
	if config.Hostname == shortID(k.Made.ID) || on.NetworkMode.IsContainer() || on.NetworkMode.IsHost() || on.UTSMode.IsHost() {
		config.Hostname, config.Domainname = "", "" // it is given one
	}
	if on.NetworkMode.IsContainer() {
		config.ExposedPorts = nil
	}
	on.NetworkMode = container.NetworkMode(b.follow(string(on.NetworkMode)))
	on.IpcMode = container.IpcMode(b.follow(string(on.IpcMode)))
	on.PidMode = container.PidMode(b.follow(string(on.PidMode)))
	on.VolumesFrom = slices.Clone(on.VolumesFrom)
	for i, from := range on.VolumesFrom {
		id, mode, _ := strings.Cut(from, ":")
		if now := b.ids[id]; now != "" {
			on.VolumesFrom[i] = strings.TrimSuffix(now+":"+mode, ":")
		}
	}
	on.Binds, on.Mounts = withVolumes(k.Made)
	first, others := networks(k.Made)
	made, err := b.c.ContainerCreate(ctx, client.ContainerCreateOptions{Name: k.name(), Config: &config, HostConfig: &on, NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: first}})
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if _, err := b.c.NetworkConnect(ctx, name, client.NetworkConnectOptions{Container: made.ID, EndpointConfig: others[name]}); err != nil {
			return "", err
		}
	}
	return made.ID, nil
}

// follow has what is shared with a container's name the one that has its place now.
func (b *bringingBack) follow(mode string) string {
	if id, ok := strings.CutPrefix(mode, "container:"); ok && b.ids[id] != "" {
		return "container:" + b.ids[id]
	}
	return mode
}

// named is a name by which the engine has just that image; its id, if its tag has moved.
func (b *bringingBack) named(ctx context.Context, k keptContainer) string {
	for _, ref := range append([]string{k.Made.Config.Image}, k.Images...) {
		if image, err := b.c.ImageInspect(ctx, ref); err == nil && image.ID == k.Made.Image {
			return ref
		}
	}
	return k.Made.Image
}

// shortID is the id of a container as it is its host name, unless that is said.
func shortID(id string) string { return id[:min(len(id), shownID)] }

const shownID = 12

// withVolumes are what a container has mounted, with the volumes that no configuration
// names: what is in them is the service's, and goes with it.
func withVolumes(made container.InspectResponse) (binds []string, mounts []mount.Mount) {
	binds, mounts = slices.Clone(made.HostConfig.Binds), slices.Clone(made.HostConfig.Mounts)
	volumes := map[string]container.MountPoint{}
	for _, m := range made.Mounts {
		if m.Type == mount.TypeVolume && m.Name != "" {
			volumes[m.Destination] = m
		}
	}
	for _, bind := range binds {
		if parts := strings.Split(bind, ":"); len(parts) > 1 {
			delete(volumes, parts[1])
		}
	}
	for i, m := range mounts {
		if v, ok := volumes[m.Target]; ok && m.Source == "" {
			mounts[i].Source = v.Name
		}
		delete(volumes, m.Target)
	}
	for _, at := range slices.Sorted(maps.Keys(volumes)) {
		bind := volumes[at].Name + ":" + at
		if !volumes[at].RW {
			bind += ":ro"
		}
		binds = append(binds, bind)
	}
	return binds, mounts
}

// networks are those of a container: the one that it is made in, and the others. Engines
// before API 1.44 take one alone.
func networks(made container.InspectResponse) (first, others map[string]*network.EndpointSettings) {
	first, others = map[string]*network.EndpointSettings{}, map[string]*network.EndpointSettings{}
	mode := made.HostConfig.NetworkMode
	if made.NetworkSettings == nil || mode.IsContainer() || mode.IsHost() || mode.IsNone() {
		return nil, nil
	}
	for name, e := range made.NetworkSettings.Networks {
		into := others
		if name == string(mode) || e.NetworkID == string(mode) || mode.IsDefault() && name == network.NetworkBridge {
			into = first
		}
		aliases := slices.DeleteFunc(slices.Clone(e.Aliases), func(a string) bool { return a == shortID(made.ID) })
		into[name] = &network.EndpointSettings{IPAMConfig: e.IPAMConfig, Links: e.Links, Aliases: aliases, DriverOpts: e.DriverOpts, GwPriority: e.GwPriority}
	}
	return first, others
}
