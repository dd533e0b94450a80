package archive

import (
	"context"
	"fmt"
	"path"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// venvLook is an environment that is made as a whole, for the Python that the host has.
type venvLook struct {
	look
	decl *Venv
}

func (l venvLook) Look(ctx context.Context, r host.Reader) (change.Change, error) {
	var err error
	if l.want.Python, err = pythonOf(r); err != nil {
		return change.Change{}, err
	}
	if l.want.Wheels, err = l.pins(r); err != nil {
		return change.Change{}, err
	}
	l.want.SHA256 = pinsDigest(l.want.Wheels)
	return l.look.Look(ctx, r)
}

// pythonOf is the version of the host's Python, such as 3.11.
func pythonOf(r host.Reader) (string, error) {
	n, err := r.Stat(host.SystemPython)
	if err != nil {
		return "", err
	}
	if n == nil {
		return "", kind.MissingPath(host.SystemPython, "there is no %s: declare the package python3", host.SystemPython)
	}
	if v := host.PythonVersion(path.Base(n.Target)); n.Type == host.TypeSymlink && v != "" {
		return v, nil
	}
	return "", fmt.Errorf("%s is no link to a python3.N, by which opsafe tells the host's version of Python", host.SystemPython)
}

// pins are what is to be in it, as the spec says or a file on the host does.
func (l venvLook) pins(r host.Reader) ([]host.Wheel, error) {
	if pins, err := l.decl.pins(); err != nil || pins != nil {
		return pins, err
	}
	at := l.decl.Requirements
	n, err := r.Stat(at)
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, kind.MissingPath(at, "there is no %s: put it there, or add %q", at, "when: path "+at+" exists")
	}
	if err := kind.WantType(r, at, *n, host.TypeFile); err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	data, err := r.ReadFile(at)
	if err != nil {
		return nil, err
	}
	pins, err := parsePins(string(data))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", at, err)
	}
	return pins, nil
}

// wheelsThere is an error if what is pinned is not in a directory on the host.
func wheelsThere(r host.Reader, dir string, want host.Archive) error {
	n, err := r.Stat(dir)
	if err != nil {
		return err
	}
	if n == nil {
		return kind.MissingPath(dir, "the directory %s is not there: put the wheels there, or add %q", dir, "when: path "+dir+" exists")
	}
	if err := kind.WantType(r, dir, *n, host.TypeDir); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	names, err := r.ReadDir(dir)
	if err != nil {
		return err
	}
	facts, err := r.Facts()
	if err != nil {
		return err
	}
	return lacking(dir, names, want.Wheels, want.Python, host.WheelMachine(facts.Arch))
}

// showWheels says which distributions an environment has other versions of, or has no
// more.
func showWheels(c *change.Change, before, after []host.Wheel) {
	was, is := map[string]host.Wheel{}, map[string]host.Wheel{}
	for _, w := range before {
		was[w.Name] = w
	}
	for _, w := range after {
		is[w.Name] = w
		old := was[w.Name]
		c.Differ(w.Name, old.Version, w.Version)
	}
	for _, w := range before {
		if _, stays := is[w.Name]; !stays {
			c.Differ(w.Name, w.Version, "")
		}
	}
}
