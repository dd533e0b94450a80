package kind

import (
	"context"
	"fmt"

	"opsafe/internal/host"
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
