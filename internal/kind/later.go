package kind

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/debian"
	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// awaiter is a host on which packages have been installed in prediction only. What
// they bring is not all known.
type awaiter interface{ Awaited() []string }

// missingError is that something is not there which a package could bring.
type missingError struct {
	thing string
	// unpackaged is set where no package ever brings it.
	unpackaged bool
	// why is what is not known, in words; empty: whether the thing is there.
	why string
	err error
}

func (e *missingError) Error() string { return e.err.Error() }

func (e *missingError) Unwrap() error { return e.err }

// Missing is the error for a thing without which something cannot be.
func Missing(thing, format string, args ...any) error {
	return &missingError{thing: thing, err: fmt.Errorf(format, args...)}
}

// MissingPath is missing, of a path.
func MissingPath(path, format string, args ...any) error {
	return &missingError{thing: path, unpackaged: !Packaged(path), err: fmt.Errorf(format, args...)}
}

// Packaged reports whether a path is where packages and their scripts put things.
// They leave /srv to the host (Filesystem Hierarchy Standard 3.0, 3.17).
func Packaged(path string) bool {
	if path == "/usr/local" || strings.HasPrefix(path, "/usr/local/") {
		return false
	}
	for _, top := range []string{"/etc", "/usr", "/var", "/opt", "/lib", "/bin", "/sbin", "/boot", "/run"} {
		if strings.HasPrefix(path, top+"/") {
			return true
		}
	}
	return false
}

// Later reports why something cannot be told before the packages that a plan
// installs are there: empty if it is not their doing.
func Later(r host.Reader, err error) string {
	var m *missingError
	var u *host.UnknownError
	switch {
	case errors.As(err, &u) && (!u.AfterApply || u.Err == nil || !errors.As(u.Err, &m)):
		return ""
	case errors.As(err, &m) && !m.unpackaged && m.why != "" && awaited(r, m.thing) != "":
		return m.why
	case m != nil && !m.unpackaged:
		return awaited(r, m.thing)
	}
	return ""
}

// toCome are the packages whose installation is predicted.
func toCome(r host.Reader) []string {
	if a, ok := r.(awaiter); ok {
		return a.Awaited()
	}
	return nil
}

// bringers are the packages to come that may bring a path by their name, as
// exim4-daemon-light may /etc/default/exim4: what a package's own files are called is custom,
// and the lists of packages that are not there are not to be had. With anywhere, a
// directory on the way that is called so counts, too.
func bringers(r host.Reader, at string, anywhere bool) ([]string, error) {
	if !Packaged(at) || ours(at) {
		return nil, nil
	}
	parts := strings.Split(at, "/")
	if !anywhere {
		parts = parts[len(parts)-1:]
	}
	var out []string
	for _, name := range toCome(r) {
		for _, part := range parts {
			is, err := namedFor(r, part, name)
			if err != nil {
				return nil, err
			}
			if is {
				out = append(out, name)
				break
			}
		}
	}
	return out, nil
}

// ours reports whether a path is where packages put nothing: the administrator's units,
// and opsafe's own notes.
func ours(at string) bool {
	return strings.HasPrefix(at, debian.UnitDir+"/") || strings.HasPrefix(at, notes.Dir+"/")
}

// namedFor reports whether a part of a path is called as a package is, as 7zip.conf,
// 50unattended-upgrades, and exim4 for exim4-daemon-light.
func namedFor(r host.Reader, part, name string) (bool, error) {
	for _, stem := range []string{part, strings.TrimLeft(part, "0123456789-")} {
		stem, _, _ = strings.Cut(stem, ".")
		if stem == "" {
			continue
		}
		if stem == name {
			return true, nil
		}
		if rest, ok := strings.CutPrefix(name, stem); !ok || rest[0] != '-' && rest[0] != '.' {
			continue
		}
		// Not if the name is that of another package: /etc/apt is not apt-utils'.
		if p, err := r.Package(stem); err != nil || p == nil || p.State != host.Installed {
			return err == nil, err
		}
	}
	return false, nil
}

// goneAlready is what there is to do for a path that is to be absent, and is: nothing,
// unless a package to come may bring it.
func goneAlready(r host.Reader, at string) (change.Change, error) {
	names, err := bringers(r, at, true)
	if err != nil || ours(at) {
		return change.Change{}, err
	}
	if len(names) == 0 {
		// In a directory that nobody has made, only a package can bring anything.
		n, err := r.Stat(path.Dir(at))
		if err != nil || n != nil || !Packaged(at) {
			return change.Change{}, err
		}
		names = toCome(r)
	}
	if len(names) == 0 {
		return change.Change{}, nil
	}
	return change.Change{Action: change.Remove, Deferred: "removed if it comes with " + someOf(names)}, nil
}

// maybeBrought says of a path that is missing, and is to be made, that a package to come
// may bring it: then no more is known of it than what is declared.
func maybeBrought(r host.Reader, at string, own ownership, c *change.Change) (bool, error) {
	names, err := bringers(r, at, false)
	if len(names) == 0 || err != nil {
		return false, err
	}
	c.Action, c.Attrs, c.Diff = change.Modify, nil, nil
	c.Deferred = "changed if it comes with " + someOf(names) + ", else added"
	laterAs(c, "owner", own.owner)
	laterAs(c, "group", own.group)
	if own.mode != nil {
		laterAs(c, "mode", own.mode.String())
	}
	return true, nil
}

// laterAs adds what something is to be, empty for unmanaged, whatever it will be then.
func laterAs(c *change.Change, name, want string) {
	if want != "" {
		c.Attrs = append(c.Attrs, change.Attr{Name: name, Before: change.Later(), After: change.Text(want)})
	}
}

// someOf names a few packages.
func someOf(names []string) string {
	const few = 3
	if len(names) > few {
		return fmt.Sprintf("%s and %d more packages", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

// awaited says which packages may bring a thing; empty for none.
func awaited(r host.Reader, thing string) string {
	names := toCome(r)
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("whether there is %s, which %s may bring: say so under provides of the package", thing, someOf(names))
}
