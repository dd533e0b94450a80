package kind

import (
	"errors"
	"fmt"

	"opsafe/internal/change"
	"opsafe/internal/host"
)

// Taker notes what is adopted. It is the host that is looked at.
type Taker interface {
	host.Reader
	// Take writes an item at a path of the spec, such as users and app; what is written
	// there already gets its fields. From says where it was seen; the value is a
	// spec.Draft, or anything else that can be written as YAML.
	Take(from string, value any, path ...string) error
	// Refer says that the next item names a user and a group, which have to be declared,
	// too, unless every host has them; empty: none.
	Refer(user, group string)
	// Brings says that the next item brings a package, with users and groups of its own.
	Brings(pkg string)
	// Needs lists the users and groups that what was taken names, and neither declares
	// nor brings.
	Needs() (users, groups []string)
	// Beside puts content beside the spec, as a file, and says how the spec names it;
	// secret: not everybody may read it on the host. Empty: contents are to be written
	// in the spec.
	Beside(name string, data []byte, secret bool) string
	// Opens reports whether the content of a file is taken though not everybody may
	// read it.
	Opens(at string) bool
	// Wants reports whether a resource was asked for by its name.
	Wants(id change.ID) bool
	// Notef says what was left out, and why.
	Notef(format string, args ...any)
}

// ErrNoSingle is why one resource of a kind cannot be adopted: a host has one of the
// kind at most.
var ErrNoSingle = errors.New("a host has one at most")

// tooMany is why all resources of a kind cannot be adopted.
func tooMany(kind string) error {
	return fmt.Errorf("a host has too many: say which, as in --only %s/PATH", kind)
}

// OrLeaveOut notes what keeps one of many from being taken: the others are, all the
// same.
func OrLeaveOut(t Taker, what string, err error) {
	if err != nil {
		t.Notef("%s is left out: %v", what, err)
	}
}
