package local

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"opsafe/internal/host"
)

// explained is what keeps a step on files from being done, where the kernel says no
// more than that it cannot be: in the words in which a plan says it.
func (h *Host) explained(s host.FileStep, err error) error {
	refused := false
	for _, e := range []unix.Errno{unix.EPERM, unix.EROFS, unix.EBUSY, unix.ENOTSUP} {
		refused = refused || errors.Is(err, e)
	}
	if !refused {
		return err
	}
	h.mounts.Clear()
	var do string
	var why error
	switch s := s.(type) {
	case host.WriteFile:
		do, why = "write "+s.Path, h.mayMake(s.Path, s.Access)
	case host.MakeDir:
		do, why = "make directory "+s.Path, h.mayMake(s.Path, s.Access)
	case host.MakeDirs, host.WriteFiles:
		// Each is done by itself afterwards, and then says why.
	case host.MakeLink:
		do, why = "make link "+s.Path, h.mayMake(s.Path, host.Access{})
	case host.RemovePath:
		do, why = "remove "+s.Path, h.mayMake(s.Path, host.Access{})
	case host.MakeKeyPair:
		do, why = "make key pair "+s.Path, errors.Join(h.mayMake(s.Path, host.Access{}), h.mayMake(s.Path+".pub", host.Access{}))
	case host.MakeCertificate:
		do, why = "make certificate "+s.Path, errors.Join(h.mayMake(s.Path, host.Access{}), h.mayMake(s.Key, host.Access{}))
	case host.UpdateTrust:
		do, why = "have programs trust "+s.From, h.mayMake(s.To, host.Access{})
	case host.SetOwner:
		do, why = "set the owner of "+s.Path, h.mayAlter(s.Path, host.Access{})
	case host.SetAccess:
		do, why = "set the rights of "+s.Path, h.mayAlter(s.Path, s.Access)
	case host.Unpack:
		do, why = "unpack "+s.Source, h.mayMake(s.Path, host.AccessOf(s.Mode))
	case host.RemoveUnpacked:
		do, why = "remove the tree "+s.Path, h.mayMake(s.Path, host.Access{})
	case host.FixTree:
		// It names the paths that it cannot change itself.
	}
	if why == nil {
		return err
	}
	return fmt.Errorf("cannot %s: %w", do, why)
}

func (h *Host) mayMake(path string, a host.Access) error {
	dir, err := h.Stat(filepath.Dir(filepath.Clean(path)) + "/.")
	if dir == nil || err != nil {
		return nil //nolint:nilerr // then it is not this that keeps the step from being done
	}
	is, err := h.Stat(path)
	if err != nil {
		return nil //nolint:nilerr // as above
	}
	return errors.Join(host.MayReplace(path, *dir, is), host.Node{Held: dir.Held & host.OfFileSystem}.MayHave(a))
}

func (h *Host) mayAlter(path string, a host.Access) error {
	n, err := h.Stat(path)
	if n == nil || err != nil {
		return nil //nolint:nilerr // as above
	}
	return errors.Join(n.MayAlter(path), n.MayHave(a))
}
