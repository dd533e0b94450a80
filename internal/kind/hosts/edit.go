package hosts

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"opsafe/internal/debian"
	"opsafe/internal/kind"
)

// edit is a file of hosts in which the names have just their addresses. A line that
// begins with the first of them and has its address is the item's own. In other lines
// the names are taken out, also behind it: glibc gives the addresses of all lines where
// host.conf(5) says multi, as Debian's does.
func (l look) edit(content []byte) []byte {
	var out []string
	own := map[bool]bool{} // by family: there is a line of the item's own
	for line := range strings.Lines(string(content)) {
		addr, names := debian.HostsLine(line)
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
	is := debian.FirstAddresses(text)
	for _, addr := range l.addrs {
		lacks := func(name string) bool {
			return is[debian.HostsName{Name: strings.ToLower(name), IPv6: addr.Is6()}].Addr != addr
		}
		if !own[addr.Is6()] && slices.ContainsFunc(l.names, lacks) {
			text = append(kind.EndLine(text), addr.String()+" "+strings.Join(l.names, " ")+"\n"...)
		}
	}
	return text
}

// answeredOtherwise reports whether a line with the address answers a name with another
// one than is declared.
func (l look) answeredOtherwise(addr netip.Addr) bool {
	for six, answer := range debian.HostsAnswers(addr) {
		if want := l.address(six); want.IsValid() && want != answer {
			return true
		}
	}
	return false
}

// address is the declared one of a family.
func (l look) address(six bool) netip.Addr {
	for _, addr := range l.addrs {
		if addr.Is6() == six {
			return addr
		}
	}
	return netip.Addr{}
}

func (l look) has(name string) bool {
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

// adopt takes the names of /etc/hosts: all but those of the host itself, or one.
func adopt(_ context.Context, t kind.Taker, name string) error {
	data, err := t.ReadFile(debian.HostsFile)
	if err != nil {
		return err
	}
	items, first := map[string]map[string]any{}, debian.FirstAddresses(data)
	var order []string
	for line := range strings.Lines(string(data)) {
		addr, names := debian.HostsLine(line)
		if len(names) == 0 || name == "" && (addr.IsLoopback() || addr.IsMulticast() || strings.HasPrefix(names[0], "ip6-")) || name != "" && name != names[0] {
			continue
		}
		field := map[bool]string{false: "address", true: "address6"}[addr.Is6()]
		names = slices.DeleteFunc(names, func(n string) bool {
			return first[debian.HostsName{Name: n, IPv6: addr.Is6()}].Addr != addr || !nameForm().Fits(n)
		})
		var item map[string]any
		if len(names) > 0 {
			item = items[names[0]]
		}
		switch {
		case len(names) == 0 || item[field] != nil:
			t.Notef("%s: the line %q is left out: its names stand in one before it", debian.HostsFile, strings.TrimSpace(line))
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
		return errors.New("no line of " + debian.HostsFile + " begins with it")
	}
	for _, n := range order {
		if err := t.Take("from "+debian.HostsFile, items[n], "hosts", n); err != nil {
			return err
		}
	}
	return nil
}
