package overlay

import (
	"errors"
	"fmt"
	"path"

	"opsafe/internal/debian"
	"opsafe/internal/host"
)

// checkAccess refuses what the kernel would: entries for nobody, named entries
// without a mask, default entries on what is no directory.
func (h *Host) checkAccess(a host.Access, t host.NodeType) (host.Access, error) {
	if t == host.TypeSymlink {
		if a.Equal(host.AccessOf(0o777)) {
			return a, nil
		}
		return a, errors.New("a symlink has no mode of its own")
	}
	if a.Default != nil && t != host.TypeDir {
		return a, fmt.Errorf("a %s has no default ACL", t)
	}
	var err error
	if a.Named, err = h.checkEntries(a.Named, a.Mask); err != nil {
		return a, err
	}
	if a.Default != nil {
		d := *a.Default
		if d.Named, err = h.checkEntries(d.Named, d.Mask); err != nil {
			return a, err
		}
		a.Default = &d
	}
	return a, nil
}

func (h *Host) checkEntries(es []host.Entry, mask *host.Perm) ([]host.Entry, error) {
	if len(es) == 0 {
		return nil, nil
	}
	if mask == nil {
		return nil, errors.New("the ACL has named entries, but no mask")
	}
	out := make([]host.Entry, 0, len(es))
	for _, e := range es {
		if e.Perm > host.Read|host.Write|host.Execute {
			return nil, fmt.Errorf("the ACL entry %s is a rule, not a right", e)
		}
		name, err := h.ownerName(idKind(e.Tag), e.Name)
		if err != nil {
			return nil, err
		}
		e.Name = name
		out = append(out, e)
	}
	host.SortEntries(out)
	return out, nil
}

func (h *Host) makeDir(s host.MakeDir) error {
	at, old, err := h.place(s.Path)
	if err != nil {
		return err
	}
	if old != nil {
		return fmt.Errorf("a %s is there", old.Type)
	}
	n, err := h.owned(host.Node{Type: host.TypeDir, Owner: s.Owner, Group: s.Group, Access: s.Access, Links: 1})
	if err != nil {
		return err
	}
	if n, err = h.makes(s.Path, at, nil, n); err != nil {
		return err
	}
	made := map[string]*entry{at: {node: n, fresh: true}}
	if s.Skeleton {
		if err := h.copyTree(made, debian.Skeleton, at, n); err != nil {
			return fmt.Errorf("cannot copy %s: %w", debian.Skeleton, err)
		}
	}
	for p, e := range made {
		h.files.put(p, e)
	}
	return nil
}

// copyTree plans copies of what is in from, owned as the directory in is.
func (h *Host) copyTree(made map[string]*entry, from, to string, in host.Node) error {
	names, err := h.readDir(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		source, target := path.Join(from, name), path.Join(to, name)
		n, err := h.stat(source)
		if err != nil {
			return err
		}
		if n == nil || n.Type == host.TypeOther {
			continue
		}
		n.Owner, n.Group, n.Links = in.Owner, in.Group, 1
		e := &entry{node: *n, fresh: true}
		made[target] = e
		switch n.Type {
		case host.TypeDir:
			if err := h.copyTree(made, source, target, in); err != nil {
				return err
			}
		case host.TypeFile:
			e.content, err = h.readFile(source)
			if host.IsUnknown(err) {
				e.unknown = err
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}
