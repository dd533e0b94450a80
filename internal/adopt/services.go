package adopt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// docker takes the engine, its configuration, and the networks that somebody
// has made.
func (t *taker) docker(ctx context.Context) error {
	if err := t.engine(); err != nil {
		return err
	}
	all, err := t.Networks(ctx)
	if err != nil {
		return err
	}
	for _, n := range all {
		if n.Name == "bridge" || n.Name == "host" || n.Name == "none" {
			continue // docker's own
		}
		if err := t.addNetwork(n); err != nil {
			t.notef("%v", err)
		}
	}
	return nil
}

// engine takes the package and daemon.json.
func (t *taker) engine() error {
	f := newFields()
	p, err := t.Package("docker.io")
	if err != nil {
		return err
	}
	if p == nil || p.State != host.Installed {
		if p, err = t.Package("docker-ce"); err != nil {
			return err
		}
		if p == nil || p.State != host.Installed {
			return errors.New("docker is not installed")
		}
		f.text("package", "docker-ce")
	}
	n, err := t.Stat(debian.DockerConfig)
	if err != nil {
		return err
	}
	if n != nil {
		if err := t.daemon(f, n); err != nil {
			return err
		}
	}
	t.add("from docker and "+debian.DockerConfig, f.node, "docker")
	return nil
}

// daemon takes daemon.json: JSON is YAML.
func (t *taker) daemon(f fields, n *host.Node) error {
	if !everybody(n) && !slices.Contains(t.Open, debian.DockerConfig) {
		t.notef("%s is left out, since not everybody may read it: --content %[1]s has it written", debian.DockerConfig)
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
	f.set("daemon", plain(doc.Content[0]))
	return nil
}

// plain takes JSON's way of writing off a value.
func plain(n *yaml.Node) *yaml.Node {
	out := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value}
	for _, c := range n.Content {
		out.Content = append(out.Content, plain(c))
	}
	return out
}

func (t *taker) network(ctx context.Context, name string) error {
	name = strings.TrimPrefix(name, "network/")
	n, err := t.Network(ctx, name)
	if err != nil {
		return err
	}
	if n == nil {
		return fmt.Errorf("docker has no network %s", name)
	}
	if err := t.engine(); err != nil {
		return err
	}
	return t.addNetwork(*n)
}

func (t *taker) addNetwork(n host.Network) error {
	if n.Driver != "bridge" {
		return fmt.Errorf("docker's network %s is no bridge network (its driver is %s), which a spec cannot say", n.Name, n.Driver)
	}
	f := newFields().text("interface", n.Interface).text("subnet", n.Subnet).text("gateway", n.Gateway).
		text("subnet6", n.Subnet6).text("gateway6", n.Gateway6)
	if n.NoIPv4 {
		f.flag("enable_ipv4", false)
	}
	if n.IPv6 && n.Subnet6 == "" {
		f.flag("enable_ipv6", true)
	}
	if n.Internal {
		f.flag("internal", true)
	}
	if len(n.Options) > 0 {
		options := newFields()
		for _, k := range slices.Sorted(maps.Keys(n.Options)) {
			options.text(k, n.Options[k])
		}
		f.set("options", options.node)
	}
	t.add("from docker", f.node, "docker", "networks", n.Name)
	return nil
}

const (
	chronyDir    = "/etc/chrony/conf.d"
	chronyDropIn = chronyDir + "/opsafe.conf"
)

// chrony takes the daemon, and the lines that opsafe has added for it.
func (t *taker) chrony(context.Context) error {
	p, err := t.Package("chrony")
	if err != nil {
		return err
	}
	if p == nil || p.State != host.Installed {
		return errors.New("chrony is not installed")
	}
	lines, from, err := t.chronyLines()
	if err != nil {
		return err
	}
	f := newFields()
	by := map[string][]string{}
	for _, line := range lines {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case word == "server", word == "pool":
			by[word] = append(by[word], rest)
		case word == "refclock" && by[word] == nil:
			by[word] = []string{rest}
		default:
			by["config"] = append(by["config"], line)
		}
	}
	f.list("servers", by["server"]).list("pools", by["pool"])
	if clocks := by["refclock"]; clocks != nil {
		f.text("refclock", clocks[0])
	}
	f.list("config", by["config"])
	t.add(from, f.node, "chrony")
	names, err := t.ReadDir(chronyDir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if at := path.Join(chronyDir, name); at != chronyDropIn && strings.HasSuffix(name, ".conf") {
			t.notef("%s is the host's own: see --only file/%[1]s", at)
		}
	}
	return nil
}

// chronyLines are the lines that opsafe has added to the distribution's own.
func (t *taker) chronyLines() (lines []string, from string, err error) {
	data, err := t.ReadFile(chronyDropIn)
	if err != nil {
		return nil, "", err
	}
	if from = "from " + chronyDropIn; data == nil {
		const main = debian.ChronyConfig
		if data, err = t.ReadFile(main); err != nil {
			return nil, "", err
		}
		from = "from opsafe's block in " + main
		if data = kind.Block(data, "#"); data == nil {
			return nil, "it runs with the distribution's configuration", nil
		}
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines, from, nil
}
