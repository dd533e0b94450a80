package kind

import (
	"path"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// WriteNote writes a note of opsafe's own that everybody may read.
func WriteNote(r host.Reader, at string, data []byte) (change.Change, error) {
	c := change.Change{Action: change.Add}
	c.Fresh("record", at)
	if err := NeedDir(r, &c, path.Dir(at)); err != nil {
		return c, err
	}
	c.Steps = append(c.Steps, host.WriteFile{
		Path: at, Content: host.NewContent(data), Owner: Root, Group: Root, Access: host.AccessOf(0o644),
	})
	return c, nil
}

// RemoveNote removes a note of opsafe's own, if it is there.
func RemoveNote(r host.Reader, at string) (change.Change, error) {
	var c change.Change
	n, err := r.Stat(at)
	if err != nil || n == nil {
		return c, err
	}
	if _, err := ImageOf(r, at, n); err != nil {
		return c, err // what cannot be kept is not removed
	}
	c.Action = change.Remove
	c.Differ("record", at, "")
	c.Steps = []host.Step{host.RemovePath{Path: at}}
	return c, nil
}
