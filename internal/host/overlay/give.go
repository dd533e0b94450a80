package overlay

import (
	"fmt"
	"path"

	"opsafe/internal/host"
)

const root = "root"

// mayGive refuses, as the real host does, to give away or to open to more people a
// file that somebody may have moved to its place for that: one of root's or of a
// third person's, where others than its owner decide which file has the name.
func (h *Host) mayGive(at string, n host.Node) error {
	in, err := h.node(path.Dir(at))
	if err != nil || in == nil {
		return err
	}
	who := "others than root"
	switch {
	case in.Owner != root && othersWrite(*in):
		who = in.Owner + " and others"
	case in.Owner != root:
		who = in.Owner
	case !othersWrite(*in):
		return nil
	}
	if n.Owner == in.Owner && !othersWrite(*in) {
		return nil // it is that of the only one who can have put it there
	}
	return fmt.Errorf("it belongs to %s, in a directory that %s can write: opsafe does not give it away; look whose it is; if it came with a former number of the account, chown it or list its directory under reown, else move it away", n.Owner, who)
}

// stillOf refuses a path that has another owner than a step was planned for, which
// may be another name of the same number; a step without one is for any.
func (h *Host) stillOf(at, owner, planned string) error {
	if planned == "" || planned == owner {
		return nil
	}
	name, err := h.ownerName(kindUser, planned)
	if err != nil || name == owner {
		return err
	}
	was, err := h.user(name)
	if err != nil {
		return err
	}
	is, err := h.user(owner)
	switch {
	case err != nil:
		return err
	case was == nil || is == nil || was.UID != is.UID:
		return fmt.Errorf("%s belongs to %s, not to %s", at, owner, name)
	}
	return nil
}

// opens reports whether a file lets anybody do more with new rights than with
// those it has. An ACL counts as more, unless it is there already.
func opens(is, to host.Access) bool {
	return !is.Equal(to) && (len(to.Named) > 0 || len(is.Named) > 0 || to.Mode()&^is.Mode() != 0)
}

// othersWrite reports whether more than the owner may write to it. With an ACL the
// group's bits are its mask, so named entries are covered.
func othersWrite(n host.Node) bool { return n.Access.Mode()&0o022 != 0 }
