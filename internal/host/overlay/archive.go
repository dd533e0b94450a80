package overlay

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
)

// Unpacked lists the trees that were unpacked under a name, with those that steps
// would make.
func (h *Host) Unpacked(ctx context.Context, name string) ([]host.UnpackedTree, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.unpackedAs(ctx, name)
}

func (h *Host) unpackedAs(ctx context.Context, name string) ([]host.UnpackedTree, error) {
	if trees, ok := h.unpacked[name]; ok {
		return slices.Clone(trees), nil
	}
	return h.base.Unpacked(ctx, name)
}

// unpack predicts that a directory holds an archive. What is in it nobody knows
// before.
func (h *Host) unpack(ctx context.Context, s host.Unpack) error {
	at, old, err := h.place(s.Path)
	if err != nil {
		return err
	}
	trees, err := h.unpackedAs(ctx, s.Name)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(trees, func(u host.UnpackedTree) bool { return u.Path == s.Path })
	switch {
	case old != nil && (i < 0 || trees[i].Gone):
		return fmt.Errorf("a %s is there that opsafe has not unpacked: move it away first", old.Type)
	case old != nil && !trees[i].Same(s.Archive) && len(trees[i].Added) > 0:
		return errAdded(trees[i])
	}
	n, err := h.owned(host.Node{Type: host.TypeDir, Owner: s.Owner, Group: s.Group, Access: host.AccessOf(s.Mode), Links: 1})
	if err != nil {
		return err
	}
	if n, err = h.makes(s.Path, at, old, n); err != nil {
		return err
	}
	if err := h.sourceThere(s.Archive); err != nil {
		return err
	}
	h.replaceBelow(at)
	h.files.put(at, &entry{node: n, fresh: true, opaque: afterApply("what is in "+s.Path, "it is unpacked then")})
	if i >= 0 {
		trees = slices.Delete(trees, i, i+1)
	}
	h.unpacked[s.Name] = append(trees, host.UnpackedTree{Archive: s.Archive})
	return nil
}

// sourceThere refuses what is no archive, or no directory of wheels. One of a repository
// is wherever opsafe runs, and not among what is known of the host.
func (h *Host) sourceThere(a host.Archive) error {
	if !path.IsAbs(a.Source) {
		return nil
	}
	want, is := host.TypeFile, "an archive"
	if a.Python != "" {
		want, is = host.TypeDir, "a directory of wheels"
	}
	n, err := h.stat(a.Source)
	if err == nil && n != nil && n.Type != want {
		return fmt.Errorf("%s is a %s, not %s", a.Source, n.Type, is)
	}
	return nil
}

// replaceBelow forgets what earlier steps have put below a path.
func (h *Host) replaceBelow(at string) {
	for p := range h.files.nodes {
		if strings.HasPrefix(p, at+"/") {
			delete(h.files.nodes, p)
			delete(h.files.children[path.Dir(p)], path.Base(p))
		}
	}
}

func errAdded(u host.UnpackedTree) error {
	return fmt.Errorf("it holds %s, which did not come out of the archive: move it away first", strings.Join(u.Added, ", "))
}

func (h *Host) removeUnpacked(ctx context.Context, s host.RemoveUnpacked) error {
	trees, err := h.unpackedAs(ctx, s.Name)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(trees, func(u host.UnpackedTree) bool { return u.Path == s.Path })
	if i < 0 {
		return errors.New("opsafe has not unpacked it: remove it by hand")
	}
	if len(trees[i].Added) > 0 {
		return errAdded(trees[i])
	}
	at, old, err := h.place(s.Path)
	if err == nil && old != nil {
		_, err = h.makes(s.Path, at, old, host.Node{})
	}
	if err != nil {
		return err
	}
	h.replaceBelow(at)
	h.files.put(at, &entry{absent: true})
	h.unpacked[s.Name] = slices.Delete(trees, i, i+1)
	return nil
}
