package kind

import (
	"context"
	"path"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// dockerOrphans are networks that docker has not made itself, and containers.
func dockerOrphans() []Orphans {
	return []Orphans{
		{
			Category: "network", Rank: RankDocker, Find: findNetworks,
			Absent: func(b spec.Backend, name string) spec.Backend {
				d := DockerEngine{}
				if own := dockerOf(&b); own != nil {
					d = *own
				}
				d.Networks = WithAbsent(d.Networks, name, &DockerNetwork{State: Absent})
				return spec.With(b, "docker", &d)
			},
			Removes: func(resource, name string) bool { return resource == "network/"+name },
		},
		{Category: "container", Rank: RankDocker, Find: findContainers},
	}
}

func findNetworks(ctx context.Context, f Finder) error {
	all, err := f.Networks(ctx)
	if err != nil {
		return err
	}
	declared := networksOf(f.Backend())
	for _, n := range all {
		if dockersOwn(n.Name) || declared[n.Name] != nil || f.Backend().Project(n.Project) {
			continue
		}
		o := Orphan{Name: n.Name, What: "docker network " + n.Name}
		if len(n.Containers) > 0 {
			o.What += ", in use by " + strings.Join(n.Containers, ", ")
			o.Way = "remove these containers first, then opsafe prune network/" + n.Name
		}
		f.Orphan(o)
	}
	return nil
}

func findContainers(ctx context.Context, f Finder) error {
	all, err := f.Containers(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if DeclaresContainer(f.Backend(), c) {
			continue
		}
		what := "docker container " + c.Name
		if c.Image != "" {
			what += " of the image " + c.Image
		}
		if c.State != "" {
			what += ", " + c.State
		}
		f.Orphan(Orphan{Name: c.Name, What: what + ", on no list", Way: "docker rm -f " + c.Name})
	}
	return nil
}

// DeclaresContainer reports whether what makes a container is declared: its compose
// project, the directory of that, or a unit that names it.
func DeclaresContainer(b *spec.Backend, c host.Container) bool {
	if b == nil {
		return false
	}
	if b.Project(c.Of.Project) {
		return true
	}
	for dir := range b.Directories {
		if c.Project != "" && (c.Project == dir || strings.HasPrefix(c.Project, dir+"/")) {
			return true
		}
	}
	for at := range b.Files {
		if c.Project != "" && path.Dir(at) == c.Project {
			return true
		}
	}
	for _, u := range UnitsOf(b) {
		if u != nil && u.State != Absent && words.Mentions(string(u.Data), c.Name) {
			return true
		}
	}
	return false
}
