package local

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/moby/moby/client"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// composeSettle is how long a container has to run to count as started.
const composeSettle = 2 * time.Second

// composeProgram is how compose is called: as docker's plugin, else by itself.
func composeProgram() []string {
	for _, at := range debian.ComposePlugins() {
		if _, err := os.Stat(at); err == nil {
			if _, err := findProgram("docker"); err == nil {
				return []string{"docker", "compose"}
			}
		}
	}
	return []string{"docker-compose"}
}

// compose has docker's compose do something to a project, which it reads from its
// standard input: no secret is in a file or in an argument.
func (h *Host) compose(ctx context.Context, f host.ComposeFile, args []string) error {
	if _, err := h.engineUp(ctx); err != nil {
		return fmt.Errorf("cannot %s services of compose project %s: %w", args[0], f.Project, err)
	}
	// It reads a file .env of the directory that the project is said to lie in: of this
	// one it is root's alone to make.
	argv := append(composeProgram(), "--project-name", f.Project, "--project-directory", "/", "--file", "-")
	_, err := run(ctx, append(argv, args...), runOptions{
		stdin: bytes.NewReader(f.Content.Bytes()),
		// Where root has logged in to registries.
		env: []string{"HOME=/root", "DOCKER_HOST=unix:///var/run/docker.sock"},
	})
	if err != nil {
		return fmt.Errorf("cannot %s services of compose project %s: %w", args[0], f.Project, withhold(err, f.Unsaid))
	}
	return nil
}

// upServices makes containers anew. If they do not come up, those that ran before do,
// unless somebody else sees to that.
func (h *Host) upServices(ctx context.Context, s host.UpServices) error {
	project := s.File.Project
	h.docker.mu.Lock()
	byOther, ended := h.docker.kept[project], h.docker.ended[project]
	delete(h.docker.ended, project)
	h.docker.mu.Unlock()
	if byOther {
		return withoutLogs(h.up(ctx, s))
	}
	kept, err := h.keep(ctx, []string{project})
	if err != nil {
		return err
	}
	kept.Containers = append(kept.Containers, ended...)
	kept.sort()
	if err = h.up(ctx, s); err != nil {
		return h.insteadOf(ctx, err, kept)
	}
	return nil
}

func (h *Host) up(ctx context.Context, s host.UpServices) error {
	if err := h.clearLeftovers(ctx, s); err != nil {
		return err
	}
	args := []string{"up", "--detach", "--no-deps", "--force-recreate", "--no-build"}
	for _, u := range s.Services {
		args = append(args, u.Name)
	}
	if err := h.compose(ctx, s.File, args); err != nil {
		return err
	}
	var refs []host.ServiceRef
	for _, u := range s.Services {
		refs = append(refs, host.ServiceRef{Project: s.File.Project, Service: u.Name})
	}
	return h.lasting(ctx, refs...)
}

// clearLeftovers removes what compose has left of services, which it would take for theirs.
func (h *Host) clearLeftovers(ctx context.Context, s host.UpServices) error {
	all, err := h.containers(ctx)
	if err != nil {
		return err
	}
	left := leftovers(all)
	for _, c := range all {
		if c.Of.Project != s.File.Project || !slices.Contains(left, c.ID) || !slices.ContainsFunc(s.Services, func(u host.UpService) bool { return u.Name == c.Of.Service }) {
			continue
		}
		conn, err := h.engineUp(ctx)
		if err == nil {
			err = end(ctx, conn, c.ID)
		}
		if err != nil {
			return fmt.Errorf("cannot remove container %s, which compose has left: %w", c.Name, err)
		}
	}
	return nil
}

// lasting is the error of services whose containers do not stay up for a while.
func (h *Host) lasting(ctx context.Context, services ...host.ServiceRef) error {
	for until := time.Now().Add(composeSettle); ; {
		all, err := h.Containers(ctx)
		if err != nil {
			return err
		}
		if err := stayUp(all, services); err != nil || time.Now().After(until) {
			return err
		}
		if err := pauseFor(ctx, dockerPause); err != nil {
			return err
		}
	}
}

// stayUp is the error of services of which a container, of all that there are, does
// not run, or that have none. One that says that all went well has done what it was
// for.
func stayUp(all []host.Container, services []host.ServiceRef) error {
	found := map[host.ServiceRef]int{}
	for _, c := range all {
		if !slices.Contains(services, c.Of) {
			continue
		}
		found[c.Of]++
		switch {
		case c.State == "running", c.End != nil && c.End.Code == 0 && c.End.Why == "":
		case c.End != nil:
			return &notUpError{fmt.Sprintf("container %s ended as soon as it had started: %s", c.Name, c.End), c.Name}
		default:
			return &notUpError{fmt.Sprintf("container %s does not stay up: it is %s", c.Name, c.State), c.Name}
		}
	}
	for _, of := range services {
		if found[of] == 0 {
			return fmt.Errorf("service %s has no container any more: somebody, or something, has removed it", of)
		}
	}
	return nil
}

// onContainer does something to the container of a service.
func (h *Host) onContainer(ctx context.Context, what string, of host.ServiceRef, name string, do func(c *client.Client, id string) error) error {
	c, err := h.engineUp(ctx)
	if err != nil {
		return fmt.Errorf("cannot %s container %s: %w", what, name, err)
	}
	found, err := host.FindContainer(ctx, h, of)
	if err == nil && found == nil {
		err = fmt.Errorf("service %s has none", of)
	}
	if err == nil {
		err = do(c, found.ID)
	}
	if err != nil {
		return fmt.Errorf("cannot %s container %s: %w", what, name, err)
	}
	return nil
}
