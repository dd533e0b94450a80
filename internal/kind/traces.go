package kind

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// tracesLook ends what still runs for the account, and removes what would start
// again.
type tracesLook struct{ name string }

func (l tracesLook) Look(_ context.Context, r host.Reader) (change.Change, error) {
	var c change.Change
	t, err := r.Traces(l.name)
	if err != nil {
		return c, err
	}
	if t.Linger {
		differ(&c, "linger", "yes", "no")
		c.Steps = append(c.Steps, host.SetLinger{User: l.name})
	}
	for _, at := range append(slices.Clone(t.Cron), t.Units...) {
		n, err := r.Stat(at)
		if err != nil {
			return c, err
		}
		if n == nil {
			continue
		}
		was, err := imageOf(r, at, n)
		if err != nil {
			return c, err
		}
		differ(&c, at, "there", "")
		if err := keep(r, &c, l.name, at, was); err != nil {
			return c, err
		}
		c.Steps = append(c.Steps, host.RemovePath{Path: at, Was: was})
	}
	if len(t.Sessions) > 0 || t.Processes > 0 {
		var running []string
		if n := len(t.Sessions); n > 0 {
			running = append(running, counted(n, "session"))
		}
		if t.Processes > 0 {
			running = append(running, counted(t.Processes, "process"))
		}
		differ(&c, "running", list(running), "ended")
		c.Steps = append(c.Steps, host.EndSessions{User: l.name})
	}
	if len(c.Steps) > 0 {
		c.Action = change.Remove
		c.Irreversible = "what ran is gone"
	}
	return c, nil
}

// keptDir holds what disable-user takes away from people besides their access.
const keptDir = "/var/lib/opsafe/kept"

// keep copies a file, for root's eyes, before it is removed: a person's job may
// be needed by whoever takes over.
func keep(r host.Reader, c *change.Change, name, at string, image *host.FileImage) error {
	if image.Node.Type != host.TypeFile {
		return nil
	}
	for _, dir := range []string{path.Dir(keptDir), keptDir, path.Join(keptDir, name)} {
		n, err := r.Stat(dir)
		if err != nil {
			return err
		}
		mode := host.Mode(0o755)
		if dir != path.Dir(keptDir) {
			mode = 0o700
		}
		made := slices.ContainsFunc(c.Steps, func(s host.Step) bool { m, ok := s.(host.MakeDir); return ok && m.Path == dir })
		if n == nil && !made {
			c.Steps = append(c.Steps, host.MakeDir{Path: dir, Owner: rootsOwn, Group: rootsOwn, Access: host.AccessOf(mode)})
		}
	}
	copied := path.Join(keptDir, name, strings.ReplaceAll(strings.TrimPrefix(at, "/"), "/", "_"))
	c.Notes = append(c.Notes, "a copy of "+at+" is kept in "+copied)
	c.Steps = append(c.Steps, host.WriteFile{Path: copied, Content: image.Content, Owner: rootsOwn, Group: rootsOwn, Access: host.AccessOf(0o600)})
	return nil
}

func counted(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "s"):
		return fmt.Sprintf("%d %ses", n, what)
	default:
		return fmt.Sprintf("%d %ss", n, what)
	}
}
