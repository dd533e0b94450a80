package host

import (
	"path"
	"strings"
)

// mostLinks is how many links on the way to a path are followed.
const mostLinks = 40

// Everybody reports whether every account of the host may read what is at a
// path, which is n: by its own mode and ACL, and by those of all directories on
// the way to it. Of a link, what is read is where it leads. What cannot be told is
// not for everybody.
func Everybody(r Files, at string, n Node) bool {
	readable := n.Type == TypeSymlink || n.Type != TypeOther && n.grantsAll(Read)
	return readable && reachable(r, path.Dir(path.Clean(at)), mostLinks)
}

// grantsAll reports whether every account has a right. The first entry that is
// meant for an account decides (acl(5)), so that one for the owner, a group or
// somebody by name may withhold what others have. Root needs none.
func (n Node) grantsAll(right Perm) bool {
	a := n.Access.effective()
	all := a.Other & a.Group
	if n.Owner != "root" {
		all &= a.User
	}
	for _, e := range a.Named {
		all &= e.Perm
	}
	return all&right != 0
}

// reachable reports whether everybody may search a directory and all above it.
// Those that are not there yet keep nobody out.
func reachable(r Files, dir string, links int) bool {
	at := "/"
	rest := strings.Split(strings.Trim(dir, "/"), "/")
	for i, name := range rest {
		if name == "" {
			continue
		}
		at = path.Join(at, name)
		n, err := r.Stat(at)
		switch {
		case err != nil:
			return false
		case n == nil:
			return true
		case n.Type == TypeSymlink:
			target := n.Target
			if !path.IsAbs(target) {
				target = path.Join(path.Dir(at), target)
			}
			return links > 0 && reachable(r, path.Join(append([]string{target}, rest[i+1:]...)...), links-1)
		case n.Type == TypeDir && !n.grantsAll(Execute):
			return false
		}
	}
	return true
}

// ByDigest is content of which no more than its SecretDigest is known.
func ByDigest(red *RedactedError) Content { return Content{secret: true, known: red} }

// Shown is the SecretDigest of the content of the file at a path; empty for none.
func (c Content) Shown(at string) string {
	switch {
	case c.known != nil:
		return c.known.Digest
	case c.data == nil:
		return ""
	}
	return SecretDigest(at, c.data)
}

// Is reports whether the content is data.
func (c Content) Is(data []byte) bool {
	if c.known != nil {
		return data != nil && c.known.Digest == SecretDigest(c.known.Path, data)
	}
	return string(c.data) == string(data)
}

// Kept is why the content itself is not known; nil if it is.
func (c Content) Kept() error {
	if c.known == nil {
		return nil
	}
	return c.known
}
