package docker

import (
	"context"
	"strings"

	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// orphans are networks that docker has not made itself, and containers.
func orphans() []kind.Orphans {
	return []kind.Orphans{
		{
			Category: "network", Rank: kind.RankDocker, Find: findNetworks,
			Absent: func(b spec.Backend, name string) spec.Backend {
				d := Engine{}
				if own := of(&b); own != nil {
					d = *own
				}
				d.Networks = kind.WithAbsent(d.Networks, name, &Network{State: kind.Absent})
				return spec.With(b, "docker", &d)
			},
			Removes: func(resource, name string) bool { return resource == "network/"+name },
		},
		{Category: "container", Rank: kind.RankDocker, Find: findContainers},
	}
}

func findNetworks(ctx context.Context, f kind.Finder) error {
	all, err := f.Networks(ctx)
	if err != nil {
		return err
	}
	declared := networksOf(f.Backend())
	for _, n := range all {
		if dockersOwn(n.Name) || declared[n.Name] != nil || f.Backend().Project(n.Project) {
			continue
		}
		o := kind.Orphan{Name: n.Name, What: "docker network " + n.Name}
		if len(n.Containers) > 0 {
			o.What += ", in use by " + strings.Join(n.Containers, ", ")
			o.Way = "remove these containers first, then opsafe prune network/" + n.Name
		}
		f.Orphan(o)
	}
	return nil
}

func findContainers(ctx context.Context, f kind.Finder) error {
	all, err := f.Containers(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if kind.DeclaresContainer(f.Backend(), c) {
			continue
		}
		what := "docker container " + c.Name
		if c.Image != "" {
			what += " of the image " + c.Image
		}
		if c.State != "" {
			what += ", " + c.State
		}
		f.Orphan(kind.Orphan{Name: c.Name, What: what + ", on no list", Way: "docker rm -f " + c.Name})
	}
	return nil
}
