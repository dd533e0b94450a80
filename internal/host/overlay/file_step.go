package overlay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"opsafe/internal/host"
)

func (h *Host) doFile(ctx context.Context, s host.FileStep) error {
	switch s := s.(type) {
	case host.WriteFile:
		return wrap("write "+s.Path, h.writeFile(ctx, s))
	case host.MakeDir:
		return wrap("make directory "+s.Path, h.makeDir(s))
	case host.MakeDirs:
		return eachOf(s.Dirs, func(d host.MakeDir) error { return h.doFile(ctx, d) })
	case host.WriteFiles:
		return eachOf(s.Files, func(f host.WriteFile) error { return h.doFile(ctx, f) })
	case host.MakeLink:
		return wrap("make link "+s.Path, h.makeLink(ctx, s))
	case host.SetOwner:
		return wrap("set the owner of "+s.Path, h.setOwner(s))
	case host.SetAccess:
		return wrap("set the rights of "+s.Path, h.setAccess(s))
	case host.RemovePath:
		return wrap("remove "+s.Path, h.removePath(ctx, s.Path))
	case host.FixTree:
		return wrap("change the tree "+s.Rule.Root, h.fixTree(s.Rule))
	case host.MakeKeyPair:
		return wrap("make key pair "+s.Path, h.makeKeyPair(s))
	case host.MakeCertificate:
		return wrap("make certificate "+s.Path, h.makeCertificate(s))
	case host.UpdateTrust:
		return wrap("have programs trust the host's own certificates", h.updateTrust(s))
	case host.Unpack:
		return wrap("unpack "+s.Source, h.unpack(ctx, s))
	case host.RemoveUnpacked:
		return wrap("remove the tree "+s.Path, h.removeUnpacked(ctx, s))
	}
	return errNoStep
}

// place finds where a new node goes and what is there now.
func (h *Host) place(p string) (at string, old *host.Node, err error) {
	if at, err = h.resolve(p); err != nil {
		return "", nil, err
	}
	if at == "/" {
		return "", nil, errors.New("it is the root directory")
	}
	old, err = h.node(at)
	return at, old, err
}

// owned checks owner, group and access, and gives the names that stat would
// show.
func (h *Host) owned(n host.Node) (host.Node, error) {
	var err error
	if n.Owner, err = h.ownerName(kindUser, n.Owner); err != nil {
		return n, err
	}
	if n.Group, err = h.ownerName(kindGroup, n.Group); err != nil {
		return n, err
	}
	n.Access, err = h.checkAccess(n.Access, n.Type)
	return n, err
}

func (h *Host) writeFile(ctx context.Context, s host.WriteFile) error {
	at, old, err := h.place(s.Path)
	if err != nil {
		return err
	}
	if old != nil && old.Type == host.TypeDir {
		return errors.New("a directory is there")
	}
	data := s.Content.Bytes()
	n, err := h.owned(host.Node{
		Type: host.TypeFile, Owner: s.Owner, Group: s.Group, Access: s.Access, Size: int64(len(data)), Links: 1,
	})
	if err != nil {
		return err
	}
	if n, err = h.makes(s.Path, at, old, n); err != nil {
		return err
	}
	if s.Check != nil {
		if err := h.judge(ctx, *s.Check, s.Content); err != nil {
			return err
		}
	}
	h.files.put(at, &entry{node: n, fresh: true, content: data})
	h.unitFileWritten(ctx, at)
	return nil
}

// judge lets the base's program judge content. Where it cannot run yet, or may
// not run for this process, the step itself will have it judged.
func (h *Host) judge(ctx context.Context, c host.Check, content host.Content) error {
	needs := c.Needs
	if c.Companion != "" {
		needs = append(slices.Clone(needs), path.Dir(c.Companion))
	}
	for _, p := range needs {
		if n, err := h.base.Stat(p); err == nil && n == nil {
			return nil
		}
	}
	if c.Tree != nil {
		tree := *c.Tree
		tree.Predicted = h.predicted(tree)
		c.Tree = &tree
	}
	err := h.base.Check(ctx, c, content)
	if errors.Is(err, host.ErrNoProgram) || host.IsUnknown(err) {
		return nil
	}
	return err
}

// predicted are the files of a configuration, and others that it includes, that
// earlier steps have written or removed.
func (h *Host) predicted(t host.CheckTree, included ...string) map[string]*host.Content {
	paths := append([]string{path.Clean(t.Main)}, included...)
	for name := range h.files.children[path.Clean(t.Dir)] {
		paths = append(paths, path.Join(t.Dir, name))
	}
	out := map[string]*host.Content{}
	for _, p := range paths {
		switch e := h.files.nodes[p]; {
		case e == nil:
		case e.absent:
			out[p] = nil
		case e.fresh && e.unknown == nil && e.node.Type == host.TypeFile:
			c := host.NewContent(e.content)
			out[p] = &c
		}
	}
	return out
}

func (h *Host) makeLink(ctx context.Context, s host.MakeLink) error {
	at, old, err := h.place(s.Path)
	if err != nil {
		return err
	}
	if old != nil && old.Type == host.TypeDir {
		return errors.New("a directory is there")
	}
	if s.Target == "" {
		return errors.New("the target is empty")
	}
	n, err := h.owned(host.Node{
		Type: host.TypeSymlink, Owner: s.Owner, Group: s.Group,
		Access: host.AccessOf(0o777), Size: int64(len(s.Target)), Links: 1, Target: s.Target,
	})
	if err != nil {
		return err
	}
	if n, err = h.makes(s.Path, at, old, n); err != nil {
		return err
	}
	h.files.put(at, &entry{node: n, fresh: true})
	h.unitFileWritten(ctx, at)
	return nil
}

// touch gives the entry of an existing node, copied from the base if need be.
func (h *Host) touch(p string) (at string, e *entry, err error) {
	if at, err = h.resolve(p); err != nil {
		return "", nil, err
	}
	n, err := h.node(at)
	if err != nil {
		return "", nil, err
	}
	if n == nil {
		return "", nil, errors.New("nothing is there")
	}
	if old, ok := h.files.nodes[at]; ok {
		c := *old
		return at, &c, nil
	}
	return at, &entry{node: *n}, nil
}

func (h *Host) setOwner(s host.SetOwner) error {
	at, e, err := h.touch(s.Path)
	if err != nil {
		return err
	}
	if err := e.node.MayAlter(s.Path); err != nil {
		return err
	}
	if err := h.stillOf(s.Path, e.node.Owner, s.From); err != nil {
		return err
	}
	owner, group := s.Owner, s.Group
	if owner != "" {
		if owner, err = h.ownerName(kindUser, owner); err != nil {
			return err
		}
	}
	if group != "" {
		if group, err = h.ownerName(kindGroup, group); err != nil {
			return err
		}
	}
	if e.node.Type == host.TypeFile && e.node.Owner != owner {
		if err := h.mayGive(at, e.node); err != nil {
			return err
		}
	}
	e.node.Owner, e.node.Group = cmp.Or(owner, e.node.Owner), cmp.Or(group, e.node.Group)
	h.files.put(at, e)
	return nil
}

func (h *Host) setAccess(s host.SetAccess) error {
	at, e, err := h.touch(s.Path)
	if err != nil {
		return err
	}
	if err := h.stillOf(s.Path, e.node.Owner, s.Owner); err != nil {
		return err
	}
	if e.node.Type == host.TypeFile && e.node.Owner == root && opens(e.node.Access, s.Access) {
		if err := h.mayGive(at, e.node); err != nil {
			return err
		}
	}
	if err := errors.Join(e.node.MayAlter(s.Path), e.node.MayHave(s.Access)); err != nil {
		return err
	}
	if e.node.Access, err = h.checkAccess(s.Access, e.node.Type); err != nil {
		return err
	}
	h.files.put(at, e)
	return nil
}

func (h *Host) removePath(ctx context.Context, p string) error {
	at, old, err := h.place(p)
	if blocked(err) || err == nil && old == nil {
		return nil // gone already, as is wanted
	}
	if err != nil {
		return err
	}
	if old.Type == host.TypeDir {
		names, err := h.list(at)
		if err != nil {
			return err
		}
		if len(names) > 0 {
			return fmt.Errorf("the directory is not empty: it holds %s", names[0])
		}
	}
	if _, err := h.makes(p, at, old, host.Node{}); err != nil {
		return err
	}
	h.files.put(at, &entry{absent: true})
	h.unitFileRemoved(ctx, at)
	return nil
}

func (h *Host) makeKeyPair(s host.MakeKeyPair) error {
	at, old, err := h.place(s.Path)
	if err != nil {
		return err
	}
	if old != nil && old.Type != host.TypeFile {
		return fmt.Errorf("a %s is there", old.Type)
	}
	private, err := h.owned(host.Node{Type: host.TypeFile, Owner: s.Owner, Group: s.Group, Access: host.AccessOf(0o600), Links: 1})
	if err != nil {
		return err
	}
	public := private
	public.Access = host.AccessOf(0o644)
	made := map[string]host.Node{at + ".pub": public}
	if old == nil { // a private half is never replaced
		made[at] = private
	}
	for p, n := range made {
		is, err := h.node(p)
		if err != nil {
			return err
		}
		if made[p], err = h.makes(p, p, is, n); err != nil {
			return err
		}
	}
	for p, n := range made {
		h.files.put(p, &entry{node: n, fresh: true, unknown: afterApply("content of "+p, "the key pair is made then")})
	}
	return nil
}
