package local

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
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

// TestLeftovers tells what compose puts aside from containers that are called so.
func TestLeftovers(t *testing.T) {
	web := host.ServiceRef{Project: "lab", Service: "web"}
	c := func(id, name string, of host.ServiceRef) host.Container {
		return host.Container{ID: id, Name: name, Of: of}
	}
	for _, tc := range []struct {
		name string
		all  []host.Container
		want []string
	}{
		{"one alone", []host.Container{c("a", "1b7fc2e40399_web", web)}, nil},
		{"put aside", []host.Container{c("a", "1b7fc2e40399_web", web), c("b", "web", web)}, []string{"a"}},
		{"two of a service", []host.Container{c("a", "lab_web_1", web), c("b", "lab_web_2", web)}, nil},
		{"of another service", []host.Container{c("a", "1b7fc2e40399_web", web), c("b", "web", host.ServiceRef{Project: "lab", Service: "db"})}, nil},
		{"of no service", []host.Container{c("a", "1b7fc2e40399_web", host.ServiceRef{}), c("b", "web", host.ServiceRef{})}, nil},
	} {
		if got := leftovers(tc.all); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
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

// TestEnded reads who ended a container. Whoever has stopped it has the last word, also
// of one that had failed to start or been out of memory before.
func TestEnded(t *testing.T) {
	const byHand, byItself = `{"HasBeenManuallyStopped": true}`, `{"HasBeenManuallyStopped": false}`
	for name, c := range map[string]struct {
		notes string // that the engine has; empty: none
		state container.State
		want  host.End
	}{
		"stopped":                  {byHand, container.State{ExitCode: 137}, host.End{By: host.EndedByHand, Code: 137}},
		"failed":                   {byItself, container.State{ExitCode: 3}, host.End{By: host.EndedByItself, Code: 3}},
		"unseen":                   {"", container.State{ExitCode: 3}, host.End{Code: 3}},
		"out of memory":            {byItself, container.State{OOMKilled: true, ExitCode: 137}, host.End{By: host.EndedByItself, Code: 137, Why: "it was out of memory"}},
		"out of memory, unseen":    {"", container.State{OOMKilled: true}, host.End{By: host.EndedByItself, Why: "it was out of memory"}},
		"not started, unseen":      {"", container.State{Error: "no such device"}, host.End{By: host.EndedByItself, Why: "no such device"}},
		"stopped, out of memory":   {byHand, container.State{OOMKilled: true}, host.End{By: host.EndedByHand, Why: "it was out of memory"}},
		"stopped, had not started": {byHand, container.State{Error: "no such device"}, host.End{By: host.EndedByHand, Why: "no such device"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir() + "/id"
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if c.notes != "" {
				if err := os.WriteFile(dir+"/config.v2.json", []byte(c.notes), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			n := host.Container{State: "exited"}
			inProject(&n, container.InspectResponse{ID: "id", HostnamePath: dir + "/hostname", State: &c.state})
			if diff := cmp.Diff(&c.want, n.End); diff != "" {
				t.Errorf("how it ended (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStayUp: what is to stay up is every one of the services, and has to be there.
func TestStayUp(t *testing.T) {
	web, job := host.ServiceRef{Project: "p", Service: "web"}, host.ServiceRef{Project: "p", Service: "job"}
	runs := host.Container{Name: "web", Of: web, State: "running"}
	for name, c := range map[string]struct {
		all  []host.Container
		says string // empty: all is well
	}{
		"runs, and has done its work": {[]host.Container{runs, {Of: job, State: "exited", End: &host.End{}}}, ""},
		"another's does not":          {[]host.Container{runs, {Of: job, State: "running"}, {State: "dead"}}, ""},
		"none":                        {nil, "service p/web has no container any more"},
		"one of two":                  {[]host.Container{runs}, "service p/job has no container any more"},
		"ended":                       {[]host.Container{runs, {Name: "job", Of: job, State: "exited", End: &host.End{Code: 2}}}, "container job ended as soon as it had started: exit status 2: docker logs job"},
		"not started":                 {[]host.Container{runs, {Name: "job", Of: job, State: "exited", End: &host.End{Why: "no device"}}}, "exit status 0, no device"},
		"again and again":             {[]host.Container{runs, {Name: "job", Of: job, State: "restarting"}}, "container job does not stay up: it is restarting"},
		"one of its two":              {[]host.Container{runs, {Of: job, State: "running"}, {Name: "other", Of: job, State: "dead"}}, "container other does not stay up"},
	} {
		t.Run(name, func(t *testing.T) {
			err := stayUp(c.all, []host.ServiceRef{web, job})
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}
