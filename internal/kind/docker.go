package kind

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

const (
	dockerUnit   = "docker.service"
	dockerConfig = "/etc/docker/daemon.json"
)

// declareDocker lists the engine's configuration, the engine, and its networks.
// The package is one of the packages.
func declareDocker(in *Input) []Resource {
	d := in.Backend.Docker
	if d == nil {
		return nil
	}
	needs := in.needPackage(dockerPackage(d))
	engine := change.ID{Kind: "docker", Name: "engine"}
	var out []Resource
	if d.Daemon != nil {
		out = append(out, Resource{
			ID: change.ID{Kind: "docker", Name: "daemon.json"}, Pos: d.At("daemon"), When: d.When, Needs: needs,
			Looker: daemonLook{in: in, daemon: d.Daemon, pkg: dockerPackage(d)},
		})
		needs = append(slices.Clone(needs), out[0].ID)
	}
	on := true
	out = append(out, Resource{
		ID: engine, Pos: d.Pos, When: d.When, Needs: needs,
		Looker: unitLook{in: in, name: dockerUnit, decl: &spec.Unit{Item: d.Item, Enabled: &on, Running: &on}},
	})
	for _, name := range slices.Sorted(maps.Keys(d.Networks)) {
		n := d.Networks[name]
		out = append(out, Resource{
			ID: change.ID{Kind: "docker", Name: "network/" + name}, Pos: n.Pos,
			When:   append(slices.Clone(d.When), n.When...),
			Needs:  []change.ID{engine},
			Looker: networkLook{name: name, decl: n},
		})
	}
	return out
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
	was, err := regular(r, dockerConfig)
	if err != nil {
		return c, err
	}
	if was != nil && sameJSON(was.Content.Bytes(), want) {
		// Another layout is not worth a restart of the engine.
		return correct(dockerConfig, was.Node, ownNode()), nil
	}
	c = newContent(dockerConfig, was, want, ownNode())
	write := writeOwn(dockerConfig, was, want, ownNode())
	if write.Check, err = l.check(r); err != nil {
		return c, err
	}
	if err := needDir(r, &c, path.Dir(dockerConfig)); err != nil {
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
	restartWith(&c, write, dockerUnit, true)
	c.Why = "restarts " + dockerUnit
	if was == nil || !liveRestore(was.Content.Bytes()) || !liveRestore(want) {
		c.Why += ", and its containers with it"
	}
	return c, nil
}

// liveRestore reports whether a daemon.json has containers outlive the engine:
// they do so if both the one that ends and the one that comes up say it.
func liveRestore(config []byte) bool {
	var c struct {
		On bool `json:"live-restore"`
	}
	return json.Unmarshal(config, &c) == nil && c.On
}

// sameJSON reports whether two documents say the same, however they are laid out.
func sameJSON(a, b []byte) bool {
	var x, y any
	return bytes.Equal(a, b) || json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// check is dockerd's own, which it can do since release 23.
func (l daemonLook) check(r host.Reader) (*host.Check, error) {
	p, err := r.Package(l.pkg)
	if err != nil || p == nil {
		return nil, err
	}
	const validates = 23
	if major(p.Version) < validates {
		return nil, nil
	}
	return &host.Check{Argv: []string{"dockerd", "--validate", "--config-file", "%"}}, nil
}

// major is the first number of a Debian version, after its epoch; 0 if there is
// none.
func major(version string) int {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		version = rest
	}
	digits := strings.FieldsFunc(version, func(c rune) bool { return c < '0' || c > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, err := strconv.Atoi(digits[0])
	if err != nil {
		return 0
	}
	return n
}

// networkLook is a bridge network. Docker cannot change one, and opsafe does not
// replace one behind the back of what uses it: another network of that name is
// an error.
type networkLook struct {
	name string
	decl *spec.Network
}

func (l networkLook) Hints() host.Hints { return host.Hints{Docker: true} }

func (l networkLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	have, err := r.Network(ctx, l.name)
	if host.AfterApply(err) {
		c.Action, c.Deferred = change.Add, "docker does not run: once it does, the network is compared, and made if it is not there"
		if l.decl.State == stateAbsent {
			c.Action, c.Deferred = change.Remove, "docker does not run: once it does, the network is removed if it is there"
		}
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if l.decl.State == stateAbsent {
		return l.remove(have)
	}
	want := host.Network{
		Name: l.name, Driver: "bridge", Interface: l.decl.Interface, Subnet: l.decl.Subnet,
		Gateway: l.decl.Gateway, Internal: spec.Is(l.decl.Internal), Options: l.decl.Options,
	}
	if have == nil {
		c.Action = change.Add
		fresh(&c, "driver", want.Driver, "interface", want.Interface, "subnet", want.Subnet, "gateway", want.Gateway)
		for _, k := range slices.Sorted(maps.Keys(want.Options)) {
			fresh(&c, "option "+k, want.Options[k])
		}
		c.Steps = []host.Step{host.AddNetwork{Network: want}}
		return c, nil
	}
	return c, l.conflict(have, want)
}

func (l networkLook) remove(have *host.Network) (change.Change, error) {
	var c change.Change
	if have == nil {
		return c, nil
	}
	if len(have.Containers) > 0 {
		return c, fmt.Errorf("cannot remove it: containers are attached to it: %s", list(have.Containers))
	}
	c.Action = change.Remove
	differ(&c, "interface", have.Interface, "")
	c.Steps = []host.Step{host.RemoveNetwork{Name: l.name, Was: *have}}
	return c, nil
}

// conflict names what an existing network has that the declared one may not.
func (l networkLook) conflict(have *host.Network, want host.Network) error {
	var bad []string
	compare := func(what, is, declared string) {
		if declared != "" && is != declared {
			bad = append(bad, fmt.Sprintf("%s is %s, not %s", what, cmp.Or(is, "docker's choice"), declared))
		}
	}
	compare("driver", have.Driver, want.Driver)
	compare("interface", have.Interface, want.Interface)
	compare("subnet", have.Subnet, want.Subnet)
	compare("gateway", have.Gateway, want.Gateway)
	if l.decl.Internal != nil && have.Internal != want.Internal {
		bad = append(bad, fmt.Sprintf("internal is %s, not %s", yesNo(have.Internal), yesNo(want.Internal)))
	}
	for _, k := range slices.Sorted(maps.Keys(want.Options)) {
		compare("option "+k, have.Options[k], want.Options[k])
	}
	if len(bad) == 0 {
		return nil
	}
	out := "remove it with \"docker network rm " + l.name + "\""
	if len(have.Containers) > 0 {
		out = "move its containers (" + list(have.Containers) + ") off it, then " + out
	}
	return fmt.Errorf("a network of that name exists and docker cannot change it: %s: %s, and opsafe makes it anew", strings.Join(bad, ", "), out)
}
