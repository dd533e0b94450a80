package host

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Held is what keeps even root from changing a node, besides its owner and rights.
type Held uint8

// The ways in which a node is held.
const (
	Immutable  Held = 1 << iota // chattr +i
	AppendOnly                  // chattr +a
	Mounted                     // something is mounted on it
	ReadOnly                    // its file system is mounted read-only
	NoACL                       // its file system keeps no ACLs
)

// OfFileSystem are those that a new node has in common with its directory.
const OfFileSystem = ReadOnly | NoACL

// Words are the ways in which a node is held, for a record.
func (h Held) Words() []string {
	var out []string
	for i, word := range heldWords() {
		if h&(1<<i) != 0 {
			out = append(out, word)
		}
	}
	return out
}

// ParseHeld reads what Words wrote.
func ParseHeld(words []string) (Held, error) {
	var h Held
	for _, w := range words {
		found := false
		for i, word := range heldWords() {
			if w == word {
				h, found = h|1<<i, true
			}
		}
		if !found {
			return 0, fmt.Errorf("%q is no way in which a file is held: want %s", w, strings.Join(heldWords(), ", "))
		}
	}
	return h, nil
}

func heldWords() []string {
	return []string{"immutable", "append-only", "mount point", "read-only", "no ACLs"}
}

// Why says why owner and rights of what is at a path cannot be changed; empty if
// they can.
func (h Held) Why() string {
	switch {
	case h&Immutable != 0:
		return "it is immutable (chattr +i)"
	case h&AppendOnly != 0:
		return "it can only be appended to (chattr +a)"
	case h&ReadOnly != 0:
		return "its file system is mounted read-only"
	}
	return ""
}

// InTree are the ways in which single nodes of a tree are held.
const InTree = Immutable | AppendOnly

// MayAlter is an error if owner and rights of what is at a path cannot be changed.
func (n Node) MayAlter(at string) error {
	switch why := n.Held.Why(); {
	case why == "":
		return nil
	case n.Held&Immutable != 0:
		return fmt.Errorf("%s: say chattr -i %s first, or do not declare it", why, at)
	case n.Held&AppendOnly != 0:
		return fmt.Errorf("%s: say chattr -a %s first, or do not declare it", why, at)
	default:
		return fmt.Errorf("%s: mount it to be written first, or do not declare %s", why, at)
	}
}

// MayReplace is an error if nothing can be put at a path, or what is there cannot be
// taken away: is is nil where nothing is.
func MayReplace(at string, dir Node, is *Node) error {
	if why := dir.Held.Why(); why != "" {
		return fmt.Errorf("its directory %s cannot be changed: %w", path.Dir(at), dir.MayAlter(path.Dir(at)))
	}
	if is == nil {
		return nil
	}
	if is.Held&Mounted != 0 {
		return fmt.Errorf("it is a mount point, and what is mounted there cannot be replaced: see findmnt %s; unmount it first, or do not declare it", at)
	}
	is = &Node{Held: is.Held &^ ReadOnly} // a file is replaced in its directory
	return is.MayAlter(at)
}

// MayHave is an error if the file system does not keep the ACL that is wanted.
func (n Node) MayHave(a Access) error {
	if n.Held&NoACL == 0 || len(a.Lines()) == 0 {
		return nil
	}
	return errors.New("its file system keeps no ACLs: mount it with acl if it can, or leave the ACL out")
}
