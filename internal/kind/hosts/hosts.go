// Package hosts is the kind of names that need no name server, in /etc/hosts.
package hosts

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
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/spec"
)

// Kind is the kind host.
func Kind() kind.Kind {
	return kind.Kind{
		Part: spec.Part{
			Name: "host", Plural: "hosts", Is: "names that need no name server", Sections: []string{"hosts"},
			Own: []spec.Section{{
				Type: reflect.TypeFor[map[string]*Name](),
				Field: spec.Field{
					Name: "hosts", Item: "host NAME", Is: "names with their addresses, for /etc/hosts",
					More:  "They are in force when the first line that names them says so; where cloud-init is, it leaves /etc/hosts alone, and its template has them too.",
					Unset: "none", Example: "{proxy.north.example: {address: 192.0.2.10, aliases: [archive.north.example]}}", Names: new(nameForm()),
				},
			}},
			Check: check, Owns: owns,
		},
		Stage: kind.StagePackages, Declare: declare, Adopt: adopt,
		Covers: kind.Covering(debian.HostsFile, cloudConfig, cloudDropIns, cloudTemplate), Parts: cloudParts,
	}
}

// Name is a line of hosts(5); the item's name is the canonical one.
type Name struct {
	spec.Item
	Address  string   `yaml:"address"`
	Address6 string   `yaml:"address6"`
	Aliases  []string `yaml:"aliases"`
	// State is present (the default) or absent.
	State string `yaml:"state"`
}

// Fields says what there is to know of the fields.
func (Name) Fields() []spec.Field {
	return []spec.Field{
		{Name: "address", Is: "its IPv4 address", Unset: "none", Example: "192.0.2.10", Form: spec.AddressForm()},
		{Name: "address6", Is: "its IPv6 address", Unset: "none", Example: "2001:db8::10", Form: spec.AddressForm()},
		{Name: "aliases", Is: "other names with the same address", More: "One that an including file gives an item of its own is that item's.", Unset: "none", Example: "[archive.north.example]", Form: nameForm(), List: spec.ListRules{Distinct: true}},
		{Name: "state", Is: "whether it has an address", More: "absent: no line of /etc/hosts names it.", Default: "present", Example: "absent", Form: spec.StateForm()},
	}
}

// nameForm is a name of hosts(5).
func nameForm() spec.Form {
	return spec.Form{Says: "host name", Pattern: `^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*$`, Longest: 253}
}

func of(b *spec.Backend) map[string]*Name {
	return spec.Of[map[string]*Name](b, "hosts")
}

func check(b *spec.Backend, problems *spec.Problems) {
	hosts, taken := of(b), map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		if other, ok := taken[strings.ToLower(name)]; ok {
			problems.Addf(hosts[name].Pos, "host %s: differs only in capitals from %s", name, other)
		}
		taken[strings.ToLower(name)] = name
	}
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		h := hosts[name]
		says := slices.DeleteFunc([]string{"address", "address6", "aliases"}, func(f string) bool { return !h.Has(f) })
		switch gone := h.State == kind.Absent; {
		case gone && len(says) > 0:
			problems.Addf(h.At(says[0]), "host %s: is absent and has %s: want one or the other", name, says[0])
		case !gone && h.Address == "" && h.Address6 == "":
			problems.Addf(h.At("address"), "host %s: has no address: want address, address6 or state: absent", name)
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
func checkFamilies(name string, h *Name, problems *spec.Problems) {
	four, err := netip.ParseAddr(h.Address)
	if err != nil {
		return
	}
	six, err := netip.ParseAddr(h.Address6)
	if err != nil || !four.Is4() || !six.Is6() {
		return // which is said already
	}
	if answer, ok := debian.HostsAnswers(six)[false]; ok && answer != four {
		problems.Addf(h.At("address6"), "host %s: address6 %s: is answered as %s to whoever asks for IPv4, not as %s: leave one of them out", name, h.Address6, answer, h.Address)
	}
}

// checkAliases also notes whose the aliases are, in taken.
func checkAliases(name string, h *Name, hosts map[string]*Name, taken map[string]string, problems *spec.Problems) {
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

// owns are the files that the kind writes.
func owns(b *spec.Backend) []spec.Owned {
	hosts := of(b)
	if len(hosts) == 0 {
		return nil
	}
	at := hosts[slices.Sorted(maps.Keys(hosts))[0]].Pos
	var out []spec.Owned
	for _, p := range []string{debian.HostsFile, cloudTemplate, cloudSwitch} {
		out = append(out, spec.Owned{Path: p, Label: "hosts", Pos: at})
	}
	return out
}

// declare lists the names. An alias that has an item of its own is that item's.
func declare(in *kind.Input) []kind.Resource {
	var out []kind.Resource
	hosts := of(in.Backend)
	own, all := map[string]bool{}, map[string]bool{}
	for name, h := range hosts {
		own[strings.ToLower(name)] = true
		for _, n := range append([]string{name}, h.Aliases...) {
			all[strings.ToLower(n)] = all[strings.ToLower(n)] || h.State != kind.Absent
		}
	}
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		h := hosts[name]
		look := look{names: []string{name}, others: all, gone: h.State == kind.Absent}
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
		out = append(out, kind.Resource{ID: change.ID{Kind: "host", Name: name}, Pos: h.Pos, When: h.When, Looker: look})
	}
	return out
}

// look is a name with its aliases, the canonical one first.
type look struct {
	names  []string
	others map[string]bool // names, in lower case, that items have
	addrs  []netip.Addr    // one of each family at most
	gone   bool
}

func (l look) Look(_ context.Context, r host.Reader) (change.Change, error) {
	c := change.Change{Action: change.Modify}
	was, err := l.write(r, &c, debian.HostsFile)
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
	return kind.OrNothing(c), nil
}

// found reports whether any of the names has an address.
func (l look) found(content []byte) bool {
	first := debian.FirstAddresses(content)
	return slices.ContainsFunc(l.names, func(name string) bool {
		name = strings.ToLower(name)
		return first[debian.HostsName{Name: name, IPv6: false}].Line > 0 || first[debian.HostsName{Name: name, IPv6: true}].Line > 0
	})
}

// write plans the names in a file of hosts, and says what is there. All can read it:
// who cannot does not find the names.
func (l look) write(r host.Reader, c *change.Change, at string) ([]byte, error) {
	was, err := kind.Regular(r, at)
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
		fix := kind.Correct(at, was.Node, kind.OwnNode())
		c.Attrs, c.Steps = append(c.Attrs, fix.Attrs...), append(c.Steps, fix.Steps...)
		return have, nil
	case at == debian.HostsFile && len(l.differing(have, want)) > 0:
		c.Attrs = append(c.Attrs, l.differing(have, want)...)
	case at == debian.HostsFile:
		c.Diff = kind.DiffOf(at, was, want)
	default:
		c.Attrs = append(c.Attrs, change.Attr{Name: at, Before: change.Text("differs"), After: change.Text("as declared")})
	}
	c.Steps = append(c.Steps, kind.WriteOwn(at, want, kind.OwnNode()))
	return have, nil
}

// differing are the names that are found with another address before than after.
func (l look) differing(before, after []byte) []change.Attr {
	var c change.Change
	was, is := debian.FirstAddresses(before), debian.FirstAddresses(after)
	shown := func(a debian.HostsAnswer) string {
		if a.Line == 0 {
			return ""
		}
		return a.Addr.String()
	}
	for _, name := range l.names {
		for _, six := range []bool{false, true} {
			key := debian.HostsName{Name: strings.ToLower(name), IPv6: six}
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
				return fmt.Errorf("%s has hosts looked up by %s first, and not in %s: put files before dns there", nsswitch, source, debian.HostsFile)
			}
		}
		return fmt.Errorf("%s does not have hosts looked up in %s: put files first there", nsswitch, debian.HostsFile)
	}
	return nil
}
