package snapshot

import (
	"fmt"
	"strings"

	"opsafe/internal/host"
)

// withACL adds entries as getfacl writes them to the access of a mode.
func withACL(a host.Access, lines []string) (host.Access, error) {
	d := host.Default{User: a.User, Group: a.Group, Other: a.Other}
	var mask, defaultMask *host.Perm
	for _, line := range lines {
		rest, isDefault := strings.CutPrefix(line, "default:")
		tag, name, perm, err := splitEntry(rest)
		if err != nil {
			return a, fmt.Errorf("acl entry %q: %w", line, err)
		}
		if isDefault {
			a.Default = &d
		}
		user, group, other, named, m := &a.User, &a.Group, &a.Other, &a.Named, &mask
		if isDefault {
			user, group, other, named, m = &d.User, &d.Group, &d.Other, &d.Named, &defaultMask
		}
		switch {
		case tag == "mask":
			*m = &perm
		case name != "":
			*named = append(*named, host.Entry{Tag: host.Tag(tag), Name: name, Perm: perm})
		case tag == "user":
			*user = perm
		case tag == "group":
			*group = perm
		default:
			*other = perm
		}
	}
	a.Named, a.Mask = finish(a.Named, a.Group, mask)
	d.Named, d.Mask = finish(d.Named, d.Group, defaultMask)
	return a, nil
}

func finish(es []host.Entry, group host.Perm, mask *host.Perm) ([]host.Entry, *host.Perm) {
	host.SortEntries(es)
	if mask == nil && len(es) > 0 {
		mask = host.ACLRule{Access: es}.Apply(host.Access{Group: group}, false).Mask
	}
	return es, mask
}

func splitEntry(s string) (tag, name string, p host.Perm, err error) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return "", "", 0, fmt.Errorf("want TAG:NAME:RIGHTS")
	}
	tag, name = parts[0], parts[1]
	switch tag {
	case "user", "group":
	case "mask", "other":
		if name != "" {
			return "", "", 0, fmt.Errorf("%s has no name", tag)
		}
	default:
		return "", "", 0, fmt.Errorf("want user, group, mask or other, not %q", tag)
	}
	p, err = host.ParsePerm(parts[2])
	return tag, name, p, err
}

// aclText writes all that a mode does not say.
func aclText(a host.Access) []string {
	lines := entriesText("", a.Named, a.Mask)
	if d := a.Default; d != nil {
		lines = append(lines, "default:user::"+d.User.String(), "default:group::"+d.Group.String(), "default:other::"+d.Other.String())
		lines = append(lines, entriesText("default:", d.Named, d.Mask)...)
	}
	return lines
}

func entriesText(prefix string, named []host.Entry, mask *host.Perm) []string {
	var lines []string
	for _, e := range named {
		lines = append(lines, prefix+e.String())
	}
	if mask != nil {
		lines = append(lines, prefix+"mask::"+mask.String())
	}
	return lines
}
