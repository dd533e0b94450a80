package kind

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
	"opsafe/internal/spec"
)

const (
	dockerUnit   = "docker.service"
	dockerSocket = "docker.socket"
	dockerConfig = debian.DockerConfig
)

// Docker is the kind docker.
func Docker() Kind {
	return Kind{
		Part: spec.Part{
			Name: "docker", Plural: "docker", Is: "the engine and its networks", Sections: []string{"docker"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[*DockerEngine](), After: "sshd", Judge: checkDocker,
				Field: spec.Field{
					Name: "docker", Is: "the docker engine and its networks",
					More:    "The package is installed and held, the engine enabled and running.",
					Example: "{daemon: {log-driver: local}}",
				},
			}},
			Installs: installDocker, Owns: ownDocker,
		},
		Stage: StageServices, Runs: true, Declare: declareDocker, Adopt: adoptDocker, TakenOver: true,
		Covers: Covering(dockerConfig), Parts: dockerParts,
		Orphans: dockerOrphans(),
	}
}

// declareDocker lists the engine's configuration, the engine, and its networks.
// The package is one of the packages.
func declareDocker(in *Input) []Resource {
	d := dockerOf(in.Backend)
	if d == nil {
		return nil
	}
	needs := in.NeedPackage(d.pkg())
	engine := change.ID{Kind: "docker", Name: "engine"}
	var out []Resource
	if d.Daemon != nil {
		out = append(out, Resource{
			ID: change.ID{Kind: "docker", Name: "daemon.json"}, Pos: d.At("daemon"), When: d.When, Needs: needs,
			Looker: daemonLook{in: in, daemon: d.Daemon, pkg: d.pkg()},
		})
		needs = append(slices.Clone(needs), out[0].ID)
	}
	on := true
	out = append(out, Resource{
		ID: engine, Pos: d.Pos, When: d.When, Needs: needs,
		Looker: UnitLook{In: in, Name: dockerUnit, Decl: &Unit{Item: d.Item, Enabled: &on, Running: &on}},
	})
	return append(out, declareNetworks(in, engine)...)
}

// daemonLook is daemon.json as a whole.
type daemonLook struct {
	in     *Input
	daemon map[string]any
	pkg    string
}

func (l daemonLook) Hints() host.Hints { return host.Hints{Units: []string{dockerUnit}} }

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
	next := readOptions(want)
	was, err := Regular(r, dockerConfig)
	if err != nil {
		return c, err
	}
	have, err := optionsOf(was)
	if err != nil && !Holds(was, want) {
		return c, err
	}
	if Holds(was, want) || was != nil && have.same(next.known) {
		// Another layout is not worth a restart of the engine.
		return Correct(dockerConfig, was.Node, OwnNode()), nil
	}
	c = Rewritten(dockerConfig, was, want, OwnNode())
	write := WriteOwn(dockerConfig, want, OwnNode())
	if write.Check, err = l.check(r); err != nil {
		return c, err
	}
	if err := NeedDir(r, &c, path.Dir(dockerConfig)); err != nil {
		return c, err
	}
	engine, err := r.Unit(ctx, dockerUnit)
	if err != nil {
		return c, err
	}
	if !engine.Running() {
		// It comes up with the new file.
		c.Steps = append(c.Steps, write)
		return c, nil
	}
	if have.reloadable(next.known) {
		ReloadWith(&c, write, dockerUnit)
		c.Why = "reloads " + dockerUnit
		return c, nil
	}
	if err := RestartWith(ctx, r, &c, write, dockerUnit, true); err != nil {
		return c, err
	}
	c.Why = "restarts " + dockerUnit
	if have.is(liveRestore, true) && next.is(liveRestore, true) {
		return c, nil
	}
	c.Why += ", and its containers with it"
	if c.Irreversible != "" {
		return c, nil
	}
	// The engine that ends would leave them, the one that comes up does not.
	left, err := stayEnded(ctx, r, have.is(liveRestore, true))
	c.Irreversible = containersEnd + left
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
