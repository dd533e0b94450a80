package snapshot

import (
	"maps"
	"slices"

	"opsafe/internal/host"
)

// cloned is an answer that stays what it is, whatever its receiver does to it.
func cloned(v any) any {
	switch v := v.(type) {
	case *host.Node:
		return clonePointer(v, cloneNode)
	case *host.User:
		return clonePointer(v, func(u host.User) host.User { return u })
	case *host.Group:
		return clonePointer(v, cloneGroup)
	case *host.Package:
		return clonePointer(v, func(p host.Package) host.Package { return p })
	case *host.Unit:
		return clonePointer(v, func(u host.Unit) host.Unit {
			u = *u.Clone()
			return u
		})
	case *host.Network:
		return clonePointer(v, func(n host.Network) host.Network {
			n.Options, n.Containers = maps.Clone(n.Options), slices.Clone(n.Containers)
			return n
		})
	case *host.Firewall:
		return clonePointer(v, func(f host.Firewall) host.Firewall {
			f.Allow = slices.Clone(f.Allow)
			return f
		})
	case *host.Image:
		return clonePointer(v, func(i host.Image) host.Image {
			i.Digests = slices.Clone(i.Digests)
			return i
		})
	case *host.TreeScan:
		return clonePointer(v, func(s host.TreeScan) host.TreeScan {
			s.First, s.Sorts, s.Refused = slices.Clone(s.First), slices.Clone(s.Sorts), slices.Clone(s.Refused)
			return s
		})
	case *host.GroupShadow:
		return clonePointer(v, func(s host.GroupShadow) host.GroupShadow {
			s.Admins, s.Torn = slices.Clone(s.Admins), slices.Clone(s.Torn)
			return s
		})
	case host.Strays:
		return host.Strays{Twice: slices.Clone(v.Twice), Shadow: slices.Clone(v.Shadow), GShadow: slices.Clone(v.GShadow), Locks: slices.Clone(v.Locks), Nobodys: slices.Clone(v.Nobodys)}
	case host.Traces:
		v.Sessions, v.Cron, v.Unread = slices.Clone(v.Sessions), slices.Clone(v.Cron), maps.Clone(v.Unread)
		return v
	case []host.User:
		return slices.Clone(v)
	case []host.Package:
		return slices.Clone(v)
	case []host.Network:
		return slices.Clone(v)
	case []host.UnpackedTree:
		return slices.Clone(v)
	case []host.Group:
		out := slices.Clone(v)
		for i := range out {
			out[i] = cloneGroup(out[i])
		}
		return out
	case []host.Pending:
		return slices.Clone(v)
	case []byte:
		return slices.Clone(v)
	case []string:
		return slices.Clone(v)
	}
	return v
}

func clonePointer[T any](p *T, clone func(T) T) *T {
	if p == nil {
		return nil
	}
	c := clone(*p)
	return &c
}

func cloneGroup(g host.Group) host.Group {
	g.Members = slices.Clone(g.Members)
	return g
}

func cloneNode(n host.Node) host.Node {
	n.Access.Named = slices.Clone(n.Access.Named)
	if d := n.Access.Default; d != nil {
		c := *d
		c.Named = slices.Clone(d.Named)
		n.Access.Default = &c
	}
	return n
}
