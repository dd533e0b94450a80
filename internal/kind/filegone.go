package kind

import (
	"context"
	"errors"
	"fmt"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// goneFileLook is a file or link that is to go.
type goneFileLook struct {
	path   string
	secret bool
	hidden map[string]bool // variables whose values are not shown
	notify []change.Notification
}

func (l goneFileLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	n, err := r.Stat(l.path)
	if n == nil || err != nil {
		return change.Change{}, err
	}
	c := change.Change{Action: change.Remove, Notify: l.notify}
	image := &host.FileImage{Node: *n}
	switch {
	case n.Type == host.TypeDir:
		return change.Change{}, errors.New("a directory is there, which opsafe does not remove as a file: declare it under directories with state: absent")
	case n.Type == host.TypeSymlink:
		differ(&c, "target", n.Target, "")
	case n.Type == host.TypeFile && n.Size > host.MaxFile:
		c.Irreversible = fmt.Sprintf("its content is not kept: it is larger than %d MiB", host.MaxFile>>20)
	case n.Type == host.TypeFile:
		image, err = imageOf(r, l.path, n)
		red := host.Redacted(err)
		switch {
		case red != nil && l.secret && red.Digest != "":
			image = &host.FileImage{Node: *n}
			c.Diff = secretDiff(l.path, red.Digest, "")
		case red != nil && !l.secret && red.Text != nil:
			image = &host.FileImage{Node: *n, Content: host.NewContent(red.Text)}
			c.Diff = hideValues(diffOf(l.path, image, nil), l.hidden)
		case err != nil:
			return change.Change{}, err
		case l.secret:
			image.Content = host.NewSecret(image.Content.Bytes())
			c.Diff = secretDiff(l.path, digestOf(l.path, image.Content.Bytes()), "")
		default:
			c.Diff = hideValues(diffOf(l.path, image, nil), l.hidden)
		}
	default:
		differ(&c, "type", string(n.Type), "")
	}
	differ(&c, "owner", n.Owner, "")
	differ(&c, "group", n.Group, "")
	if n.Type != host.TypeSymlink {
		differ(&c, "mode", n.Access.BaseMode().String(), "")
	}
	c.Steps = []host.Step{host.RemovePath{Path: l.path, Was: image}}
	return c, nil
}

// linkLook is a symbolic link.
type linkLook struct {
	path, target string
	owner, group string // empty: not managed, and root's when it is made
	notify       []change.Notification
}

func (l linkLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	n, err := r.Stat(l.path)
	if err != nil {
		return change.Change{}, err
	}
	own := ownership{owner: l.owner, group: l.group}
	want := own.fresh(host.TypeSymlink, 0o777)
	c := change.Change{Action: change.Modify, Notify: l.notify}
	switch {
	case n == nil:
		if err := wantParent(r, l.path); err != nil {
			return change.Change{}, err
		}
		c.Action = change.Add
		fresh(&c, "owner", want.Owner, "group", want.Group, "target", l.target)
	case n.Type == host.TypeDir:
		return change.Change{}, wantType(*n, host.TypeSymlink)
	case n.Type == host.TypeSymlink:
		want = own.want(*n)
		differ(&c, "owner", n.Owner, want.Owner)
		differ(&c, "group", n.Group, want.Group)
		differ(&c, "target", n.Target, l.target)
		if len(c.Attrs) == 0 {
			return change.Change{}, nil
		}
	default:
		differ(&c, "type", string(n.Type), string(host.TypeSymlink))
		differ(&c, "target", "", l.target)
	}
	image, err := imageOf(r, l.path, n)
	if err != nil {
		return change.Change{}, err
	}
	c.Steps = []host.Step{host.MakeLink{Path: l.path, Target: l.target, Owner: want.Owner, Group: want.Group, Was: image}}
	return c, nil
}
