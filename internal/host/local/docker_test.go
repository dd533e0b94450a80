package local

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/network"

	"opsafe/internal/host"
)

func TestNetworkOf(t *testing.T) {
	for _, c := range []struct {
		name, json string
		want       host.Network
	}{
		{
			"as docker 20.10 says it",
			`{"Name":"jobrunner-db","Id":"a1","Driver":"bridge","EnableIPv6":false,"Internal":false,
			"IPAM":{"Driver":"default","Options":null,"Config":[{"Subnet":"172.30.0.0/24","Gateway":"172.30.0.1"}]},
			"Containers":{"c2":{"Name":"web"},"c1":{"Name":"db"}},
			"Options":{"com.docker.network.bridge.name":"jobrunner-db","com.docker.network.driver.mtu":"1400"}}`,
			host.Network{
				Name: "jobrunner-db", Driver: "bridge", Interface: "jobrunner-db", Subnet: "172.30.0.0/24", Gateway: "172.30.0.1",
				Options: map[string]string{"com.docker.network.driver.mtu": "1400"}, Containers: []string{"db", "web"},
			},
		},
		{
			"dual stack",
			`{"Name":"six","Driver":"bridge","EnableIPv6":true,"Internal":true,
			"IPAM":{"Config":[{"Subnet":"fd00::/64","Gateway":"fd00::1"},{"Subnet":"10.9.0.0/16","Gateway":"10.9.0.1"}]},"Options":{}}`,
			host.Network{Name: "six", Driver: "bridge", Internal: true, IPv6: true, Subnet: "10.9.0.0/16", Gateway: "10.9.0.1", Subnet6: "fd00::/64", Gateway6: "fd00::1"},
		},
		{"host network", `{"Name":"host","Driver":"host","IPAM":{"Config":null}}`, host.Network{Name: "host", Driver: "host"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var in network.Inspect
			if err := json.Unmarshal([]byte(c.json), &in); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, networkOf(in)); diff != "" {
				t.Errorf("network (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNetworkOptions(t *testing.T) {
	for _, bad := range []host.Network{{Gateway: "10.0.0.1"}, {Subnet: "10.0.0.0"}, {Subnet: "10.0.0.0/24", Gateway: "x"}} {
		if _, err := networkOptions(bad); err == nil {
			t.Errorf("%+v: want an error", bad)
		}
	}
	n := host.Network{Name: "n", Interface: "br-n", Options: map[string]string{"a": "b"}}
	o, err := networkOptions(n)
	if err != nil || o.Driver != "bridge" || o.Options[bridgeName] != "br-n" || o.Options["a"] != "b" {
		t.Errorf("got %+v, %v", o, err)
	}
	if len(n.Options) != 1 {
		t.Errorf("the step's own options were changed: %v", n.Options)
	}
}
