package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/kind/deployment"
)

// composeProjects has projects of this host's backend as they are declared, with what
// their registries have now. The notes say what ran before in place of what, by which it
// can be named again, and changed whether any container is another.
func (a *App) composeProjects(ctx context.Context, projects []string, keep func() error) (notes []string, changed bool, err error) {
	var o manageOptions
	var before map[host.ServiceRef]made
	o.held = func() (err error) {
		if before, err = a.madeOf(ctx, projects); err != nil {
			return err
		}
		return keep()
	}
	for _, p := range projects {
		o.only = append(o.only, "compose/"+p)
	}
	failed := a.manageQuietly(ctx, o)
	if before == nil {
		return nil, false, failed
	}
	after, err := a.madeOf(ctx, projects)
	for _, of := range slices.SortedFunc(maps.Keys(after), func(a, b host.ServiceRef) int { return strings.Compare(a.String(), b.String()) }) {
		if was := before[of].image; was != "" && was != after[of].image {
			notes = append(notes, fmt.Sprintf("%s was of the image %s before", of, was))
		}
	}
	return notes, !maps.Equal(before, after), cmp.Or(failed, err)
}

// made is a container of a service: by its id, and its image by what its registry knows it
// by, else by its id.
type made struct{ container, image string }

// madeOf are the containers of projects.
func (a *App) madeOf(ctx context.Context, projects []string) (map[host.ServiceRef]made, error) {
	all, err := a.Host.Containers(ctx)
	if err != nil {
		return nil, err
	}
	out := map[host.ServiceRef]made{}
	for _, c := range all {
		if !slices.Contains(projects, c.Of.Project) {
			continue
		}
		image, err := a.Host.Image(ctx, c.ImageID)
		if err != nil {
			return nil, err
		}
		one := made{c.ID, c.ImageID}
		if image != nil && len(image.Digests) > 0 {
			one.image = repositoryOf(c.Image) + "@" + image.Digests[0]
		}
		out[c.Of] = one
	}
	return out, nil
}

// repositoryOf is the name of an image without its tag.
func repositoryOf(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		return image[:i]
	}
	return image
}

// wayBack is how to go back with a deployment that has no releases.
func wayBack(c deployment.Config) string {
	if c.To != "" {
		return "run opsafe rollback " + c.There + " where it is deployed, on the host of " + c.To
	}
	return "name the image before, which opsafe deployments says, in the compose files of the spec, and deploy"
}
