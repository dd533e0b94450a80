package docker

import (
	"cmp"
	"strings"

	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// Engine is the section docker.
type Engine struct {
	spec.Item
	// Package is docker.io unless said otherwise. It is installed and held.
	Package string `yaml:"package"`
	// Daemon is daemon.json as a whole; left out, the file is not managed.
	Daemon   map[string]any      `yaml:"daemon"`
	Networks map[string]*Network `yaml:"networks"`
}

// Network is a bridge network of docker.
type Network struct {
	spec.Item
	Interface string `yaml:"interface"` // name of the bridge
	Subnet    string `yaml:"subnet"`    // CIDR, of IPv6 too
	Gateway   string `yaml:"gateway"`
	Subnet6   string `yaml:"subnet6"` // CIDR of IPv6
	Gateway6  string `yaml:"gateway6"`
	// EnableIPv4 and EnableIPv6 are docker's own words: without a subnet, docker
	// chooses the range.
	EnableIPv4 *bool             `yaml:"enable_ipv4"`
	EnableIPv6 *bool             `yaml:"enable_ipv6"`
	Internal   *bool             `yaml:"internal"`
	Options    map[string]string `yaml:"options"`
	State      string            `yaml:"state"`
}

// Fields says what there is to know of the fields.
func (Engine) Fields() []spec.Field {
	return []spec.Field{
		{Name: "package", Is: "the package of the engine", More: "It is installed and held.", Default: "docker.io", Example: "docker-ce", Form: spec.PackageForm()},
		{Name: "daemon", Is: "daemon.json as a whole", More: "dockerd checks it, from release 23 on, and takes it up by a reload where that is enough, else by a restart.", Example: "{log-driver: local, live-restore: true}", Names: &spec.Form{Words: daemonKeys()}},
		{Name: "networks", Item: "network NAME", Is: "bridge networks", More: "Docker cannot change a network: one that differs is an error that says what to do.", Unset: "none", Example: "{jobs: {interface: jobs, subnet: 172.30.0.0/24}}", Names: new(spec.NameForm())},
	}
}

// Fields says what there is to know of the fields.
func (Network) Fields() []spec.Field {
	return []spec.Field{
		{Name: "interface", Is: "the name of the bridge", Unset: "docker's choice", Example: "jobs", Form: bridgeForm()},
		{Name: "subnet", Is: "its addresses", More: "One of IPv6 may stand here as well as in subnet6.", Unset: "docker's choice", Example: "172.30.0.0/24", Form: spec.Form{Says: "CIDR", Pattern: `^[0-9A-Fa-f:.]+/[0-9]+$`}},
		{Name: "gateway", Is: "the host's address in it", More: "One of the subnet's.", Unset: "docker's choice", Example: "172.30.0.1", Form: spec.AddressForm()},
		{Name: "subnet6", Is: "its addresses of IPv6", More: "With a subnet of IPv4, or docker's choice of one, the network has both.", Unset: "none", Example: "fd00:30::/64", Form: spec.Form{Says: "CIDR", Pattern: `^[0-9A-Fa-f:.]+/[0-9]+$`}},
		{Name: "gateway6", Is: "the host's address of IPv6 in it", More: "One of subnet6's.", Unset: "docker's choice", Example: "fd00:30::1", Form: spec.AddressForm()},
		{Name: "enable_ipv4", Is: "it has addresses of IPv4", More: "Docker can do without them from release 28 on.", Default: "true", Example: "false"},
		{Name: "enable_ipv6", Is: "it has addresses of IPv6", More: "Docker chooses a range from release 27 on; before, say subnet6.", Unset: "as subnet6 is there", Example: "true"},
		{Name: "internal", Is: "it leads nowhere else", Example: "true"},
		{Name: "options", Is: "options of docker's bridge driver", Unset: "none", Example: `{com.docker.network.bridge.enable_icc: "false"}`},
		{Name: "state", Is: "whether there is one", More: "One with containers is not removed.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// bridgeForm is the name of a bridge.
func bridgeForm() spec.Form {
	return spec.Form{Says: "name", Pattern: `^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`}
}

// of is the section; nil: there is none.
func of(b *spec.Backend) *Engine { return spec.Of[*Engine](b, "docker") }

// networksOf are the declared networks.
func networksOf(b *spec.Backend) map[string]*Network {
	if d := of(b); d != nil {
		return d.Networks
	}
	return nil
}

// defaultEngine is the package of the engine where nothing else is said.
const defaultEngine = "docker.io"

// pkg is the package that brings the engine.
func (d *Engine) pkg() string { return cmp.Or(d.Package, defaultEngine) }

// Package is the package that brings the declared engine; empty: none is declared.
func Package(b *spec.Backend) string {
	if d := of(b); d != nil {
		return d.pkg()
	}
	return ""
}

func installs(b *spec.Backend) []spec.Installed {
	d := of(b)
	if d == nil {
		return nil
	}
	return []spec.Installed{{
		Item: d.Item, Section: "docker", Package: d.pkg(), Hold: true,
		Brings: spec.Provides{Units: []string{unit, socket, "containerd.service"}, Groups: []string{"docker"}},
	}}
}

func owns(b *spec.Backend) []spec.Owned {
	d := of(b)
	if d == nil || !d.Has("daemon") {
		return nil
	}
	return []spec.Owned{{Path: config, Label: "docker's daemon", Pos: d.At("daemon")}}
}

func judge(c *spec.Checker) {
	d := of(c.Backend())
	if d.Has("package") {
		c.Fail(d.At("package"), "docker", spec.PackageName(d.Package))
	}
	checkDaemon(c, d)
	checkNetworks(c, d)
	checkUnits(c, d)
}

// checkUnits finds what is said of docker's own units and what the section docker,
// which has the engine run and start at boot, contradicts.
func checkUnits(c *spec.Checker, d *Engine) {
	for _, name := range []string{unit, socket} {
		u := kind.UnitsOf(c.Backend())[name]
		if u == nil || u.When.Excludes(d.When) {
			continue
		}
		var said []string
		at := u.Pos
		for _, f := range []struct {
			field string
			off   bool
		}{
			{"enabled", u.Enabled != nil && !*u.Enabled},
			{"running", u.Running != nil && !*u.Running},
			{"masked", spec.Is(u.Masked)},
			{"state", u.State == kind.Absent},
		} {
			if f.off {
				said, at = append(said, f.field+": "+offWord(f.field)), u.At(f.field)
			}
		}
		if len(said) > 0 {
			c.Addf(at, "unit %s: %s contradicts the section docker at %s, which has the engine run and start at boot: leave one of them out", name, strings.Join(said, " and "), d.Pos)
		}
	}
}

// offWord is the value by which a unit's field keeps it from running.
func offWord(field string) string {
	switch field {
	case "masked":
		return "true"
	case "state":
		return "absent"
	}
	return "false"
}
