package docker

import (
	"net/netip"
	"strconv"

	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// Options of docker's driver bridge.
const (
	bridgeNameOption = "com.docker.network.bridge.name"
	mtuOption        = "com.docker.network.driver.mtu"
)

// minMTU and maxMTU bound what Linux takes as the MTU of a bridge, in bytes.
const minMTU, maxMTU = 68, 65535

// checkNetworks checks docker's networks, each by itself and side by side.
func checkNetworks(c *spec.Checker, d *Engine) {
	bridges := map[string]string{}
	for name, n := range spec.Sorted(d.Networks) {
		label := "network " + name
		if !spec.NameForm().Fits(name) {
			c.Addf(n.Pos, "%s: want letters, digits, _, . and -", label)
		}
		if dockersOwn(name) {
			c.Addf(n.Pos, "%s: docker keeps this name for itself: choose another", label)
		}
		c.State(n.Meta, label, n.State)
		if n.Has("interface") && !bridgeForm().Fits(n.Interface) {
			c.Addf(n.At("interface"), "%s: interface %s: want at most 15 letters, digits, _, . and -", label, strconv.Quote(n.Interface))
		}
		if n.Interface == "lo" {
			c.Addf(n.At("interface"), "%s: interface lo: is the host's loopback: choose another", label)
		}
		checkBridgeOptions(c, n, label)
		if other := bridges[n.Interface]; other != "" && n.Interface != "" && n.State != kind.Absent {
			c.Addf(n.At("interface"), "%s: interface %s is network %s's, too", label, n.Interface, other)
		}
		if n.State != kind.Absent {
			bridges[n.Interface] = name
		}
		checkSubnet(c, n, label, "subnet", n.Subnet, "gateway", n.Gateway)
		checkSubnet(c, n, label, "subnet6", n.Subnet6, "gateway6", n.Gateway6)
		checkNetworkFamilies(c, n, label)
	}
	checkOverlaps(c, d)
}

// checkBridgeOptions checks the options of the driver that opsafe knows.
func checkBridgeOptions(c *spec.Checker, n *Network, label string) {
	if _, ok := n.Options[bridgeNameOption]; ok {
		c.Addf(n.At("options"), "%s: option %s: write it as interface", label, bridgeNameOption)
	}
	if text, ok := n.Options[mtuOption]; ok {
		if mtu, err := strconv.Atoi(text); err != nil || mtu < minMTU || mtu > maxMTU {
			c.Addf(n.At("options"), "%s: option %s: %s: want a number from %d to %d", label, mtuOption, strconv.Quote(text), minMTU, maxMTU)
		}
	}
}

// checkOverlaps refuses networks whose subnets docker would not make side by side: bip is
// that of its own network.
func checkOverlaps(c *spec.Checker, d *Engine) {
	seen := map[string]netip.Prefix{}
	for _, key := range []string{"bip", "bip6"} {
		text, _ := d.Daemon[key].(string)
		if p, err := netip.ParsePrefix(text); err == nil {
			seen[key+" of daemon"] = p.Masked()
		}
	}
	for name, n := range spec.Sorted(d.Networks) {
		if n.State == kind.Absent {
			continue
		}
		for field, text := range spec.Sorted(map[string]string{"subnet": n.Subnet, "subnet6": n.Subnet6}) {
			p, err := netip.ParsePrefix(text)
			if err != nil {
				continue
			}
			for other, q := range spec.Sorted(seen) {
				if p.Overlaps(q) {
					c.Addf(n.At(field), "network %s: %s %s overlaps %s of %s, and docker makes one of them only", name, field, text, q, other)
				}
			}
			seen["network "+name+" ("+field+")"] = p
		}
	}
}

// checkSubnet checks a range and the host's address in it.
func checkSubnet(c *spec.Checker, n *Network, label, field, text, gatewayField, gatewayText string) {
	var prefix netip.Prefix
	if n.Has(field) {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			c.Addf(n.At(field), "%s: %s %s: want one such as %s", label, field, strconv.Quote(text), subnetExample(field))
			return
		case p != p.Masked():
			c.Addf(n.At(field), "%s: %s %s: has bits beyond its prefix: write %s", label, field, strconv.Quote(text), p.Masked())
		}
		prefix = p.Masked()
		if prefix.Addr().BitLen()-prefix.Bits() < minHostBits {
			c.Addf(n.At(field), "%s: %s %s: has no room for the host and a container: want /%d or larger", label, field, strconv.Quote(text), prefix.Addr().BitLen()-minHostBits)
			return
		}
	}
	if n.Has(gatewayField) {
		checkGateway(c, n, label, field, prefix, gatewayField, gatewayText)
	}
}

// minHostBits is how many bits of a range are to tell its hosts apart, at least: the
// first address of it, and the last one of IPv4, are nobody's.
const minHostBits = 2

// checkGateway checks the host's address in a range; the zero prefix: none is declared.
func checkGateway(c *spec.Checker, n *Network, label, field string, prefix netip.Prefix, gatewayField, gatewayText string) {
	gateway, err := netip.ParseAddr(gatewayText)
	switch {
	case err != nil:
		c.Addf(n.At(gatewayField), "%s: %s %s: want an address", label, gatewayField, strconv.Quote(gatewayText))
	case !n.Has(field):
		c.Addf(n.At(gatewayField), "%s: %s: wants a %s, too", label, gatewayField, field)
	case !prefix.Contains(gateway):
		c.Addf(n.At(gatewayField), "%s: %s %s is outside %s", label, gatewayField, gateway, prefix)
	case gateway == prefix.Addr():
		c.Addf(n.At(gatewayField), "%s: %s %s is the address of the network itself: choose another", label, gatewayField, gateway)
	case gateway.Is4() && !prefix.Contains(gateway.Next()):
		c.Addf(n.At(gatewayField), "%s: %s %s is the broadcast address of %s: choose another", label, gatewayField, gateway, prefix)
	}
}

func subnetExample(field string) string {
	if field == "subnet6" {
		return "fd00:30::/64"
	}
	return "172.30.0.0/24"
}

// checkNetworkFamilies checks which of IPv4 and IPv6 a network has against its ranges.
func checkNetworkFamilies(c *spec.Checker, n *Network, label string) {
	first, err := netip.ParsePrefix(n.Subnet)
	ranged4, ranged6 := err == nil && first.Addr().Is4(), err == nil && first.Addr().Is6()
	second, err := netip.ParsePrefix(n.Subnet6)
	switch {
	case err == nil && second.Addr().Is4():
		c.Addf(n.At("subnet6"), "%s: subnet6 %s: is a range of IPv4: write it as subnet", label, n.Subnet6)
	case err == nil && ranged6:
		c.Addf(n.At("subnet6"), "%s: subnet6: subnet is a range of IPv6, too, and a network has one of each family", label)
	}
	ranged6 = ranged6 || n.Has("subnet6")
	if n.EnableIPv6 != nil && !*n.EnableIPv6 && ranged6 {
		c.Addf(n.At("enable_ipv6"), "%s: enable_ipv6: is false, but there is a range of IPv6", label)
	}
	if n.EnableIPv4 == nil || *n.EnableIPv4 {
		return
	}
	switch {
	case ranged4:
		c.Addf(n.At("enable_ipv4"), "%s: enable_ipv4: is false, but there is a range of IPv4", label)
	case !ranged6 && !spec.Is(n.EnableIPv6):
		c.Addf(n.At("enable_ipv4"), "%s: enable_ipv4: is false, so say subnet6 or enable_ipv6: a network has one of them at least", label)
	}
}
