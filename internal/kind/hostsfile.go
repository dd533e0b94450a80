package kind

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// hostsPath is where the resolver's source "files" looks names up: see hosts(5).
const hostsPath = "/etc/hosts"

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
	wanted := map[hostsName][]netip.Addr{}
	var names []hostsName
	for _, line := range declared {
		addr, found := hostsLine(line.value)
		for _, name := range found {
			key := hostsName{name, addr.Is6()}
			if wanted[key] == nil {
				names = append(names, key)
			}
			wanted[key] = append(wanted[key], addr)
		}
	}
	var out []string
	first := firstAddresses(content)
	for _, n := range names {
		if is := first[n]; !slices.Contains(wanted[n], is.addr) {
			out = append(out, fmt.Sprintf("%s stays %s by line %d of %s, which comes before the declared %s: take the name out of that line", n.name, is.addr, is.line, hostsPath, wanted[n][0]))
		}
	}
	return out
}

// hostsName is a name as it is asked for: one with an address of IPv6 or of IPv4.
type hostsName struct {
	name string
	six  bool
}

// hostsAnswer is the address of a name, and the line that gives it.
type hostsAnswer struct {
	addr netip.Addr
	line int
}

// firstAddresses are what the resolver answers first for each name.
func firstAddresses(content []byte) map[hostsName]hostsAnswer {
	out := map[hostsName]hostsAnswer{}
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		addr, names := hostsLine(line)
		for six, answer := range hostsAnswers(addr) {
			for _, name := range names {
				key := hostsName{name, six}
				if _, there := out[key]; !there {
					out[key] = hostsAnswer{answer, number}
				}
			}
		}
	}
	return out
}

// hostsAnswers are what a line with an address answers whoever asks for IPv6 or for
// IPv4. Of glibc's source "files" an IPv4 address is also had from ::1 and from mapped
// addresses: see nss/nss_files/files-hosts.c there.
func hostsAnswers(addr netip.Addr) map[bool]netip.Addr {
	out := map[bool]netip.Addr{addr.Is6(): addr}
	switch {
	case addr.Is4In6():
		out[false] = addr.Unmap()
	case addr == netip.IPv6Loopback():
		out[false] = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return out
}

// hostsLine takes a line apart; capitals do not count in names. Without an address
// that can be read the resolver passes over it: it has no names then.
func hostsLine(line string) (netip.Addr, []string) {
	line, _, _ = strings.Cut(line, "#")
	fields := strings.Fields(strings.ToLower(line))
	if len(fields) == 0 {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(fields[0])
	if err != nil {
		return netip.Addr{}, nil
	}
	return addr, fields[1:]
}

// edit is a file of hosts in which the names have just their addresses. A line that
// begins with the first of them and has its address is the item's own. In other lines
// the names are taken out, also behind it: glibc gives the addresses of all lines where
// host.conf(5) says multi, as Debian's does.
func (l hostLook) edit(content []byte) []byte {
	var out []string
	own := map[bool]bool{} // by family: there is a line of the item's own
	for line := range strings.Lines(string(content)) {
		addr, names := hostsLine(line)
		if len(names) == 0 {
			out = append(out, line)
			continue
		}
		want := l.address(addr.Is6())
		first := strings.EqualFold(names[0], l.names[0])
		switch {
		case l.gone && first, first && want == addr && own[addr.Is6()]:
			continue
		case first && want == addr:
			own[addr.Is6()] = true
			want := append(slices.Clone(l.names), slices.DeleteFunc(hostsNames(line), func(n string) bool { return l.has(n) || !l.others[strings.ToLower(n)] })...)
			if !sameNames(names, want) {
				line = withNames(line, want)
			}
		case l.gone || l.answeredOtherwise(addr):
			left := slices.DeleteFunc(hostsNames(line), l.has)
			if len(left) == 0 {
				continue
			}
			if len(left) < len(names) {
				line = withNames(line, left)
			}
		}
		out = append(out, line)
	}
	text := []byte(strings.Join(out, ""))
	is := firstAddresses(text)
	for _, addr := range l.addrs {
		lacks := func(name string) bool { return is[hostsName{strings.ToLower(name), addr.Is6()}].addr != addr }
		if !own[addr.Is6()] && slices.ContainsFunc(l.names, lacks) {
			text = append(endLine(text), addr.String()+" "+strings.Join(l.names, " ")+"\n"...)
		}
	}
	return text
}

// answeredOtherwise reports whether a line with the address answers a name with another
// one than is declared.
func (l hostLook) answeredOtherwise(addr netip.Addr) bool {
	for six, answer := range hostsAnswers(addr) {
		if want := l.address(six); want.IsValid() && want != answer {
			return true
		}
	}
	return false
}

// address is the declared one of a family.
func (l hostLook) address(six bool) netip.Addr {
	for _, addr := range l.addrs {
		if addr.Is6() == six {
			return addr
		}
	}
	return netip.Addr{}
}

func (l hostLook) has(name string) bool {
	return slices.ContainsFunc(l.names, func(n string) bool { return strings.EqualFold(n, name) })
}

// sameNames reports whether two lists have the same first name, and the same others in
// any order.
func sameNames(a, b []string) bool {
	sorted := func(names []string) []string {
		var out []string
		for _, n := range names {
			out = append(out, strings.ToLower(n))
		}
		slices.Sort(out[1:])
		return out
	}
	return slices.Equal(sorted(a), sorted(b))
}

// hostsNames are the names of a line as they are written.
func hostsNames(line string) []string {
	line, _, _ = strings.Cut(line, "#")
	return strings.Fields(line)[1:]
}

// withNames is a line with other names, and its own comment and end.
func withNames(line string, names []string) string {
	text := strings.TrimRight(line, "\r\n")
	body, comment, commented := strings.Cut(text, "#")
	out := strings.Fields(body)[0] + " " + strings.Join(names, " ")
	if commented {
		out += " #" + comment
	}
	return out + line[len(text):]
}

// adoptHosts takes the names of /etc/hosts: all but those of the host itself, or one.
func adoptHosts(_ context.Context, t Taker, name string) error {
	data, err := t.ReadFile(hostsPath)
	if err != nil {
		return err
	}
	items, first := map[string]map[string]any{}, firstAddresses(data)
	var order []string
	for line := range strings.Lines(string(data)) {
		addr, names := hostsLine(line)
		if len(names) == 0 || name == "" && (addr.IsLoopback() || addr.IsMulticast() || strings.HasPrefix(names[0], "ip6-")) || name != "" && name != names[0] {
			continue
		}
		field := map[bool]string{false: "address", true: "address6"}[addr.Is6()]
		names = slices.DeleteFunc(names, func(n string) bool { return first[hostsName{n, addr.Is6()}].addr != addr || !hostNameForm().Fits(n) })
		var item map[string]any
		if len(names) > 0 {
			item = items[names[0]]
		}
		switch {
		case len(names) == 0 || item[field] != nil:
			t.Notef("%s: the line %q is left out: its names stand in one before it", hostsPath, strings.TrimSpace(line))
			continue
		case item == nil:
			item = map[string]any{}
			items[names[0]], order = item, append(order, names[0])
		}
		item[field] = addr.String()
		if len(names) > 1 {
			item["aliases"] = names[1:]
		}
	}
	if name != "" && len(order) == 0 {
		return errors.New("no line of " + hostsPath + " begins with it")
	}
	for _, n := range order {
		if err := t.Take("from "+hostsPath, items[n], "hosts", n); err != nil {
			return err
		}
	}
	return nil
}
