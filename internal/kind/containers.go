package kind

import (
	"context"
	"fmt"
	"path"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/spec"
	"opsafe/internal/words"
)

// ContainersOf are the containers of a project, by their services.
func ContainersOf(ctx context.Context, r host.Reader, project string) (map[string]host.Container, error) {
	all, err := r.Containers(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]host.Container{}
	for _, c := range all {
		if c.Of.Project != project {
			continue
		}
		if other, twice := out[c.Of.Service]; twice {
			return nil, fmt.Errorf("service %s has the containers %s and %s: remove one of them", c.Of.Service, other.Name, c.Name)
		}
		out[c.Of.Service] = c
	}
	return out, nil
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
