package host

import (
	"path"
	"strings"
)

// hiddenTarget begins what facts have in the place of the target of a link that not
// everybody may see; what follows is its SecretDigest.
const hiddenTarget = "opsafe-secret:"

// PrivateTarget is the SecretDigest of where the link at a path leads, which is n, if
// not everybody may see that; empty: everybody may.
func PrivateTarget(r Files, at string, n Node) string {
	if digest, hidden := strings.CutPrefix(n.Target, hiddenTarget); hidden {
		return digest
	}
	if Everybody(r, at, n) {
		return ""
	}
	return SecretDigest(at, []byte(n.Target))
}

// HideTarget is the link at a path as facts have it that must not tell where it leads.
func (n Node) HideTarget(at string) Node {
	n.Target = hiddenTarget + SecretDigest(at, []byte(n.Target))
	return n
}

// HidesTarget reports whether it is not known where a link leads.
func (n Node) HidesTarget() bool { return strings.HasPrefix(n.Target, hiddenTarget) }

// LeadsTo reports whether the link at a path, which is n, leads to a target.
func (n Node) LeadsTo(at, target string) bool {
	return n.Target == target || n.HidesTarget() && n.Target == hiddenTarget+SecretDigest(at, []byte(target))
}

// BehindHidden is an unknown error about what is behind a link of which it is not known
// where it leads; nil: a path does not lead through one.
func BehindHidden(p string) error {
	dir, _, behind := strings.Cut(p, "/"+hiddenTarget)
	if !behind {
		return nil
	}
	return &UnknownError{What: "where a link in " + path.Clean("/"+dir) + " leads", Why: "not everybody may see it, so it was not recorded"}
}

// WasPrivate reports whether not everybody could read a file before the steps of a
// plan, which may open what lies on the way to it.
func WasPrivate(r Reader, at string) bool {
	p, ok := r.(Planned)
	if !ok {
		return false
	}
	n, err := p.Before().Stat(at)
	return err == nil && n != nil && !Everybody(p.Before(), at, *n)
}

// Present says what is at a path.
func Present(r Reader, at string, n *Node) string {
	switch {
	case n.Type != TypeSymlink:
		return "there"
	case PrivateTarget(r, at, *n) != "" || WasPrivate(r, at):
		return "a link to where not everybody may see"
	}
	return "a link to " + n.Target
}
