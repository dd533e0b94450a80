package kind

import (
	"context"
	"errors"
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
		n, err := Followed(r, name)
		holds = n != nil && n.Type == host.TypeOther
		return holds, says(holds, "device "+name, "exists", "does not exist"), err
	case spec.FactPath:
		n, err := Followed(r, name)
		if n == nil && err == nil {
			err = unsettled(r, c, name, Packaged(name))
		}
		return n != nil, says(n != nil, name, "exists", "does not exist"), err
	case spec.FactMounted:
		n, err := Followed(r, name)
		if n == nil || n.Held&host.Mounted == 0 {
			return false, "nothing is mounted at " + name, err
		}
		return true, name + " is mounted", err
	case spec.FactUnit:
		u, err := r.Unit(ctx, name)
		if u == nil && err == nil {
			err = unsettled(r, c, "unit "+name, true)
		}
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
	return false, "", fmt.Errorf("condition %q is of no known kind: want one of %s", c.Text, strings.Join([]string{"device", "path", "mounted", "release", "package", "unit"}, ", "))
}

// unsettled is the error for a condition on what is not there, if a package that is
// about to come may bring it.
func unsettled(r host.Reader, c spec.Condition, thing string, may bool) error {
	if !may || awaited(r, thing) == "" {
		return nil
	}
	return &host.UnknownError{
		What: fmt.Sprintf("whether %q holds", c.Text), Why: "known after apply", AfterApply: true,
		Err: &missingError{thing: thing, err: errors.New("it is not there")},
	}
}

// Followed is what is at a path, or at the other end of a link: udev gives
// devices their stable names by links.
func Followed(r host.Reader, at string) (*host.Node, error) {
	end, err := LinkEnd(r, at)
	if err != nil {
		return nil, err
	}
	return r.Stat(end)
}

// LinkEnd is the path at the other end of a link; that of anything else is its own.
func LinkEnd(r host.Reader, at string) (string, error) {
	const most = 8
	for range most {
		n, err := r.Stat(at)
		if err != nil || n == nil || n.Type != host.TypeSymlink {
			return at, err
		}
		if path.IsAbs(n.Target) {
			at = n.Target
		} else {
			at = path.Join(path.Dir(at), n.Target)
		}
	}
	return "", fmt.Errorf("%s: too many links", at)
}

func says(holds bool, what, yes, no string) string {
	if holds {
		return what + " " + yes
	}
	return what + " " + no
}

func isInstalled(r host.Reader, name string) (bool, error) {
	p, err := r.Package(name)
	if err == nil && p.Unfinished() && awaited(r, "package "+name) != "" {
		// What runs dpkg finishes it first, if its scripts let it.
		why := "whether package " + name + " is installed: it is " + p.Words() + ", and dpkg finishes it if its scripts let it"
		return false, &host.UnknownError{
			What: "whether package " + name + " is installed", Why: "known after apply", AfterApply: true,
			Err: &missingError{thing: "package " + name, why: why, err: errors.New("it is " + p.Words())},
		}
	}
	return p != nil && p.State == host.Installed, err
}
