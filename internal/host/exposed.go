package host

import (
	"fmt"
	"path"
	"strings"
)

// maxWayLinks is how many links a path may lead through, as in the kernel.
const maxWayLinks = 40

// Deciding are the paths in an argument vector that decide what a program does: its own,
// and each argument that is an absolute path, such as a script or --config=PATH. A device
// holds nothing that could.
func Deciding(argv []string) []string {
	var out []string
	for i, arg := range argv {
		if _, value, ok := strings.Cut(arg, "="); ok && i > 0 && !path.IsAbs(arg) {
			arg = value
		}
		if i == 0 || path.IsAbs(arg) && !strings.HasPrefix(path.Clean(arg)+"/", "/dev/") {
			out = append(out, arg)
		}
	}
	return out
}

// Exposed goes the way to a path, through every link, and finds the first directory on it,
// or what is at its end, that others than root can write: they decide what has the name.
// Exposed is empty if there is none, and real is where the way leads then. What is not
// there nobody can write; stat says so, too, of what it vouches for with all below it.
func Exposed(p string, stat func(string) (*Node, error)) (real, exposed string, err error) {
	at, rest, links := "/", strings.Split(p, "/"), 0
	for {
		n, err := stat(at)
		switch {
		case err != nil:
			return "", "", err
		case n == nil:
			return path.Join(at, path.Join(rest...)), "", nil
		case n.Type == TypeSymlink:
			if links++; links > maxWayLinks {
				return "", "", fmt.Errorf("cannot follow %s: it leads through more than %d links", p, maxWayLinks)
			}
			rest = append(strings.Split(n.Target, "/"), rest...)
			if at = path.Dir(at); path.IsAbs(n.Target) {
				at = "/"
			}
		case n.Owner != "root" || othersWrite(*n): // the sticky bit does not keep its owner from that
			return at, at, nil
		}
		for len(rest) > 0 && (rest[0] == "" || rest[0] == ".") {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return at, "", nil
		}
		at, rest = path.Join(at, rest[0]), rest[1:] // Join goes up for ".."
	}
}
