package archive

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"

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
func (l look) prove(r host.Reader, c *change.Change) error {
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
			c.Differ("check", "owed", "")
			c.Steps = append(c.Steps, host.RemovePath{Path: at})
		}
		return nil
	}
	if err := l.trusted(r, *c); err != nil {
		return err
	}
	if owed == nil {
		first, err := l.owe(r, at)
		if err != nil {
			return err
		}
		c.Steps = append(first, c.Steps...)
	} else {
		c.Differ("check", "owed by a run that did not finish", "succeeds")
		if c.Revert, err = owed.back(r); err != nil {
			return err
		}
		c.Revert = append(c.Revert, host.RemovePath{Path: at})
	}
	c.PutBack = true
	c.Steps = append(c.Steps, host.Probe{Argv: l.check, Guarded: true}, host.RemovePath{Path: at})
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
func (l look) owe(r host.Reader, at string) ([]host.Step, error) {
	u := unchecked{FormatVersion: uncheckedFormat, Links: []priorLink{}}
	for _, link := range l.links {
		n, err := r.Stat(link.Path)
		switch {
		case err != nil:
			return nil, err
		case n == nil:
			u.Links = append(u.Links, priorLink{Path: link.Path})
		case n.Type == host.TypeSymlink:
			u.Links = append(u.Links, priorLink{Path: link.Path, Target: n.Target, Owner: n.Owner, Group: n.Group})
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

// trusted is an error if others than root decide what the check runs as root, once the
// change is made: by what has the name of the program, of an argument, of a link, or of the
// tree. Links
// lead where they are to lead then, and of a tree that is to be unpacked its owner and
// mode are known to be root's. Right before it is run, the host itself is asked.
func (l look) trusted(r host.Reader, c change.Change) error {
	stat := func(p string) (*host.Node, error) {
		n, err := r.Stat(p)
		if host.IsUnknown(err) {
			return nil, nil
		}
		return n, err
	}
	wanted := map[string]*host.Node{} // by the paths where they really are
	put := func(p string, n *host.Node) error {
		dir, _, err := host.Exposed(path.Dir(p), stat)
		wanted[path.Join(dir, path.Base(p))] = n
		return err
	}
	paths := append(host.Deciding(l.check), l.want.Path)
	for _, link := range l.links {
		if err := put(link.Path, &host.Node{Type: host.TypeSymlink, Target: link.Target}); err != nil {
			return err
		}
		paths = append(paths, link.Path)
	}
	if slices.ContainsFunc(c.Steps, func(s host.Step) bool { _, ok := s.(host.Unpack); return ok }) {
		if err := put(l.want.Path, nil); err != nil {
			return err
		}
	}
	for _, p := range paths {
		_, exposed, err := host.Exposed(p, func(at string) (*host.Node, error) {
			if n, ok := wanted[at]; ok {
				return n, nil
			}
			return stat(at)
		})
		if err != nil {
			return err
		}
		if exposed != "" {
			return fmt.Errorf("its check is run as root, and others than root can write %s, and so decide what %s is: choose another place, let root alone write there, or leave check out", exposed, p)
		}
	}
	return nil
}
