package kind

import (
	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// ownership is what is declared of a path's owner, group and mode. What is left
// out is not managed.
type ownership struct {
	owner, group string
	mode         *host.Mode
}

// Root is what a path gets when a declaration leaves its owner or group
// open and it has to be made.
const Root = "root"

// fresh is the node of a new path, with root and a default mode for what is
// left out.
func (o ownership) fresh(t host.NodeType, mode host.Mode) host.Node {
	n := host.Node{Type: t, Owner: Root, Group: Root, Access: host.AccessOf(mode)}
	if o.owner != "" {
		n.Owner = o.owner
	}
	if o.group != "" {
		n.Group = o.group
	}
	if o.mode != nil {
		n.Access = host.AccessOf(*o.mode)
	}
	return n
}

// want gives the node as it is declared. A mode's group digit is what the
// owning group may do; named entries of an ACL keep theirs. A file that changes
// hands keeps no set-id bits that are not declared: whoever could write its
// directory may have put a program of his own there, to become its new owner.
func (o ownership) want(n host.Node) host.Node {
	owner, group := n.Owner, n.Group
	if o.owner != "" {
		n.Owner = o.owner
	}
	if o.group != "" {
		n.Group = o.group
	}
	if o.mode != nil && modeDiffers(n.Access, *o.mode) {
		n.Access = n.Access.WithMode(*o.mode)
	}
	if o.mode == nil && n.Type == host.TypeFile && (n.Owner != owner || n.Group != group) {
		n.Access.Special &^= host.SetID
	}
	return n
}

// modeDiffers compares the entries behind a mode, not the bits that stat shows:
// with an ACL these hold the mask. A group entry that the mask cuts down to the
// declared rights differs too, since the next change of the mask would let it
// through.
func modeDiffers(a host.Access, m host.Mode) bool {
	return a.BaseMode() != m || a.Group != a.WithMode(m).Group
}

// DifferNode adds the attributes in which two nodes differ to c, and the steps
// that make the second of the first.
func DifferNode(c *change.Change, path string, was, want host.Node) {
	var own host.SetOwner
	if c.Differ("owner", was.Owner, want.Owner) {
		own.Owner = want.Owner
	}
	if c.Differ("group", was.Group, want.Group) {
		own.Group = want.Group
	}
	differAccess(c, was.Access, want.Access)
	chown := own.Owner != "" || own.Group != ""
	if chown {
		own.Path, own.From = path, was.Owner
		c.Steps = append(c.Steps, own)
	}
	// Changing the owner takes set-id bits away.
	if !was.Access.Equal(want.Access) || chown && want.Access.Special != 0 {
		c.Steps = append(c.Steps, host.SetAccess{Path: path, Access: want.Access, Owner: want.Owner})
	}
}

// differAccess adds the differences of mode and ACL to c.
func differAccess(c *change.Change, was, want host.Access) {
	mode := c.Differ("mode", was.BaseMode().String(), want.BaseMode().String())
	if !mode && was.Group != want.Group {
		c.Differ("entry of the owning group", was.Group.String(), want.Group.String())
	}
	differEntries(c, "", was.Named, want.Named, was.Mask, want.Mask)
	differDefault(c, was.Default, want.Default)
}

// differEntries compares named entries one by one, with what the mask leaves of
// them, and the mask.
func differEntries(c *change.Change, prefix string, was, want []host.Entry, wasMask, wantMask *host.Perm) {
	seen := map[string]bool{}
	for _, e := range append(append([]host.Entry{}, was...), want...) {
		name := string(e.Tag) + ":" + e.Name
		if !seen[name] {
			seen[name] = true
			c.Differ(prefix+name, entryText(was, e, wasMask), entryText(want, e, wantMask))
		}
	}
	// A mask that comes with the entries goes without saying: it lets them
	// through.
	if wasMask != nil && wantMask != nil {
		c.Differ(prefix+"mask", wasMask.String(), wantMask.String())
	}
}

// entryText is what the entry for the same name grants; empty for none.
func entryText(in []host.Entry, like host.Entry, mask *host.Perm) string {
	for _, e := range in {
		if e.Tag != like.Tag || e.Name != like.Name {
			continue
		}
		if mask != nil && e.Perm&*mask != e.Perm {
			return e.Perm.String() + " (effective " + (e.Perm & *mask).String() + ")"
		}
		return e.Perm.String()
	}
	return ""
}

func differDefault(c *change.Change, was, want *host.Default) {
	var a, b host.Default
	var base [2][3]string
	for i, d := range []*host.Default{was, want} {
		if d != nil {
			base[i] = [3]string{d.User.String(), d.Group.String(), d.Other.String()}
		}
	}
	if was != nil {
		a = *was
	}
	if want != nil {
		b = *want
	}
	for i, tag := range []string{"user", "group", "other"} {
		if was == nil || want == nil {
			break // a copy of the mode's
		}
		c.Differ("default:"+tag+"::", base[0][i], base[1][i])
	}
	differEntries(c, "default:", a.Named, b.Named, a.Mask, b.Mask)
}

// Notifications lists what an item asks for when it changes.
func Notifications(restart, reload []string) []change.Notification {
	var out []change.Notification
	for _, u := range restart {
		if _, project := spec.ProjectNamed(u); project {
			continue // it sees by itself what its containers were made with
		}
		out = append(out, change.Notification{Unit: u, Verb: host.Restart})
	}
	for _, u := range reload {
		out = append(out, change.Notification{Unit: u, Verb: host.Reload})
	}
	return out
}
