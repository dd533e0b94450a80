package docker

import (
	"context"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/notes"
	"opsafe/internal/spec"
)

// firewallSuffix is that of the files of what is loaded at boot, which root alone may
// read.
const firewallSuffix = ".json"

// Firewalls is the kind firewall.
func Firewalls() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "firewall", Plural: "firewalls", Is: "what containers of a docker network may reach", Sections: []string{"firewall"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*Firewall](),
				Field: spec.Field{
					Name: "firewall", Item: "firewall NAME", Is: "what containers of docker's networks may reach, by the network's name",
					More:  "Only addresses that are listed can be sent to, the host itself included; everything else is refused, also when the list is empty. A network without a firewall is as open as docker makes it.",
					Unset: "none", Example: `{jobs: {allow: [10.1.2.3, "fd00:12::/64"]}}`,
					Names: &spec.Form{Says: "name", Pattern: `^[A-Za-z0-9][A-Za-z0-9_.-]*$`, Longest: 200},
				},
			}},
			Check: checkFirewalls, Owns: ownFirewalls,
		},
		Stage: kind.StageServices, Runs: true, Declare: declareFirewalls, Adopt: adoptFirewalls, Parts: withAddresses,
		Orphans: []kind.Orphans{{
			Find: kind.Strays{Dir: notes.Firewalls, Suffix: firewallSuffix, Units: func(name string) []string { return []string{firewallUnit(name)} }}.Find,
			Absent: func(b spec.Backend, name string) spec.Backend {
				return spec.With(b, "firewall", kind.WithAbsent(firewallsOf(&b), name, &Firewall{State: kind.Absent}))
			},
		}},
	}
}

// Firewall says what containers of a docker network may reach; the item's name is the
// network's.
type Firewall struct {
	spec.Item
	// Allow are addresses and ranges (CIDR), of IPv4 and IPv6.
	Allow []string `yaml:"allow"`
	// AllowFrom are more of them, which the host has and nobody is shown.
	AllowFrom *AllowFrom `yaml:"allow_from"`
	// State is present (the default) or absent.
	State string `yaml:"state"`
}

// AllowFrom is a variable of an environment file on the host.
type AllowFrom struct {
	spec.Meta
	File     string `yaml:"file"`
	Variable string `yaml:"variable"`
}

// Fields says what there is to know of the fields.
func (Firewall) Fields() []spec.Field {
	return []spec.Field{
		{Name: "allow", Is: "addresses that can be reached", More: "Of IPv4 and IPv6, and ranges of them (CIDR).", Unset: "none", Example: `[10.1.2.3, 10.7.0.0/16, "fd00:12::/64"]`, Form: spec.Form{Says: "address", Pattern: `^[0-9A-Fa-f:.]+(/[0-9]+)?$`}},
		{Name: "allow_from", Is: "a variable on the host that lists more", More: "What it lists is never shown: only how many addresses there are in all, and a digest of them. Without the file or the variable it lists none.", Unset: "none", Example: "{file: /etc/jobs/secrets.env, variable: DATABASE_IP_LIST}"},
		{Name: "state", Is: "whether there is one", More: "absent: the network is as open as docker makes it.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// Fields says what there is to know of the fields.
func (AllowFrom) Fields() []spec.Field {
	return []spec.Field{
		{Name: "file", Is: "the environment file, with lines NAME=VALUE", Unset: "an error", Example: "/etc/jobs/secrets.env", Form: spec.PathForm()},
		{Name: "variable", Is: "the variable", More: "Addresses and ranges with spaces or commas between them.", Unset: "an error", Example: "DATABASE_IP_LIST", Form: spec.VariableForm()},
	}
}

func firewallsOf(b *spec.Backend) map[string]*Firewall {
	return spec.Of[map[string]*Firewall](b, "firewall")
}

func firewallFile(network string) string { return path.Join(notes.Firewalls, network+firewallSuffix) }

// firewallUnits is how the names of the units and drop-ins begin that load firewalls.
const firewallUnits = "opsafe-firewall-"

// nftablesUnit loads the host's own rules, most often by a file that flushes all others.
const nftablesUnit = "nftables.service"

// firewallUnit is the unit that loads a firewall.
func firewallUnit(network string) string { return firewallUnits + network + ".service" }

// firewallFlush is the drop-in by which a firewall is loaded again when nftables flushes all.
func firewallFlush(network string) string {
	return path.Join(debian.UnitDir, nftablesUnit+".d", firewallUnits+network+".conf")
}

func checkFirewalls(b *spec.Backend, problems *spec.Problems) {
	for name, f := range firewallsOf(b) {
		label := "firewall " + name
		if f.State == kind.Absent {
			for _, field := range []string{"allow", "allow_from"} {
				if f.Has(field) {
					problems.Addf(f.At(field), "%s: is absent and has %s: want one or the other", label, field)
				}
			}
			continue
		}
		before := len(*problems)
		for i, word := range f.Allow {
			if _, err := host.Address(word); err != nil {
				problems.Addf(f.At("allow", i), "%s: allow: %q %v", label, word, err)
			}
		}
		if _, err := host.Addresses(strings.Join(f.Allow, " ")); err != nil && len(*problems) == before {
			problems.Addf(f.At("allow"), "%s: allow: %v", label, err)
		}
		if from := f.AllowFrom; from != nil && (from.File == "" || from.Variable == "") {
			problems.Addf(from.Pos, "%s: allow_from: want a file and a variable of it", label)
		}
		switch network := networksOf(b)[name]; {
		case network == nil || network.State == kind.Absent:
			problems.Addf(f.Pos, "%s: docker.networks declares no such network", label)
		case network.Interface == "":
			problems.Addf(f.Pos, "%s: the network has no interface of a name that is known before: say interface in docker.networks", label)
		}
	}
}

func ownFirewalls(b *spec.Backend) []spec.Owned {
	var out []spec.Owned
	for network, f := range firewallsOf(b) {
		for _, at := range []string{firewallFile(network), path.Join(debian.UnitDir, firewallUnit(network)), firewallFlush(network)} {
			out = append(out, spec.Owned{Path: at, Label: "firewall " + network, Pos: f.Pos, Absent: f.State == kind.Absent, When: f.When})
		}
	}
	return out
}

// declareFirewalls lists the firewalls.
func declareFirewalls(in *kind.Input) []kind.Resource {
	var out []kind.Resource
	all := firewallsOf(in.Backend)
	for _, network := range slices.Sorted(maps.Keys(all)) {
		f := all[network]
		look := firewallLook{in: in, network: network, decl: f}
		res := kind.Resource{ID: firewallID(network), Pos: f.Pos, When: f.When, Looker: look}
		if f.State != kind.Absent {
			look.bridge = networksOf(in.Backend)[network].Interface
			res.Looker, res.Close = look, closeFirewallLook{look}
		}
		out = append(out, res)
	}
	return out
}

func firewallID(network string) change.ID { return change.ID{Kind: "firewall", Name: network} }

// needFirewall is the declared firewall of a network: before it is closed there is no
// network that a container could be on.
func needFirewall(b *spec.Backend, network string) []change.ID {
	if f := firewallsOf(b)[network]; f != nil && f.State != kind.Absent {
		return []change.ID{firewallID(network)}
	}
	return nil
}

// adoptFirewalls takes what is loaded at boot: all, or one. Where the addresses come
// from nobody can tell, nor whether they may be shown.
func adoptFirewalls(_ context.Context, t kind.Taker, name string) error {
	files, err := t.ReadDir(notes.Firewalls)
	if err != nil {
		return err
	}
	found := false
	for _, file := range files {
		network, ok := strings.CutSuffix(file, firewallSuffix)
		if !ok || name != "" && name != network {
			continue
		}
		found = true
		t.Notef("firewall %s: its addresses may be secret, and are left out: declare them under firewall: %s: allow, or allow_from", network, network)
	}
	if name != "" && !found {
		return fmt.Errorf("there is no firewall of a network of that name")
	}
	return nil
}
