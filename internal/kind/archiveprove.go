package kind

import (
	"encoding/json"
	"fmt"
	"path"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// uncheckedFormat is the version of the note of a check that is owed.
const uncheckedFormat = 1

// unchecked is the note of an archive whose links are about to move, or have moved, and
// whose check has not succeeded since. It is written before they move and removed after
// the check, so that a run that dies in between leaves it to the next one.
type unchecked struct {
	FormatVersion int         `json:"format_version"`
	Links         []priorLink `json:"links"`
}

// priorLink is a link as it was before: without a target, there was none.
type priorLink struct {
	Path   string `json:"path"`
	Target string `json:"target,omitempty"`
	Owner  string `json:"owner,omitempty"`
	Group  string `json:"group,omitempty"`
}

func uncheckedPath(name string) string { return path.Join(notes.Unchecked, name+".json") }

// prove has the check accept what the links lead to, and has them lead back if it does
// not, wherever they led before the run that moved them.
func (l archiveLook) prove(r host.Reader, c *change.Change) error {
	at := uncheckedPath(l.want.Name)
	owed, err := readUnchecked(r, at)
	if err != nil || owed == nil && len(c.Steps) == 0 {
		return err
	}
	if c.Action == "" {
		c.Action = change.Modify
	}
	if len(l.check) == 0 {
		if owed != nil {
			differ(c, "check", "owed", "")
			c.Steps = append(c.Steps, host.RemovePath{Path: at})
		}
		return nil
	}
	if err := l.trusted(r); err != nil {
		return err
	}
	if owed == nil {
		first, err := l.owe(r, at)
		if err != nil {
			return err
		}
		c.Steps = append(first, c.Steps...)
	} else {
		differ(c, "check", "owed by a run that did not finish", "succeeds")
		if c.Revert, err = owed.back(r); err != nil {
			return err
		}
		c.Revert = append(c.Revert, host.RemovePath{Path: at})
	}
	c.PutBack = true
	c.Steps = append(c.Steps, host.Probe{Argv: l.check}, host.RemovePath{Path: at})
	return nil
}

func readUnchecked(r host.Reader, at string) (*unchecked, error) {
	data, err := r.ReadFile(at)
	if err != nil || data == nil {
		return nil, err
	}
	var u unchecked
	if err := json.Unmarshal(data, &u); err != nil {
		return nil, fmt.Errorf("cannot read from %s which check is owed: %w; run the check yourself, and remove the file", at, err)
	}
	if u.FormatVersion != uncheckedFormat {
		return nil, fmt.Errorf("cannot read from %s which check is owed: its format is %d, this opsafe knows %d", at, u.FormatVersion, uncheckedFormat)
	}
	return &u, nil
}

// owe notes that the check is owed, and where the links lead now.
func (l archiveLook) owe(r host.Reader, at string) ([]host.Step, error) {
	u := unchecked{FormatVersion: uncheckedFormat, Links: []priorLink{}}
	for _, link := range l.links {
		n, err := r.Stat(link.path)
		switch {
		case err != nil:
			return nil, err
		case n == nil:
			u.Links = append(u.Links, priorLink{Path: link.path})
		case n.Type == host.TypeSymlink:
			u.Links = append(u.Links, priorLink{Path: link.path, Target: n.Target, Owner: n.Owner, Group: n.Group})
		}
	}
	data, err := json.MarshalIndent(u, "", "  ")
	if err != nil {
		return nil, err
	}
	return notes.Write(r, at, append(data, '\n'))
}

// back are the steps that have the links lead to where they led.
func (u unchecked) back(r host.Reader) ([]host.Step, error) {
	var steps []host.Step
	for _, link := range u.Links {
		n, err := r.Stat(link.Path)
		switch {
		case err != nil:
			return nil, err
		case n == nil && link.Target == "", n != nil && n.Target == link.Target:
		case link.Target != "":
			steps = append(steps, host.MakeLink{Path: link.Path, Target: link.Target, Owner: link.Owner, Group: link.Group})
		case n.Type == host.TypeSymlink:
			steps = append(steps, host.RemovePath{Path: link.Path})
		}
	}
	return steps, nil
}

// trusted is an error if others than root decide what the check runs as root: by what
// has the name of the program, of a link, or of the tree.
func (l archiveLook) trusted(r host.Reader) error {
	paths := []string{l.check[0], l.want.Path}
	for _, link := range l.links {
		paths = append(paths, link.path)
	}
	for _, p := range paths {
		for dir := path.Dir(p); ; dir = path.Dir(dir) {
			n, err := r.Stat(dir)
			if err != nil && !host.IsUnknown(err) { // the host itself is asked before it is run
				return err
			}
			if err == nil && n != nil && n.Type == host.TypeDir && writable(*n) {
				return fmt.Errorf("its check is run as root, and others than root can write %s, and so decide what %s is: choose another place, let root alone write there, or leave check out", dir, p)
			}
			if dir == "/" {
				break
			}
		}
	}
	return nil
}
