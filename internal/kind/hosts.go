package kind

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Hosts is the kind host.
func Hosts() Kind {
	return Kind{
		Part: spec.Part{
			Name: "host", Plural: "hosts", Is: "names that need no name server", Sections: []string{"hosts"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*HostName](),
				Field: spec.Field{
					Name: "hosts", Item: "host NAME", Is: "names with their addresses, for /etc/hosts",
					More:  "They are in force when the first line that names them says so; where cloud-init is, it leaves /etc/hosts alone, and its template has them too.",
					Unset: "none", Example: "{proxy.north.example: {address: 192.0.2.10, aliases: [archive.north.example]}}", Names: new(hostNameForm()),
				},
			}},
			Check: checkHosts, Owns: ownHosts,
		},
		Stage: StagePackages, Declare: declareHosts, Adopt: adoptHosts,
		Covers: Covering(hostsPath, cloudConfig, cloudDropIns, cloudTemplate), Parts: cloudParts,
	}
}

// HostName is a line of hosts(5); the item's name is the canonical one.
type HostName struct {
	spec.Item
	Address  string   `yaml:"address"`
	Address6 string   `yaml:"address6"`
	Aliases  []string `yaml:"aliases"`
	// State is present (the default) or absent.
	State string `yaml:"state"`
}

// Fields says what there is to know of the fields.
func (HostName) Fields() []spec.Field {
	return []spec.Field{
		{Name: "address", Is: "its IPv4 address", Unset: "none", Example: "192.0.2.10", Form: spec.AddressForm()},
		{Name: "address6", Is: "its IPv6 address", Unset: "none", Example: "2001:db8::10", Form: spec.AddressForm()},
		{Name: "aliases", Is: "other names with the same address", More: "One that an including file gives an item of its own is that item's.", Unset: "none", Example: "[archive.north.example]", Form: hostNameForm(), List: spec.ListRules{Distinct: true}},
		{Name: "state", Is: "whether it has an address", More: "absent: no line of /etc/hosts names it.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// hostNameForm is a name of hosts(5).
func hostNameForm() spec.Form {
	return spec.Form{Says: "host name", Pattern: `^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$`, Longest: 253}
}

func hostsOf(b *spec.Backend) map[string]*HostName {
	return spec.Of[map[string]*HostName](b, "hosts")
}

func checkHosts(b *spec.Backend, problems *spec.Problems) {
	hosts, taken := hostsOf(b), map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		if other, ok := taken[strings.ToLower(name)]; ok {
			problems.Addf(hosts[name].Pos, "host %s: differs only in capitals from %s", name, other)
		}
		taken[strings.ToLower(name)] = name
	}
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		h := hosts[name]
		says := slices.DeleteFunc([]string{"address", "address6", "aliases"}, func(f string) bool { return !h.Has(f) })
		switch gone := h.State == Absent; {
		case gone && len(says) > 0:
			problems.Addf(h.At(says[0]), "host %s: is absent and has %s: want one or the other", name, says[0])
		case !gone && h.Address == "" && h.Address6 == "":
			problems.Addf(h.Pos, "host %s: has no address: want address, address6 or state: absent", name)
		}
		for field, want := range map[string]string{"address": h.Address, "address6": h.Address6} {
			addr, err := netip.ParseAddr(want)
			if h.Has(field) && (err != nil || addr.Is4() != (field == "address") || addr.Zone() != "") {
				problems.Addf(h.At(field), "host %s: %s %s: want an address of IPv%s", name, field, want, map[bool]string{true: "4", false: "6"}[field == "address"])
			}
		}
		checkFamilies(name, h, problems)
		checkAliases(name, h, hosts, taken, problems)
	}
}

// checkFamilies refuses an IPv6 address by whose line IPv4 is answered otherwise than
// declared.
func checkFamilies(name string, h *HostName, problems *spec.Problems) {
	four, err := netip.ParseAddr(h.Address)
	if err != nil {
		return
	}
	six, err := netip.ParseAddr(h.Address6)
	if err != nil || !four.Is4() || !six.Is6() {
		return // which is said already
	}
	if answer, ok := hostsAnswers(six)[false]; ok && answer != four {
		problems.Addf(h.At("address6"), "host %s: address6 %s: is answered as %s to whoever asks for IPv4, not as %s: leave one of them out", name, h.Address6, answer, h.Address)
	}
}

// checkAliases also notes whose the aliases are, in taken.
func checkAliases(name string, h *HostName, hosts map[string]*HostName, taken map[string]string, problems *spec.Problems) {
	seen := map[string]bool{}
	for i, alias := range h.Aliases {
		at := h.At("aliases", i)
		key := strings.ToLower(alias)
		other, ok := taken[key]
		switch own := hosts[other]; {
		case seen[key]:
			problems.Addf(at, "host %s: aliases: %s is there twice", name, alias)
		case ok && strings.EqualFold(other, alias) && (other == name || own.Pos.File == at.File):
			problems.Addf(at, "host %s: aliases: %s is an item at %s, too", name, alias, own.Pos)
		case ok && !strings.EqualFold(other, alias):
			problems.Addf(at, "host %s: aliases: %s is an alias of %s, too", name, alias, other)
		case !ok:
			taken[key] = name
		}
		seen[key] = true
	}
}

// ownHosts are the files that the kind writes.
func ownHosts(b *spec.Backend) []spec.Owned {
	hosts := hostsOf(b)
	if len(hosts) == 0 {
		return nil
	}
	at := hosts[slices.Sorted(maps.Keys(hosts))[0]].Pos
	var out []spec.Owned
	for _, p := range []string{hostsPath, cloudTemplate, cloudSwitch} {
		out = append(out, spec.Owned{Path: p, Label: "hosts", Pos: at})
	}
	return out
}

// declareHosts lists the names. An alias that has an item of its own is that item's.
func declareHosts(in *Input) []Resource {
	var out []Resource
	hosts := hostsOf(in.Backend)
	own, all := map[string]bool{}, map[string]bool{}
	for name, h := range hosts {
		own[strings.ToLower(name)] = true
		for _, n := range append([]string{name}, h.Aliases...) {
			all[strings.ToLower(n)] = all[strings.ToLower(n)] || h.State != Absent
		}
	}
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		h := hosts[name]
		look := hostLook{names: []string{name}, others: all, gone: h.State == Absent}
		for _, alias := range h.Aliases {
			if !own[strings.ToLower(alias)] {
				look.names = append(look.names, alias)
			}
		}
		for _, text := range []string{h.Address, h.Address6} {
			if addr, err := netip.ParseAddr(text); err == nil {
				look.addrs = append(look.addrs, addr)
			}
		}
		out = append(out, Resource{ID: change.ID{Kind: "host", Name: name}, Pos: h.Pos, When: h.When, Looker: look})
	}
	return out
}

// hostLook is a name with its aliases, the canonical one first.
type hostLook struct {
	names  []string
	others map[string]bool // names, in lower case, that items have
	addrs  []netip.Addr    // one of each family at most
	gone   bool
}

func (l hostLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	c := change.Change{Action: change.Modify}
	was, err := l.write(r, &c, hostsPath)
	if err != nil {
		return change.Change{}, err
	}
	if l.gone {
		c.Action = change.Remove
	} else if !l.found(was) {
		c.Action = change.Add
	}
	n, err := r.Stat(cloudTemplate)
	if err == nil && n != nil {
		_, err = l.write(r, &c, cloudTemplate)
	}
	if err != nil {
		return change.Change{}, err
	}
	if c.Open = errors.Join(keepFromCloud(r, &c), asksFiles(r)); c.Open != nil && len(c.Steps) == 0 {
		return change.Change{}, c.Open
	}
	return orNothing(c), nil
}

// found reports whether any of the names has an address.
func (l hostLook) found(content []byte) bool {
	first := firstAddresses(content)
	return slices.ContainsFunc(l.names, func(name string) bool {
		name = strings.ToLower(name)
		return first[hostsName{name, false}].line > 0 || first[hostsName{name, true}].line > 0
	})
}

// write plans the names in a file of hosts, and says what is there. All can read it:
// who cannot does not find the names.
func (l hostLook) write(r host.Reader, c *change.Change, at string) ([]byte, error) {
	was, err := Regular(r, at)
	if err != nil {
		return nil, err
	}
	var have []byte
	if was != nil {
		if err := was.Content.Kept(); err != nil {
			return nil, err
		}
		have = was.Content.Bytes()
	}
	want := l.edit(have)
	switch {
	case was != nil && string(want) == string(have):
		fix := Correct(at, was.Node, OwnNode())
		c.Attrs, c.Steps = append(c.Attrs, fix.Attrs...), append(c.Steps, fix.Steps...)
		return have, nil
	case at == hostsPath && len(l.differing(have, want)) > 0:
		c.Attrs = append(c.Attrs, l.differing(have, want)...)
	case at == hostsPath:
		c.Diff = DiffOf(at, was, want)
	default:
		c.Attrs = append(c.Attrs, change.Attr{Name: at, Before: change.Text("differs"), After: change.Text("as declared")})
	}
	c.Steps = append(c.Steps, WriteOwn(at, want, OwnNode()))
	return have, nil
}

// differing are the names that are found with another address before than after.
func (l hostLook) differing(before, after []byte) []change.Attr {
	var c change.Change
	was, is := firstAddresses(before), firstAddresses(after)
	shown := func(a hostsAnswer) string {
		if a.line == 0 {
			return ""
		}
		return a.addr.String()
	}
	for _, name := range l.names {
		for _, six := range []bool{false, true} {
			key := hostsName{strings.ToLower(name), six}
			c.Differ(name, shown(was[key]), shown(is[key]))
		}
	}
	return c.Attrs
}

// asksFiles finds out whether glibc looks into /etc/hosts before it asks a name server:
// see nsswitch.conf(5). systemd-resolved, which stands in for both, reads it too.
func asksFiles(r host.Reader) error {
	data, err := r.ReadFile(nsswitch)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		sources, ok := strings.CutPrefix(strings.TrimSpace(line), "hosts:")
		if !ok {
			continue
		}
		for _, source := range strings.Fields(sources) {
			switch source {
			case "files", "resolve":
				return nil
			case "dns":
				return fmt.Errorf("%s has hosts looked up by %s first, and not in %s: put files before dns there", nsswitch, source, hostsPath)
			}
		}
		return fmt.Errorf("%s does not have hosts looked up in %s: put files first there", nsswitch, hostsPath)
	}
	return nil
}
