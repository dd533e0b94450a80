package kind

import (
	"errors"
	"fmt"
	"strings"

	"opsafe/internal/host"
)

// awaiter is a host on which packages have been installed in prediction only. What
// they bring is not all known.
type awaiter interface{ Awaited() []string }

// missingError is that something is not there which a package could bring.
type missingError struct {
	thing string
	// why is what is not known, in words; empty: whether the thing is there.
	why string
	err error
}

func (e *missingError) Error() string { return e.err.Error() }

func (e *missingError) Unwrap() error { return e.err }

// missing is the error for a thing without which something cannot be.
func missing(thing, format string, args ...any) error {
	return &missingError{thing: thing, err: fmt.Errorf(format, args...)}
}

// missingPath is missing, if packages ever bring the path.
func missingPath(path, format string, args ...any) error {
	if !packaged(path) {
		return fmt.Errorf(format, args...)
	}
	return missing(path, format, args...)
}

// packaged reports whether a path is where packages and their scripts put things.
// They leave /srv to the host (Filesystem Hierarchy Standard 3.0, 3.17).
func packaged(path string) bool {
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
	case errors.As(err, &m) && m.why != "" && awaited(r, m.thing) != "":
		return m.why
	case m != nil:
		return awaited(r, m.thing)
	}
	return ""
}

// awaited says which packages may bring a thing; empty for none.
func awaited(r host.Reader, thing string) string {
	a, ok := r.(awaiter)
	if !ok {
		return ""
	}
	names := a.Awaited()
	if len(names) == 0 {
		return ""
	}
	const few = 3
	who := strings.Join(names, ", ")
	if len(names) > few {
		who = fmt.Sprintf("%s and %d more packages", strings.Join(names[:few], ", "), len(names)-few)
	}
	return fmt.Sprintf("whether there is %s, which %s may bring: say so under provides of the package", thing, who)
}
