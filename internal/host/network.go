package host

import (
	"fmt"
	"net/netip"
)

// Network is a docker network.
type Network struct {
	Name      string            `json:"name"`
	Driver    string            `json:"driver,omitempty"`
	Interface string            `json:"interface,omitempty"` // com.docker.network.bridge.name; empty: docker's choice
	Subnet    string            `json:"subnet,omitempty"`    // CIDR of IPv4; empty: docker's choice
	Gateway   string            `json:"gateway,omitempty"`
	Subnet6   string            `json:"subnet6,omitempty"` // CIDR of IPv6; empty: docker's choice, if IPv6
	Gateway6  string            `json:"gateway6,omitempty"`
	Internal  bool              `json:"internal,omitempty"`
	IPv6      bool              `json:"ipv6,omitempty"`
	NoIPv4    bool              `json:"no_ipv4,omitempty" yaml:"no_ipv4"` // it has addresses of IPv6 alone
	Options   map[string]string `json:"options,omitempty"`                // driver options but the interface's name
	// Project is the compose project that it was made for; empty: none.
	Project string `json:"project,omitempty"`
	// Containers are the names of containers attached to it: it cannot be
	// removed while there are any.
	Containers []string `json:"containers,omitempty"`
}

// Clash is why docker would not make a network beside others: they have one of its
// addresses, or its bridge. Nil: none of them is in its way.
func (n Network) Clash(others []Network) error {
	for _, o := range others {
		if o.Name == n.Name {
			continue
		}
		if n.Interface != "" && n.Interface == o.Interface {
			return fmt.Errorf("its interface %s is that of docker network %s: choose another, or remove that network", n.Interface, o.Name)
		}
		for _, mine := range []string{n.Subnet, n.Subnet6} {
			for _, taken := range []string{o.Subnet, o.Subnet6} {
				if overlap(mine, taken) {
					return fmt.Errorf("its subnet %s overlaps %s of docker network %s: choose another, or remove that network", mine, taken, o.Name)
				}
			}
		}
	}
	return nil
}

// overlap reports whether two ranges share addresses; what is none shares none.
func overlap(a, b string) bool {
	p, err := netip.ParsePrefix(a)
	if err != nil {
		return false
	}
	q, err := netip.ParsePrefix(b)
	return err == nil && p.Overlaps(q)
}
