package kind

import (
	"context"
	"fmt"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// OwnNode is a file that opsafe writes for a daemon: root's, for all to read.
func OwnNode() host.Node {
	return host.Node{Type: host.TypeFile, Owner: Root, Group: Root, Access: host.AccessOf(0o644)}
}

// Regular gives the file at a path, nil for none. A link or anything else is an
// error: it is not followed, since a daemon that runs as root obeys what is
// there, and not replaced, since somebody has put it there.
func Regular(r host.Reader, at string) (*FileImage, error) {
	n, err := r.Stat(at)
	if n == nil || err != nil {
		return nil, err
	}
	if n.Type != host.TypeFile {
		return nil, fmt.Errorf("%s is a %s, not a file: look who put it there, and move it away", at, n.Type)
	}
	return ImageOf(r, at, n)
}

// Correct is the change of owner and access of a file whose content is right; the
// daemon need not know. It is empty if they are right, too.
func Correct(at string, was, like host.Node) change.Change {
	var c change.Change
	want := was
	want.Owner, want.Group, want.Access = like.Owner, like.Group, like.Access
	DifferNode(&c, at, was, want)
	if len(c.Steps) > 0 {
		c.Action = change.Modify
	}
	return c
}

// Rewritten describes that a file gets another content, and the owner and access
// of a node. Its steps are still missing.
func Rewritten(at string, was *FileImage, content []byte, like host.Node) change.Change {
	c := change.Change{Action: change.Add}
	if was != nil {
		c.Action, c.Attrs = change.Modify, Correct(at, was.Node, like).Attrs
	}
	ShowContent(&c, at, was, content)
	return c
}

// WriteOwn is the step that writes a file as a node has it.
func WriteOwn(at string, content []byte, like host.Node) host.WriteFile {
	return host.WriteFile{
		Path: at, Content: host.NewContent(content), Owner: like.Owner, Group: like.Group, Access: like.Access,
	}
}

// RestartWith adds the steps that write a daemon's configuration and have the
// daemon come up with it, and with the old content again if it does not.
func RestartWith(ctx context.Context, r host.Reader, c *change.Change, write host.WriteFile, unit string, running bool) error {
	restart := host.ActOnUnit{Name: unit, Verb: host.Restart}
	act := []host.Step{host.StartUnit{Name: unit}}
	if running {
		with, err := Restart(ctx, r, unit)
		if err != nil {
			return err
		}
		act = with.Steps
		c.Notes = append(c.Notes, with.Notes...)
		c.Irreversible = with.Ends
	}
	// A run that dies between the two leaves the restart owed.
	owe := host.Owe{Pending: host.Pending{Unit: unit, Verb: host.Restart, Why: write.Path + " changes"}}
	settle := host.Settle{Unit: unit, Verb: host.Restart}
	c.Steps = slices.Concat(c.Steps, []host.Step{owe, write}, act, []host.Step{settle})
	c.PutBack = true
	// It may run with the new configuration, or not at all.
	c.Revert = append(c.Revert, restart)
	if running {
		c.Revert = append(c.Revert, host.StartUnit{Name: unit})
	}
	c.Revert = append(c.Revert, settle)
	return nil
}

// ReloadWith adds the steps that write a daemon's configuration and have it read
// that anew while it runs on, and the old content again if it does not.
func ReloadWith(c *change.Change, write host.WriteFile, unit string) {
	reload := host.ActOnUnit{Name: unit, Verb: host.Reload}
	owe := host.Owe{Pending: host.Pending{Unit: unit, Verb: host.Reload, Why: write.Path + " changes"}}
	settle := host.Settle{Unit: unit, Verb: host.Reload}
	c.Steps = append(c.Steps, owe, write, reload, settle)
	c.PutBack, c.Revert = true, append(c.Revert, reload, settle)
}
