package kind

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// hostsLook is a part of /etc/hosts. That its lines are there is not all: the
// resolver answers a name with what the first line says that has it.
type hostsLook struct{ fileLook }

// Look compares the file, and names what its own lines before the declared ones
// overrule, which is for the operator to mend: they are not opsafe's.
func (l hostsLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	c, err := l.fileLook.Look(ctx, r)
	if err != nil || c.Deferred != "" || l.once || l.hide {
		return c, err
	}
	var have []byte
	was, err := Regular(r, l.path)
	if err != nil {
		return c, err
	}
	if was != nil {
		if was.Content.Kept() != nil {
			return c, nil //nolint:nilerr // a part of it is all that is known
		}
		have = was.Content.Bytes()
	}
	content, err := l.form.content(ctx, r, have)
	if err != nil {
		return c, err
	}
	c.Notes = append(c.Notes, overruled(content, l.form.ensured())...)
	return c, nil
}

// overruled are the names of declared lines that content gives another address
// first, in words. The two families of addresses are looked up apart.
func overruled(content []byte, declared []wish) []string {
	wanted := map[debian.HostsName][]netip.Addr{}
	var names []debian.HostsName
	for _, line := range declared {
		addr, found := debian.HostsLine(line.value)
		for _, name := range found {
			key := debian.HostsName{Name: name, IPv6: addr.Is6()}
			if wanted[key] == nil {
				names = append(names, key)
			}
			wanted[key] = append(wanted[key], addr)
		}
	}
	var out []string
	first := debian.FirstAddresses(content)
	for _, n := range names {
		if is := first[n]; !slices.Contains(wanted[n], is.Addr) {
			out = append(out, fmt.Sprintf("%s stays %s by line %d of %s, which comes before the declared %s: take the name out of that line", n.Name, is.Addr, is.Line, debian.HostsFile, wanted[n][0]))
		}
	}
	return out
}
