package overlay

import (
	"fmt"
	"path"

	"opsafe/internal/host"
)

// makes checks that a node can be put to where place found room for it, and says how
// its file system holds it.
func (h *Host) makes(p, at string, old *host.Node, n host.Node) (host.Node, error) {
	dir, err := h.node(path.Dir(at))
	if dir == nil || err != nil {
		return n, err
	}
	if err := host.MayReplace(p, *dir, old); err != nil {
		return n, err
	}
	n.Held = dir.Held & host.OfFileSystem
	return n, n.MayHave(n.Access)
}

// databases refuses a step on accounts if a database that it writes cannot be
// replaced, as every tool does it. What is not known of one is not feared.
func (h *Host) databases(s host.AccountStep) error {
	var names []string
	switch s.(type) {
	case host.AddGroup, host.DeleteGroup, host.SetMembers:
		names = []string{"group", "gshadow"}
	case host.SetGID:
		names = []string{"group"}
	case host.LockGroup, host.SetGroupAdmins:
		names = []string{"gshadow"}
	case host.AddUser, host.AddUsers, host.DeleteUser:
		names = []string{"passwd", "shadow", "group", "gshadow"}
	case host.SetUser:
		names = []string{"passwd"}
	case host.SetPassword, host.SetExpiry, host.SetPasswordChanged, host.AddShadowLine:
		names = []string{"shadow"}
	case host.EndSessions, host.SetLinger:
		// They write none.
	}
	for _, name := range names {
		at := path.Join("/etc", name)
		is, err := h.node(at)
		dir, dirErr := h.node("/etc")
		if err != nil || dirErr != nil || is == nil || dir == nil {
			continue
		}
		if err := host.MayReplace(at, *dir, is); err != nil {
			return fmt.Errorf("cannot write %s: %w", at, err)
		}
	}
	return nil
}
