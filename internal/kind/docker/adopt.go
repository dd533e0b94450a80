package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// adopt takes the engine and its configuration, with one network or those that
// somebody has made.
func adopt(ctx context.Context, t kind.Taker, name string) error {
	if name != "" {
		return takeNetwork(ctx, t, strings.TrimPrefix(name, "network/"))
	}
	if err := takeEngine(t); err != nil {
		return err
	}
	all, err := t.Networks(ctx)
	if err != nil {
		return err
	}
	for _, n := range all {
		if dockersOwn(n.Name) {
			continue
		}
		if err := addNetwork(t, n); err != nil {
			t.Notef("%v", err)
		}
	}
	return nil
}

// dockersOwn reports whether docker has a network of this name by itself, or means by it
// something else: it makes none (IsPreDefinedNetwork in moby's runconfig).
func dockersOwn(network string) bool {
	return slices.Contains([]string{"bridge", "default", "host", "none"}, network)
}

// takeEngine takes the package and daemon.json.
func takeEngine(t kind.Taker) error {
	installed, err := installedEngine(t)
	if err != nil {
		return err
	}
	d := spec.NewDraft()
	if installed != defaultEngine {
		d.Text("package", installed)
	}
	n, err := t.Stat(debian.DockerConfig)
	if err != nil {
		return err
	}
	if n != nil {
		if err := takeDaemon(t, d, n); err != nil {
			return err
		}
	}
	t.Brings(installed)
	return t.Take("from docker and "+debian.DockerConfig, d, "docker")
}

// installedEngine is the package of the engine that is installed.
func installedEngine(r host.Packages) (string, error) {
	for _, name := range debian.EnginePackages() {
		p, err := r.Package(name)
		if err != nil {
			return "", err
		}
		if p != nil && p.State == host.Installed {
			return name, nil
		}
	}
	return "", errors.New("docker is not installed")
}

// takeDaemon takes daemon.json: JSON is YAML.
func takeDaemon(t kind.Taker, d spec.Draft, n *host.Node) error {
	if !host.Everybody(t, debian.DockerConfig, *n) && !t.Opens(debian.DockerConfig) {
		t.Notef("%s is left out, since not everybody may read it: --content %[1]s has it written", debian.DockerConfig)
		return nil
	}
	data, err := t.ReadFile(debian.DockerConfig)
	if err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return fmt.Errorf("%s is no JSON document of options", debian.DockerConfig)
	}
	d.Set("daemon", unstyled(doc.Content[0]))
	return nil
}

// unstyled takes JSON's way of writing off a value.
func unstyled(n *yaml.Node) *yaml.Node {
	out := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value}
	for _, c := range n.Content {
		out.Content = append(out.Content, unstyled(c))
	}
	return out
}

func takeNetwork(ctx context.Context, t kind.Taker, name string) error {
	n, err := t.Network(ctx, name)
	if err != nil {
		return err
	}
	if n == nil {
		return fmt.Errorf("docker has no network %s", name)
	}
	if err := takeEngine(t); err != nil {
		return err
	}
	return addNetwork(t, *n)
}

func addNetwork(t kind.Taker, n host.Network) error {
	if n.Driver != "bridge" {
		return fmt.Errorf("docker's network %s is no bridge network (its driver is %s), which a spec cannot say", n.Name, n.Driver)
	}
	d := spec.NewDraft().Text("interface", n.Interface).Text("subnet", n.Subnet).Text("gateway", n.Gateway).
		Text("subnet6", n.Subnet6).Text("gateway6", n.Gateway6)
	if n.NoIPv4 {
		d.Flag("enable_ipv4", false)
	}
	if n.IPv6 && n.Subnet6 == "" {
		d.Flag("enable_ipv6", true)
	}
	if n.Internal {
		d.Flag("internal", true)
	}
	if len(n.Options) > 0 {
		options := spec.NewDraft()
		for _, k := range slices.Sorted(maps.Keys(n.Options)) {
			options.Text(k, n.Options[k])
		}
		d.Set("options", options.Node())
	}
	return t.Take("from docker", d, "docker", "networks", n.Name)
}
