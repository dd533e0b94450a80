package cli

import (
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
// can be named again.
func (a *App) composeProjects(ctx context.Context, projects []string, keep func() error) (notes []string, err error) {
	var o manageOptions
	var before map[host.ServiceRef]string
	o.held = func() (err error) {
		if before, err = a.imagesOf(ctx, projects); err != nil {
			return err
		}
		return keep()
	}
	for _, p := range projects {
		o.only = append(o.only, "compose/"+p)
	}
	failed := a.manageQuietly(ctx, o)
	if before == nil {
		return nil, failed
	}
	after, err := a.imagesOf(ctx, projects)
	for _, of := range slices.SortedFunc(maps.Keys(after), func(a, b host.ServiceRef) int { return strings.Compare(a.String(), b.String()) }) {
		if was := before[of]; was != "" && was != after[of] {
			notes = append(notes, fmt.Sprintf("%s was of the image %s before", of, was))
		}
	}
	if failed != nil {
		return notes, failed
	}
	return notes, err
}

// imagesOf are the images of the containers of projects: by what their registries know
// them by, else by their ids.
func (a *App) imagesOf(ctx context.Context, projects []string) (map[host.ServiceRef]string, error) {
	all, err := a.Host.Containers(ctx)
	if err != nil {
		return nil, err
	}
	out := map[host.ServiceRef]string{}
	for _, c := range all {
		if !slices.Contains(projects, c.Of.Project) {
			continue
		}
		image, err := a.Host.Image(ctx, c.ImageID)
		if err != nil {
			return nil, err
		}
		out[c.Of] = c.ImageID
		if image != nil && len(image.Digests) > 0 {
			out[c.Of] = repositoryOf(c.Image) + "@" + image.Digests[0]
		}
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
