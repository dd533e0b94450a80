package kind

import (
	"fmt"
	"path"
	"slices"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// mayOpen refuses to let anybody do more with a file or directory that may have been
// moved to its place for that. It may be opened if it belongs to one of takes. That a
// file gets another owner is refused by the host itself.
func mayOpen(r host.Reader, at string, have, want host.Node, takes []string) error {
	const files = "opsafe does not give it more rights: it belongs to %[1]s, and others than root can write %[2]s, so that somebody may have moved it there: see whose it is; then chown it, or declare its owner"
	const dirs = "opsafe gives neither it to anybody nor more rights to it: it belongs to %[1]s, and others than root can write %[2]s, so that somebody may have moved it there, with all that is in it: see whose it is; then chown it, declare %[1]s as its owner, or list %[1]s under from, if it has a rule for its tree"
	given, message := false, files
	if have.Type == host.TypeDir {
		given, message = want.Owner != have.Owner || want.Group != have.Group, dirs
	}
	if !given && (want.Access.Equal(have.Access) || want.Access.Within(have.Access).Equal(want.Access)) {
		return nil
	}
	moved, err := movedIn(r, at, have, takes)
	if err != nil || !moved {
		return err
	}
	return fmt.Errorf(message, have.Owner, path.Dir(at))
}

// movedIn reports whether a file or directory may have been moved to its place: where
// others than root decide which one has the name, and it belongs neither to the owner
// of the directory nor to one of takes.
func movedIn(r host.Reader, at string, have host.Node, takes []string) (bool, error) {
	if have.Type != host.TypeFile && have.Type != host.TypeDir {
		return false, nil
	}
	takes, err := accounts(r, takes)
	if err != nil || slices.Contains(takes, have.Owner) {
		return false, err
	}
	in, err := r.Stat(path.Dir(at))
	if err != nil || in == nil || in.Type != host.TypeDir {
		if host.IsUnknown(err) {
			return false, nil // the host itself is asked before anything is done
		}
		return false, err
	}
	return have.Owner != in.Owner && writable(*in), nil
}

// writable reports whether others than root can write a directory, and so decide
// what has a name in it. The sticky bit does not keep its owner from that.
func writable(dir host.Node) bool {
	const othersWrite = 0o022 // with an ACL the mask, which covers all that it names
	return dir.Owner != Root || dir.Access.Mode()&othersWrite != 0
}

// takes lists whose file or directory may be at a path, as declared: its owner's, and
// that of those whose files the rules for its trees take over.
func (in *Input) takes(p string) []string {
	var names []string
	if d := in.Backend.Directories[p]; d != nil {
		names = append(names, d.Owner)
	}
	if f := in.Backend.Files[p]; f != nil {
		names = append(names, f.Owner)
	}
	for at := p; at != "/" && at != "."; at = path.Dir(at) {
		if d := in.Backend.Directories[at]; d != nil && d.Recurse != nil && d.State != Absent {
			names = append(names, d.Recurse.From...)
		}
		if a := in.Backend.ACLs[at]; a != nil && spec.Is(a.Recursive) {
			names = append(names, a.From...)
		}
	}
	return names
}
