package before

import (
	"opsafe/internal/change"
	"opsafe/internal/host"
)

// rights are owner, group and access alone.
func (p *Path) rights(have *host.Node) change.Change {
	var c change.Change
	want := *p.Node
	nodeAttrs(&c, have, &want)
	c.Steps = rightsSteps(p.Path, *have, want)
	if len(c.Steps) > 0 {
		c.Action = change.Modify
	}
	return c
}

// rightsSteps give what is at a path its owner, group and access back. A change
// of owner takes set-id bits away.
func rightsSteps(at string, have, want host.Node) []host.Step {
	var steps []host.Step
	if have.Owner != want.Owner && have.Type != host.TypeSymlink && !have.Access.Equal(want.Access) && want.Access.Special == 0 {
		// Rights come while it is still the present owner's: what has been given to
		// another, in a directory that the present owner can write, is touched no more.
		last := want
		last.Owner = have.Owner
		steps = rightsSteps(at, have, last)
		have.Group, have.Access = want.Group, want.Access
	}
	chown := have.Owner != want.Owner || have.Group != want.Group
	if chown {
		steps = append(steps, host.SetOwner{Path: at, Owner: want.Owner, Group: want.Group, From: have.Owner})
	}
	if chown && rightsFirst(have, want) {
		set := host.SetAccess{Path: at, Access: want.Access}
		have.Access = want.Access
		return []host.Step{set, host.SetOwner{Path: at, Owner: want.Owner, Group: want.Group, From: have.Owner}}
	}
	if have.Type != host.TypeSymlink && (!have.Access.Equal(want.Access) || chown && want.Access.Special != 0) {
		steps = append(steps, host.SetAccess{Path: at, Access: want.Access})
	}
	return steps
}

// rightsFirst reports whether a file can get its rights before its owner and group:
// in a directory of somebody's, a file of root's is not opened any more. It must give
// its present group nothing that the other one, or everybody, does not get in the end.
func rightsFirst(have, want host.Node) bool {
	a, b := have.Access, want.Access
	if have.Type != host.TypeFile || a.Equal(b) || b.Special != 0 || len(a.Named)+len(b.Named) > 0 {
		return false
	}
	return have.Group == want.Group || b.Group&^a.Group&^b.Other == 0
}
