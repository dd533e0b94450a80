package kind

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// Applies reports whether all conditions hold on the host, and if not, why: in
// the words of the condition that does not.
func Applies(ctx context.Context, r host.Reader, conditions spec.Conditions) (bool, string, error) {
	for _, c := range conditions {
		holds, is, err := fact(ctx, r, c)
		if err != nil {
			return false, "", fmt.Errorf("cannot tell whether %q holds: %w", c.Text, err)
		}
		if holds == c.Not {
			return false, is, nil
		}
	}
	return true, "", nil
}

// fact asks the host, and says what is so there in words.
func fact(ctx context.Context, r host.Reader, c spec.Condition) (holds bool, is string, err error) {
	name := c.Args[0]
	switch c.Fact {
	case spec.FactDevice:
		n, err := followed(r, name)
		holds = n != nil && n.Type == host.TypeOther
		return holds, says(holds, "device "+name, "exists", "does not exist"), err
	case spec.FactPath:
		n, err := followed(r, name)
		return n != nil, says(n != nil, name, "exists", "does not exist"), err
	case spec.FactUnit:
		u, err := r.Unit(ctx, name)
		return u != nil, says(u != nil, "unit "+name, "exists", "does not exist"), err
	case spec.FactRelease:
		f, err := r.Facts()
		return slices.Contains(c.Args, f.Release), "the release is " + f.Release, err
	case spec.FactInstalled:
		holds, err := isInstalled(r, name)
		return holds, says(holds, "package "+name, "is installed", "is not installed"), err
	case spec.FactAvailable:
		holds, err := isInstalled(r, name)
		if err != nil || holds {
			return holds, says(holds, "package "+name, "is installed", ""), err
		}
		holds, err = r.Candidate(name)
		return holds, says(holds, "package "+name, "is available", "is not available on this host"), err
	}
	return false, "", fmt.Errorf("condition %q is of no known kind: want one of %s", c.Text, strings.Join([]string{"device", "path", "release", "package", "unit"}, ", "))
}

// followed is what is at a path, or at the other end of a link: udev gives
// devices their stable names by links.
func followed(r host.Reader, at string) (*host.Node, error) {
	const most = 8
	for range most {
		n, err := r.Stat(at)
		if err != nil || n == nil || n.Type != host.TypeSymlink {
			return n, err
		}
		if path.IsAbs(n.Target) {
			at = n.Target
		} else {
			at = path.Join(path.Dir(at), n.Target)
		}
	}
	return nil, fmt.Errorf("%s: too many links", at)
}

func says(holds bool, what, yes, no string) string {
	if holds {
		return what + " " + yes
	}
	return what + " " + no
}

func isInstalled(r host.Reader, name string) (bool, error) {
	p, err := r.Package(name)
	return p != nil && p.State == host.Installed, err
}
