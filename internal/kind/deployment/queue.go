package deployment

import (
	"fmt"
	"path"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// goneQueue adds to a change that a directory of the queue goes, with what waits in it.
func goneQueue(r host.Reader, c *change.Change, dir string) error {
	n, err := r.Stat(dir)
	if n == nil || err != nil {
		return err
	}
	waiting, err := r.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, base := range waiting {
		c.Steps = append(c.Steps, host.RemovePath{Path: path.Join(dir, base)})
	}
	c.Differ(dir, fmt.Sprintf("queue of %d", len(waiting)), "")
	c.Steps = append(c.Steps, host.RemovePath{Path: dir})
	return nil
}

// gonePath adds to a change that a file of opsafe's own goes.
func gonePath(r host.Reader, c *change.Change, at string) error {
	n, err := r.Stat(at)
	if n == nil || err != nil {
		return err
	}
	c.Differ(at, string(n.Type), "")
	c.Steps = append(c.Steps, host.RemovePath{Path: at})
	return nil
}
