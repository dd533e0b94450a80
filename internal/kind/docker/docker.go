// Package docker holds the kinds of docker: the engine with its networks, and their firewalls.
package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

const (
	unit   = debian.DockerUnit
	socket = "docker.socket"
	config = debian.DockerConfig
)

// Kind is the kind docker.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "docker", Plural: "docker", Is: "the engine and its networks", Sections: []string{"docker"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[*Engine](), After: "sshd", Judge: judge,
				Field: spec.Field{
					Name: "docker", Is: "the docker engine and its networks",
					More:    "The package is installed and held, the engine enabled and running.",
					Example: "{daemon: {log-driver: local}}",
				},
			}},
			Installs: installs, Owns: owns,
		},
		Stage: kind.StageServices, Runs: true, Declare: declare, Adopt: adopt, TakenOver: true,
		Covers: kind.Covering(config), Parts: parts,
		Orphans: orphans(),
	}
}

// declare lists the engine's configuration, the engine, and its networks.
// The package is one of the packages.
func declare(in *kind.Input) []kind.Resource {
	d := of(in.Backend)
	if d == nil {
		return nil
	}
	needs := in.NeedPackage(d.pkg())
	engine := change.ID{Kind: "docker", Name: "engine"}
	var out []kind.Resource
	if d.Daemon != nil {
		out = append(out, kind.Resource{
			ID: change.ID{Kind: "docker", Name: "daemon.json"}, Pos: d.At("daemon"), When: d.When, Needs: needs,
			Looker: daemonLook{in: in, daemon: d.Daemon, pkg: d.pkg()},
		})
		needs = append(slices.Clone(needs), out[0].ID)
	}
	on := true
	out = append(out, kind.Resource{
		ID: engine, Pos: d.Pos, When: d.When, Needs: needs,
		Looker: kind.UnitLook{In: in, Name: unit, Decl: &kind.Unit{Item: d.Item, Enabled: &on, Running: &on}},
	})
	return append(out, declareNetworks(in, engine)...)
}

// daemonLook is daemon.json as a whole.
type daemonLook struct {
	in     *kind.Input
	daemon map[string]any
	pkg    string
}

func (l daemonLook) Hints() host.Hints { return host.Hints{Units: []string{unit}} }

// Look compares the file. Where the engine runs, it is restarted with a new one
// there and then, so that the old one can come back if it does not start: not
// every release can be asked beforehand.
func (l daemonLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	want, err := json.MarshalIndent(l.daemon, "", "  ")
	if err != nil {
		return c, fmt.Errorf("cannot write daemon.json: %w", err)
	}
	want = append(want, '\n')
	next := kind.ReadDaemonOptions(want)
	was, err := kind.Regular(r, config)
	if err != nil {
		return c, err
	}
	have, err := kind.DaemonOptionsOf(was)
	if err != nil && !kind.Holds(was, want) {
		return c, err
	}
	if kind.Holds(was, want) || was != nil && same(have, next.Known) {
		// Another layout is not worth a restart of the engine.
		return kind.Correct(config, was.Node, kind.OwnNode()), nil
	}
	c = kind.Rewritten(config, was, want, kind.OwnNode())
	c.Notes = append(c.Notes, l.notes()...)
	write := kind.WriteOwn(config, want, kind.OwnNode())
	if write.Check, err = l.check(r); err != nil {
		return c, err
	}
	if err := kind.NeedDir(r, &c, path.Dir(config)); err != nil {
		return c, err
	}
	engine, err := r.Unit(ctx, unit)
	if err != nil {
		return c, err
	}
	if !engine.Running() {
		// It comes up with the new file.
		c.Steps = append(c.Steps, write)
		return c, nil
	}
	if reloadable(have, next.Known) {
		kind.ReloadWith(&c, write, unit)
		c.Why = "reloads " + unit
		return c, nil
	}
	if err := kind.RestartWith(ctx, r, &c, write, unit, true); err != nil {
		return c, err
	}
	c.Why = "restarts " + unit
	if have.LiveRestore() && next.LiveRestore() {
		return c, nil
	}
	c.Why += ", and its containers with it"
	if c.Irreversible != "" {
		return c, nil
	}
	// The engine that ends would leave them, the one that comes up does not.
	left, err := kind.StayEnded(ctx, r, have.LiveRestore())
	c.Irreversible = kind.ContainersEnd + left
	return c, err
}

// check is dockerd's own, which it can do since release 23.
func (l daemonLook) check(r host.Reader) (*host.Check, error) {
	p, err := r.Package(l.pkg)
	if err != nil || p == nil {
		return nil, err
	}
	const validates = 23
	if debian.Major(p.Version) < validates {
		return nil, nil
	}
	return &host.Check{Argv: []string{"dockerd", "--validate", "--config-file", "%"}}, nil
}
