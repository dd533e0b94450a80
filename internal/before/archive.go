package before

import (
	"context"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// takeUnpacked keeps which archive a tree came from.
func (p *Path) takeUnpacked(ctx context.Context, r host.Reader, name string) error {
	p.Unpacked = name
	u, err := host.UnpackedAt(ctx, r, name, p.Path)
	if u != nil && !u.Gone {
		p.Archive = &u.Archive
	}
	return err
}

// unpacked brings back the tree that was there: none, or what an archive gives, which
// has to be where it came from then. What was changed in it by hand is kept by itself.
func (p *Path) unpacked(ctx context.Context, r host.Reader, have *host.Node) (change.Change, error) {
	u, err := host.UnpackedAt(ctx, r, p.Unpacked, p.Path)
	if err != nil {
		return change.Change{}, err
	}
	there := u != nil && have != nil && !u.Gone
	var c change.Change
	switch {
	case p.Archive == nil && !there && (have != nil || u == nil):
		return c, nil // whatever is there now is not the run's
	case p.Archive == nil:
		c.Action = change.Remove
		differ(&c, "sha256", u.SHA256, "")
		c.ByHand(*u, "")
		c.Steps = []host.Step{host.RemoveUnpacked{Name: p.Unpacked, Path: p.Path, Changed: u.Changed}}
	case there && u.Same(*p.Archive) && !u.Unfinished:
		return c, nil
	default:
		c.Action = change.Add
		was := ""
		if there {
			c.Action, was = change.Modify, u.SHA256
		}
		differ(&c, "sha256", was, p.Archive.SHA256)
		differ(&c, "source", "", p.Archive.Source)
		var changed []string
		if there {
			c.ByHand(*u, "as unpacked")
			changed = u.Changed
		}
		c.Steps = []host.Step{host.Unpack{Archive: *p.Archive, Changed: changed}}
	}
	return c, nil
}
