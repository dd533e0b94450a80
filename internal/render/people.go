package render

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"opsafe/internal/change"
)

// AccessReport is who may do what on a host.
type AccessReport struct {
	Backend, Host string
	Made          time.Time
	// Now and Then are the same people, in the present state and in the planned
	// one; Planned says whether there is one.
	Now, Then []Person
	Planned   bool
	// Open are the groups that somebody else than root lets others into, now.
	Open   []OpenGroupDoc
	Access *change.AccessDiff // what differs between the two
	// ByPath are the paths that were asked for; Detail is whether people were. Ruled are
	// those of which the spec says who may do what, where none were asked for.
	ByPath []string
	Ruled  []string
	Detail bool
	// Asked are the accounts that were asked for; none: all that matter.
	Asked []string
	// SetByAdmin are those whose password an administrator sets.
	SetByAdmin []string
}

// Person is what one of them may do.
type Person struct {
	Name    string `json:"name"`
	Account bool   `json:"account"`
	// Login is whether somebody can log in as them by ssh, without a password, and
	// get a session; nil if that cannot be told.
	Login    *bool    `json:"login"`
	Why      []string `json:"why_no_login,omitempty"`
	Keys     []KeyDoc `json:"keys,omitempty"`
	Ways     []WayDoc `json:"ways_in,omitempty"`
	Password bool     `json:"login_with_password"`
	// Awaits says that an administrator is to set their password, and none has yet.
	Awaits bool      `json:"password_to_be_set_by_administrator,omitempty"`
	Sudo   SudoDoc   `json:"sudo"`
	Root   []RootDoc `json:"root_by_group,omitempty"`
	Groups []string  `json:"groups,omitempty"`
	// Administers are groups of which they may change the members.
	Administers []RootDoc `json:"administers,omitempty"`
	Paths       []PathDoc `json:"paths,omitempty"`
	Unknown     []string  `json:"unknown,omitempty"`
}

// WayDoc is one thing by which somebody can get in as an account: a line of a key
// file, an authority for certificates, a password.
type WayDoc struct {
	By          string `json:"by"`
	At          string `json:"at,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	// Good says what it is good for. Doubt says why that cannot be told.
	Good  string `json:"good_for,omitempty"`
	Shell bool   `json:"shell"`
	Root  bool   `json:"root_by_socket,omitempty"`
	Doubt string `json:"cannot_be_told,omitempty"`
	// Words say it for people.
	Words string `json:"-"`
}

// KeyDoc is a key that sshd accepts.
type KeyDoc struct {
	Fingerprint string `json:"fingerprint"`
	Comment     string `json:"comment,omitempty"`
}

// SudoDoc is what sudo lets somebody do.
type SudoDoc struct {
	Everything bool     `json:"everything"`
	Free       bool     `json:"without_password"`
	Unset      bool     `json:"password_missing,omitempty"`
	Rules      []string `json:"rules,omitempty"`
	Unsure     bool     `json:"cannot_be_told,omitempty"`
}

// RootDoc is a group, and how its members are root in effect, if they are.
type RootDoc struct {
	Group string `json:"group"`
	Why   string `json:"why,omitempty"`
}

// OpenGroupDoc is a group that others get into by its password, or whom its
// administrators take in.
type OpenGroupDoc struct {
	Group    string   `json:"group"`
	Password bool     `json:"password"`
	Admins   []string `json:"administrators,omitempty"`
	Why      string   `json:"root_by_group,omitempty"`
}

// PathDoc is what somebody may do at a path.
type PathDoc struct {
	Path string   `json:"path"`
	May  []string `json:"may"`
	// Absent says that there is no such path, Unsure that it cannot be told.
	Absent bool `json:"absent,omitempty"`
	Unsure bool `json:"cannot_be_told,omitempty"`
}

// PeopleDoc is the JSON form of an AccessReport.
type PeopleDoc struct {
	FormatVersion int       `json:"format_version"`
	Command       string    `json:"command"`
	Backend       string    `json:"backend,omitempty"`
	Host          string    `json:"host"`
	Made          time.Time `json:"made"`
	Asked         []string  `json:"asked,omitempty"`
	AskedPaths    []string  `json:"asked_paths,omitempty"`
	People        []Person  `json:"people"`
	Planned       []Person  `json:"planned,omitempty"`
	// OpenGroups is as it is now.
	OpenGroups []OpenGroupDoc `json:"open_groups,omitempty"`
	Access     *AccessDoc     `json:"access,omitempty"`
}

// WriteAccessJSON writes the report as one document.
func WriteAccessJSON(out io.Writer, r *AccessReport) error {
	d := PeopleDoc{FormatVersion: FormatVersion, Command: "access", Backend: r.Backend, Host: r.Host, Made: r.Made, Asked: r.Asked, AskedPaths: r.ByPath, People: r.Now, OpenGroups: r.Open}
	if r.Planned {
		d.Planned, d.Access = r.Then, newAccessDoc(r.Access)
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("cannot write the result: %w", err)
	}
	return nil
}

// awaits says that somebody has no password yet who is to have one.
const awaits = "password to be set by an administrator"

// mayColumn is as wide as all that somebody may do.
const mayColumn = len("read, write, enter")

// mostPaths is how many paths are listed where none were asked for.
const mostPaths = 40
