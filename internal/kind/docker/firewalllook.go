package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// firewallLook is a firewall: what is in force, and what is loaded at boot.
type firewallLook struct {
	in      *kind.Input
	network string
	bridge  string
	decl    *Firewall
}

func (l firewallLook) Hints() host.Hints {
	return host.Hints{Units: []string{firewallUnit(l.network)}}
}

func (l firewallLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	have, err := r.Firewall(ctx, l.network)
	if err != nil {
		return change.Change{}, err
	}
	if l.decl.State == kind.Absent {
		return l.remove(ctx, r, have)
	}
	if err := l.itself(r); err != nil {
		return change.Change{}, err
	}
	want, err := l.want(r)
	if err != nil {
		return change.Change{}, err
	}
	c, err := l.atBoot(ctx, r, want)
	if err != nil {
		return c, err
	}
	if have == nil || !have.Same(want) {
		c.Action = cmp.Or(c.Action, change.Modify)
		have.Differ(want, func(name, before, after string) {
			if name == "addresses" && before != after {
				after = l.shown(after)
			}
			c.Differ(name, before, after)
		})
		c.Steps = append([]host.Step{host.SetFirewall{Firewall: want}}, c.Steps...)
	}
	if have == nil {
		c.Action = change.Add
	}
	c.Notes, err = l.between(r)
	return c, err
}

// want is the firewall that is declared, with what the host lists.
func (l firewallLook) want(r host.Reader) (host.Firewall, error) {
	if l.decl.AllowFrom == nil {
		return l.with(nil)
	}
	data, err := r.ReadFile(l.decl.AllowFrom.File)
	if red := host.Redacted(err); red != nil && red.Part != nil {
		list, ok := red.Part.Addresses[l.network]
		if list.Problem != "" {
			return host.Firewall{}, errors.New(list.Problem)
		}
		if ok {
			return host.Firewall{Network: l.network, Interface: l.bridge, Listed: &list}, nil
		}
	}
	if err != nil {
		return host.Firewall{}, err
	}
	return l.with(data)
}

// with is the firewall with what an environment file of this content lists.
func (l firewallLook) with(data []byte) (host.Firewall, error) {
	f := host.Firewall{Network: l.network, Interface: l.bridge}
	all, err := host.Addresses(strings.Join(l.decl.Allow, " "))
	if err != nil {
		return f, err // as of no spec that is in order
	}
	if from := l.decl.AllowFrom; from != nil {
		listed, err := host.Addresses(host.EnvValue(data, from.Variable))
		if err != nil {
			return f, fmt.Errorf("%s of %s: %w", from.Variable, from.File, err)
		}
		if i := slices.IndexFunc(listed, func(a netip.Prefix) bool { return a.Bits() == 0 }); i >= 0 {
			return f, fmt.Errorf("%s of %s: lists all addresses there are: who means that says so under allow", from.Variable, from.File)
		}
		all = append(all, listed...)
	}
	f.Allow, err = host.Canonical(all)
	return f, err
}

// shown is what is shown of the addresses that are wanted: those that stand in the spec, and
// what may be shown of all of them.
func (l firewallLook) shown(all string) string {
	declared, err := host.Addresses(strings.Join(l.decl.Allow, " "))
	if err != nil || len(declared) == 0 {
		return all
	}
	const most = 8
	var names []string
	for _, a := range declared[:min(len(declared), most)] {
		if a.IsSingleIP() {
			names = append(names, a.Addr().String())
		} else {
			names = append(names, a.String())
		}
	}
	if more := len(declared) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	shown := strings.Join(names, ", ")
	if from := l.decl.AllowFrom; from != nil {
		shown += "; with those of " + from.File + ": " + all
	}
	return shown
}

// Where the kernel has its interfaces, and those that are no devices.
const (
	netClass   = "/sys/class/net"
	netVirtual = "/sys/devices/virtual/net"
)

// itself refuses an interface by which something else than containers is reached.
func (l firewallLook) itself(r host.Reader) error {
	n, err := r.Stat(path.Join(netClass, l.bridge))
	if n == nil || err != nil {
		return err // docker makes it
	}
	ports, err := r.ReadDir(path.Join(netVirtual, l.bridge, "brif"))
	if err != nil {
		return err
	}
	if ports == nil {
		return fmt.Errorf("interface %s is no bridge of docker's: what comes in by it is not from containers alone: say another interface in docker.networks", l.bridge)
	}
	for _, port := range ports {
		container, err := containersPort(r, path.Join(netVirtual, port))
		if err != nil {
			return err
		}
		if !container {
			return fmt.Errorf("interface %s is the bridge of %s, too, by which others reach this host: it would be shut out: say another interface in docker.networks", l.bridge, port)
		}
	}
	return nil
}

// containersPort reports whether a port of a bridge, by its directory in /sys, is what
// docker gives a container: a veth, which is no device, lies over none, is no tun or
// tap, and, other than a vxlan or vlan, has no DEVTYPE in its uevent.
func containersPort(r host.Reader, dir string) (bool, error) {
	names, err := r.ReadDir(dir)
	if err != nil || names == nil {
		return false, err
	}
	if slices.ContainsFunc(names, func(n string) bool { return n == "tun_flags" || strings.HasPrefix(n, "lower_") }) {
		return false, nil
	}
	uevent, err := r.ReadFile(path.Join(dir, "uevent"))
	return !strings.Contains(string(uevent), "DEVTYPE="), err
}

// between says so if containers of the network reach each other: nftables sees what
// the bridge hands from one to another only if the kernel is told to show it.
func (l firewallLook) between(r host.Reader) ([]string, error) {
	n, err := r.Stat(path.Join(netClass, l.bridge))
	if n == nil || err != nil {
		return nil, err // there is no container on it
	}
	for _, name := range []string{"bridge-nf-call-iptables", "bridge-nf-call-ip6tables"} {
		data, err := r.ReadFile("/proc/sys/net/bridge/" + name)
		if err != nil && !host.IsUnknown(err) {
			return nil, err
		}
		if err == nil && strings.TrimSpace(string(data)) != "1" {
			return []string{"containers of the network reach each other, since net.bridge." + name + " is not 1: docker's option com.docker.network.bridge.enable_icc: \"false\" keeps them apart"}, nil
		}
	}
	return nil, nil
}

func (l firewallLook) remove(ctx context.Context, r host.Reader, have *host.Firewall) (change.Change, error) {
	var c change.Change
	unit := firewallUnit(l.network)
	u, err := r.Unit(ctx, unit)
	if err != nil {
		return c, err
	}
	if have != nil {
		c.Differ("addresses", have.Shown(), "")
		c.Steps = append(c.Steps, host.RemoveFirewall{Network: l.network})
	}
	if u != nil && len(u.Links) > 0 {
		c.Steps = append(c.Steps, host.DisableUnit{Name: unit})
	}
	for _, at := range []string{path.Join(debian.UnitDir, unit), firewallFlush(l.network), firewallFile(l.network)} {
		n, err := r.Stat(at)
		if err != nil {
			return c, err
		}
		if n == nil {
			continue
		}
		c.Steps = append(c.Steps, host.RemovePath{Path: at, Secret: at == firewallFile(l.network)})
		if at != firewallFile(l.network) {
			c.Steps = append(c.Steps, host.ReloadManager{})
		}
	}
	if len(c.Steps) > 0 {
		c.Action = change.Remove
	}
	return c, nil
}

// closeFirewallLook lets nothing through where no firewall is in place, or one that
// somebody has altered.
type closeFirewallLook struct{ firewallLook }

func (l closeFirewallLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	have, err := r.Firewall(ctx, l.network)
	if err != nil || have != nil && !have.Altered && have.Interface == l.bridge {
		return c, err
	}
	if l.itself(r) != nil {
		return c, nil //nolint:nilerr // the network is another's: its firewall would shut others out
	}
	want := host.Firewall{Network: l.network, Interface: l.bridge}
	c.Action = change.Modify
	have.Differ(want, func(name, before, after string) { c.Differ(name, before, after) })
	c.Steps = []host.Step{host.SetFirewall{Firewall: want}}
	return c, nil
}

// withAddresses adds to what is known of a part of a file how many addresses firewalls
// have with those that it lists, and their digest.
func withAddresses(backends []*spec.Backend, at string, data []byte, part *host.Part) *host.Part {
	for _, b := range backends {
		for network, f := range firewallsOf(b) {
			if f.AllowFrom == nil || f.AllowFrom.File != at {
				continue
			}
			want, err := firewallLook{network: network, decl: f}.with(data)
			list := want.List()
			if err != nil {
				list = host.AddressList{Problem: err.Error()}
			}
			if part == nil {
				part = &host.Part{}
			}
			if part.Addresses == nil {
				part.Addresses = map[string]host.AddressList{}
			}
			part.Addresses[network] = list
		}
	}
	return part
}
