package compose

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/compose"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// steps adds those that pull images, make containers anew and remove those of services
// that the files do not have any more.
func (l look) steps(ctx context.Context, r host.Reader, c *change.Change, p *compose.Project, up []serviceLook, gone map[string]host.Container) error {
	var first []host.Step
	var ends []string
	for _, service := range slices.Sorted(maps.Keys(gone)) {
		have := gone[service]
		c.Differ(service, have.State, "")
		first = append(first, host.RemoveContainer{Of: have.Of, Name: have.Name})
		ends = append(ends, have.Name)
	}
	if len(up) > 0 {
		if err := there(ctx, r); err != nil {
			return err
		}
		made, err := l.makes(r, p, up)
		if err != nil {
			return err
		}
		first = append(first, made...)
	}
	for _, s := range up {
		if s.have != nil && s.have.Running() {
			ends = append(ends, s.have.Name)
		}
	}
	c.Steps = append(first, c.Steps...)
	if len(c.Steps) == 0 {
		return nil
	}
	c.Action = change.Modify
	if len(ends) == 0 && len(up) == len(p.Services) {
		c.Action = change.Add
	}
	c.Irreversible = endOf(ends)
	return nil
}

// endOf says which containers end for good; empty for none.
func endOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "containers end, and do not come back as they were: " + strings.Join(names, ", ")
}

// makes are the steps that make containers anew.
func (l look) makes(r host.Reader, p *compose.Project, up []serviceLook) ([]host.Step, error) {
	file, err := l.file(r, p, up)
	if err != nil {
		return nil, err
	}
	pull := host.PullImages{File: file}
	make := host.UpServices{File: file, Networks: p.Networks}
	var owe, settle []host.Step // what compose has stopped when it dies looks as if somebody had
	for _, s := range up {
		if !s.have.NeverStarted() || s.owed {
			name := host.OwedContainer(host.ServiceRef{Project: l.name, Service: s.Name})
			owed := host.Pending{Unit: name, Verb: host.Start, Why: "ended to be made anew"}
			if s.have != nil {
				owed.Container = s.have.ID
			}
			owe = append(owe, host.Owe{Pending: owed})
			settle = append(settle, host.Settle{Unit: name, Verb: host.Start})
		}
		if s.pull {
			pull.Services = append(pull.Services, s.Name)
			pull.Images = append(pull.Images, s.Image)
		}
		make.Services = append(make.Services, host.UpService{Name: s.Name, Container: s.Container, Image: s.Image, Restart: s.Restart, Labels: s.labels})
	}
	steps := append(append(owe, make), settle...)
	if len(pull.Services) > 0 {
		steps = append([]host.Step{pull}, steps...)
	}
	return steps, nil
}

// there is the error of a host without docker, or its compose.
func there(ctx context.Context, r host.Reader) error {
	if e, err := r.Engine(ctx); err != nil || e == nil {
		if err == nil {
			err = errors.New("docker is not installed: declare the section docker")
		}
		return err
	}
	for _, at := range append(debian.ComposePlugins(), debian.ComposeProgram) {
		n, err := r.Stat(at)
		if err != nil {
			return err
		}
		if n != nil {
			return nil
		}
	}
	return kind.Missing(debian.ComposeProgram, "docker's compose is not installed: declare the package docker-compose-v2, docker-compose-plugin or docker-compose")
}

// goneLook is a project that is not to be there.
type goneLook struct{ name string }

func (l goneLook) Hints() host.Hints { return host.Hints{Docker: true} }

func (l goneLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	have, err := kind.ContainersOf(ctx, r, l.name)
	if host.AfterApply(err) {
		c.Action, c.Deferred = change.Remove, "docker does not run: once it does, the project is removed if it is there"
		return c, nil
	}
	if err != nil {
		return c, err
	}
	networks, err := r.Networks(ctx)
	if err != nil {
		return c, err
	}
	var ends []string
	for _, service := range slices.Sorted(maps.Keys(have)) {
		one := have[service]
		c.Differ(service, one.State, "")
		c.Steps = append(c.Steps, host.RemoveContainer{Of: one.Of, Name: one.Name})
		ends = append(ends, one.Name)
	}
	for _, n := range networks {
		if n.Project == l.name {
			c.Differ("network", n.Name, "")
			c.Steps = append(c.Steps, host.RemoveNetwork{Name: n.Name})
		}
	}
	if len(c.Steps) > 0 {
		c.Action, c.Irreversible = change.Remove, endOf(ends)
	}
	return c, nil
}
