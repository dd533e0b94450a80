package docker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/kind"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// declareNetworks lists the networks. Those that go come first: another may want
// their addresses.
func declareNetworks(in *kind.Input, engine change.ID) []kind.Resource {
	d := of(in.Backend)
	var out, goes []kind.Resource
	for _, name := range slices.Sorted(maps.Keys(d.Networks)) {
		n := d.Networks[name]
		r := kind.Resource{
			ID: change.ID{Kind: "docker", Name: "network/" + name}, Pos: n.Pos,
			When:   append(slices.Clone(d.When), n.When...),
			Needs:  append([]change.ID{engine}, needFirewall(in.Backend, name)...),
			Looker: networkLook{name: name, decl: n},
		}
		if n.State == kind.Absent {
			goes = append(goes, r)
		} else {
			out = append(out, r)
		}
	}
	return append(goes, out...)
}

// networkLook is a bridge network. Docker cannot change one, and opsafe does not
// replace one behind the back of what uses it: another network of that name is
// an error.
type networkLook struct {
	name string
	decl *Network
}

func (l networkLook) Hints() host.Hints { return host.Hints{Docker: true} }

func (l networkLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	have, err := r.Network(ctx, l.name)
	if host.AfterApply(err) {
		c.Action, c.Deferred = change.Add, "docker does not run: once it does, the network is compared, and made if it is not there"
		if l.decl.State == kind.Absent {
			c.Action, c.Deferred = change.Remove, "docker does not run: once it does, the network is removed if it is there"
		}
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if l.decl.State == kind.Absent {
		return l.remove(have)
	}
	want := l.want()
	if have == nil {
		if err := l.refused(ctx, r, want); err != nil {
			return c, err
		}
		c.Action = change.Add
		c.Fresh("driver", want.Driver, "interface", want.Interface, "subnet", want.Subnet, "gateway", want.Gateway,
			"subnet6", want.Subnet6, "gateway6", want.Gateway6)
		if l.decl.EnableIPv4 != nil {
			c.Fresh("enable_ipv4", kind.YesNo(!want.NoIPv4))
		}
		if l.decl.EnableIPv6 != nil {
			c.Fresh("enable_ipv6", kind.YesNo(want.IPv6))
		}
		for _, k := range slices.Sorted(maps.Keys(want.Options)) {
			c.Fresh("option "+k, want.Options[k])
		}
		c.Steps = []host.Step{host.AddNetwork{Network: want}}
		return c, nil
	}
	return c, l.conflict(have, want)
}

// want is the network in the engine's terms. A subnet of IPv6 is one of IPv6 in
// either field.
func (l networkLook) want() host.Network {
	d := l.decl
	n := host.Network{
		Name: l.name, Driver: "bridge", Interface: d.Interface, Subnet: d.Subnet, Gateway: d.Gateway,
		Subnet6: d.Subnet6, Gateway6: d.Gateway6, Internal: spec.Is(d.Internal), Options: d.Options,
		NoIPv4: d.EnableIPv4 != nil && !*d.EnableIPv4,
	}
	if p, err := netip.ParsePrefix(n.Subnet); err == nil && p.Addr().Is6() {
		n.Subnet, n.Gateway, n.Subnet6, n.Gateway6 = "", "", n.Subnet, n.Gateway
	}
	n.IPv6 = n.Subnet6 != "" || spec.Is(d.EnableIPv6)
	return n
}

// refused is why this engine would not make the network beside those that it has.
func (l networkLook) refused(ctx context.Context, r host.Reader, want host.Network) error {
	if err := tooOld(ctx, r, want); err != nil {
		return err
	}
	others, err := r.Networks(ctx)
	if host.IsUnknown(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return want.Clash(others)
}

// tooOld is what the engine's release cannot do yet: see the release notes of 27.0
// (a range of IPv6 by default) and 28.0 (networks without IPv4). Engines before 27 can
// choose one from default-address-pools, but then call the gateway ADDRESS/BITS, which
// clients do not take for an address.
func tooOld(ctx context.Context, r host.Reader, want host.Network) error {
	const choosesIPv6, withoutIPv4 = 27, 28
	chooses := want.IPv6 && want.Subnet6 == ""
	if !chooses && !want.NoIPv4 {
		return nil
	}
	e, err := r.Engine(ctx)
	if host.IsUnknown(err) || err == nil && (e == nil || e.Version == "") {
		return nil // not known before it runs
	}
	if err != nil {
		return err
	}
	release := debian.Major(e.Version)
	if want.NoIPv4 && release < withoutIPv4 {
		return fmt.Errorf("docker %s gives each network addresses of IPv4, too: leave enable_ipv4 out, or install docker %d", e.Version, withoutIPv4)
	}
	if chooses && release < choosesIPv6 {
		return fmt.Errorf("the choice of a range of IPv6 is left to docker %d and later, and this is %s: say subnet6", choosesIPv6, e.Version)
	}
	return nil
}

func (l networkLook) remove(have *host.Network) (change.Change, error) {
	var c change.Change
	if have == nil {
		return c, nil
	}
	if len(have.Containers) > 0 {
		return c, fmt.Errorf("cannot remove it: containers are attached to it: %s", strings.Join(have.Containers, ", "))
	}
	c.Action = change.Remove
	c.Differ("interface", have.Interface, "")
	c.Steps = []host.Step{host.RemoveNetwork{Name: l.name}}
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
	compare("subnet", have.Subnet, sameAddress(have.Subnet, want.Subnet))
	compare("gateway", have.Gateway, sameAddress(have.Gateway, want.Gateway))
	if want.IPv6 && !have.IPv6 {
		bad = append(bad, "it has no addresses of IPv6")
	} else {
		compare("subnet6", have.Subnet6, sameAddress(have.Subnet6, want.Subnet6))
		compare("gateway6", have.Gateway6, sameAddress(have.Gateway6, want.Gateway6))
	}
	if l.decl.EnableIPv6 != nil && have.IPv6 && !want.IPv6 {
		bad = append(bad, "it has addresses of IPv6")
	}
	if l.decl.EnableIPv4 != nil && have.NoIPv4 != want.NoIPv4 {
		bad = append(bad, "enable_ipv4 is "+kind.YesNo(!have.NoIPv4)+", not "+kind.YesNo(!want.NoIPv4))
	}
	if l.decl.Internal != nil && have.Internal != want.Internal {
		bad = append(bad, fmt.Sprintf("internal is %s, not %s", kind.YesNo(have.Internal), kind.YesNo(want.Internal)))
	}
	for _, k := range slices.Sorted(maps.Keys(want.Options)) {
		compare("option "+k, have.Options[k], want.Options[k])
	}
	if len(bad) == 0 {
		return nil
	}
	out := "remove it with \"docker network rm " + l.name + "\""
	if len(have.Containers) > 0 {
		out = "move its containers (" + strings.Join(have.Containers, ", ") + ") off it, then " + out
	}
	return fmt.Errorf("a network of that name exists and docker cannot change it: %s: %s, and opsafe makes it anew", strings.Join(bad, ", "), out)
}

// sameAddress is the declared address or range, in the engine's spelling if they are
// the same: an address of IPv6 has many (RFC 5952).
func sameAddress(is, declared string) string {
	if p, err := netip.ParsePrefix(declared); err == nil {
		if q, err := netip.ParsePrefix(is); err == nil && p == q {
			return is
		}
	}
	if p, err := netip.ParseAddr(declared); err == nil {
		if q, err := netip.ParseAddr(is); err == nil && p == q {
			return is
		}
	}
	return declared
}
