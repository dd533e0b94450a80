package kind

import (
	"context"
	"errors"
	"fmt"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// GoneFile is a file or link that is to go.
type GoneFile struct {
	Path string
	privacy
	hidden map[string]bool // variables whose values are not shown
	notify []change.Notification
}

// Look returns the change after which it is not there.
func (l GoneFile) Look(_ context.Context, r host.Reader) (change.Change, error) {
	n, err := r.Stat(l.Path)
	if err != nil {
		return change.Change{}, err
	}
	if n == nil {
		return goneAlready(r, l.Path)
	}
	c := change.Change{Action: change.Remove, Notify: l.notify}
	l.judge(r, l.Path, n, *n)
	image := &FileImage{Node: *n}
	switch {
	case n.Type == host.TypeDir:
		return change.Change{}, errors.New("a directory is there, which opsafe does not remove as a file: declare it under directories with state: absent")
	case n.Type == host.TypeSymlink:
		differTarget(r, &c, l.Path, *n, "")
	case n.Type == host.TypeFile && n.Size > host.MaxFile:
		c.Irreversible = fmt.Sprintf("its content is not kept: it is larger than %d MiB", host.MaxFile>>20)
	case n.Type == host.TypeFile:
		if image, err = l.image(r, n); err != nil {
			return change.Change{}, err
		}
		if l.hide {
			c.Diff = secretDiff(l.Path, image.Content.Shown(l.Path), "")
		} else {
			c.Diff = hideValues(DiffOf(l.Path, image, nil), l.hidden)
		}
	default:
		c.Differ("type", string(n.Type), "")
		c.Irreversible = "a special file is not kept"
	}
	c.Differ("owner", n.Owner, "")
	c.Differ("group", n.Group, "")
	if n.Type != host.TypeSymlink {
		c.Differ("mode", n.Access.BaseMode().String(), "")
	}
	c.Steps = append([]host.Step{host.RemovePath{Path: l.Path, Secret: l.hide, Hidden: image.Content.HiddenNames()}}, readUnits(l.Path)...)
	return c, nil
}

// differTarget adds where a link leads, unless that is not to be shown, and where it is
// to lead.
func differTarget(r host.Reader, c *change.Change, at string, n host.Node, to string) {
	if n.LeadsTo(at, to) {
		return
	}
	c.Attrs = append(c.Attrs, change.Attr{Name: "target", Before: targetValue(r, at, n), After: change.Text(to)})
}

// targetValue is where a link leads, or what stands for that.
func targetValue(r host.Reader, at string, n host.Node) change.Value {
	if digest := host.PrivateTarget(r, at, n); digest != "" {
		return SecretValue(digest)
	}
	if host.WasPrivate(r, at) {
		return SecretValue(host.SecretDigest(at, []byte(n.Target)))
	}
	return change.Text(n.Target)
}

// image is the file as it is, to be shown or kept back.
func (l GoneFile) image(r host.Reader, n *host.Node) (*FileImage, error) {
	image := &FileImage{Node: *n}
	data, err := r.ReadFile(l.Path)
	switch red := host.Redacted(err); {
	case host.AfterApply(err):
	case red != nil && l.hide && red.Digest != "":
		image.Content = host.ByDigest(red)
	case red != nil && !l.hide && red.Text != nil:
		image.Content = host.NewContent(red.Text)
	case err != nil:
		return nil, err
	case l.hide:
		image.Content = host.NewSecret(data)
	default:
		image.Content = host.NewContent(data).Hiding(l.hidden)
	}
	return image, nil
}

// Link is a symbolic link.
type Link struct {
	Path, Target string
	Owner, Group string // empty: not managed, and root's when it is made
	notify       []change.Notification
}

// Look returns the change after which the link leads to its target.
func (l Link) Look(_ context.Context, r host.Reader) (change.Change, error) {
	n, err := r.Stat(l.Path)
	if err != nil {
		return change.Change{}, err
	}
	own := ownership{owner: l.Owner, group: l.Group}
	want := own.fresh(host.TypeSymlink, 0o777)
	c := change.Change{Action: change.Modify, Notify: l.notify}
	switch {
	case n == nil:
		if err := WantParent(r, l.Path); err != nil {
			return change.Change{}, err
		}
		c.Action = change.Add
		c.Fresh("owner", want.Owner, "group", want.Group, "target", l.Target)
		brought, err := maybeBrought(r, l.Path, own, &c)
		if err != nil {
			return change.Change{}, err
		}
		if brought {
			laterAs(&c, "target", l.Target)
		}
	case n.Type == host.TypeDir, n.Type == host.TypeOther:
		return change.Change{}, WantType(r, l.Path, *n, host.TypeSymlink)
	case n.Type == host.TypeSymlink:
		want = own.want(*n)
		c.Differ("owner", n.Owner, want.Owner)
		c.Differ("group", n.Group, want.Group)
		differTarget(r, &c, l.Path, *n, l.Target)
		if len(c.Attrs) == 0 {
			return change.Change{}, nil
		}
	default:
		c.Differ("type", string(n.Type), string(host.TypeSymlink))
		c.Differ("target", "", l.Target)
	}
	// A kept plan rests on what the link takes the place of.
	if _, err := ImageOf(r, l.Path, n); err != nil {
		return change.Change{}, err
	}
	c.Steps = append([]host.Step{host.MakeLink{Path: l.Path, Target: l.Target, Owner: want.Owner, Group: want.Group}}, readUnits(l.Path)...)
	return c, nil
}
