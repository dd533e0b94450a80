package host

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// LinkError refuses to go through a symbolic link that others than root can have
// put where it is.
type LinkError struct {
	At  string // the link, or the path on the way to which it lies
	Why string // how others could have made it
}

func (e *LinkError) Error() string {
	return fmt.Sprintf("cannot use %s: it is a symbolic link%s", e.At, e.Why)
}

// OnTheWay is err, in which a link that is refused has a name by which it was asked
// for: its own where that is on the way to p, else the directory's.
func OnTheWay(p string, err error) error {
	var link *LinkError
	if errors.As(err, &link) && link.At != p && !strings.HasPrefix(p, link.At+"/") {
		return &LinkError{At: path.Dir(p), Why: link.Why}
	}
	return err
}

// OthersLink says who else than root can have made a link: by its owner, by that
// of the directory in which it lies, and by whether more than that one can write
// there. If none of these, it lies below a directory that others can write.
func OthersLink(owner, dirOwner string, open bool) string {
	switch {
	case dirOwner != "root":
		return ", in a directory that " + dirOwner + " can write"
	case open:
		return ", in a directory that others than root can write"
	case owner != "root":
		return " of " + owner + "'s"
	}
	return ", below a directory that others than root can write"
}

// CheckLink is nil if nobody but root can have put the link to where it is: root
// owns it and the directory, and nobody else can write there or replace a directory
// on the way (in a sticky one, nobody can replace what is root's). At is where it
// really is; of directories of which stat knows nothing, nothing is feared.
func CheckLink(at string, link Node, stat func(string) (*Node, error)) error {
	dir, err := stat(path.Dir(at))
	if err != nil {
		return err
	}
	if dir == nil {
		dir = &Node{Owner: "root"}
	}
	below, trusted := link, dir.Owner == "root" && link.Owner == "root" && !othersWrite(*dir)
	for up := path.Dir(at); trusted; up = path.Dir(up) {
		n, err := stat(up)
		if err != nil {
			return err
		}
		if n != nil {
			sticky := n.Access.Special&0o1000 != 0 && below.Owner == "root"
			trusted = n.Owner == "root" && (!othersWrite(*n) || sticky)
			below = *n
		}
		if up == "/" {
			break
		}
	}
	if trusted {
		return nil
	}
	return &LinkError{At: at, Why: OthersLink(link.Owner, dir.Owner, othersWrite(*dir))}
}

func othersWrite(n Node) bool { return n.Access.Mode()&0o022 != 0 }

// FollowLink goes from a directory to where a link in it leads. ".." leads up from
// where one really is by then; real says where that is.
func FollowLink(dir, target string, real func(string) (string, error)) (string, error) {
	at := dir
	if path.IsAbs(target) {
		at = "/"
	}
	for _, name := range strings.Split(target, "/") {
		switch name {
		case "", ".":
		case "..":
			at = path.Dir(at)
		default:
			var err error
			if at, err = real(path.Join(at, name)); err != nil {
				return "", err
			}
		}
	}
	return at, nil
}
