// Package report makes one page of the documents of many hosts: how each of them is,
// what differs from what is declared, the same on many hosts said once, and who may
// do what where. It reads nothing but what it is given.
package report

import (
	"time"

	"opsafe/internal/render"
)

// FormatVersion is the version of the JSON form of a Report. It grows when a field
// changes its meaning or goes.
const FormatVersion = 1

// Report is what is said of many hosts. It is written as JSON as it is, which a later
// report is compared with.
type Report struct {
	FormatVersion int       `json:"format_version"`
	Command       string    `json:"command"`
	Made          time.Time `json:"made"`
	Hosts         []Host    `json:"hosts"`
	Findings      []Finding `json:"findings"`
	Turns         []Turn    `json:"turns"`
	Orphans       []Orphan  `json:"orphans"`
	Access        []Table   `json:"access"`
	Notes         []Note    `json:"notes"`
	Since         *Since    `json:"since,omitempty"`
}

// State is how a host is.
type State string

// The states, the worst first; of an old document nobody knows whether it is still so.
const (
	Failed  State = "failed"
	Drifted State = "drifted"
	Unknown State = "cannot be told"
	Old     State = "old"
	InOrder State = "in order"
)

func states() []State { return []State{Failed, Drifted, Unknown, Old, InOrder} }

// Host is one host.
type Host struct {
	Name    string `json:"name"`
	Backend string `json:"backend,omitempty"`
	State   State  `json:"state"`
	// Was is the state that an old document tells of, Why why nothing better can
	// be said, and Lacks the documents that are not there.
	Was   State    `json:"was,omitempty"`
	Why   []string `json:"why,omitempty"`
	Lacks []string `json:"lacks,omitempty"`
	// Partial says that not all that is declared was looked at, or of when is not known.
	Partial   bool     `json:"partial,omitempty"`
	Documents []Source `json:"documents"`
	// Since is since when it is so, if its status says it.
	Since     *time.Time `json:"since"`
	Changes   int        `json:"changes"`
	Failed    int        `json:"failed"`
	Unknown   int        `json:"unknown"`
	Unchanged int        `json:"unchanged"`
	Orphans   int        `json:"orphans"`
	LastRun   *LastRun   `json:"last_run"`
}

// lacksRun is what a host lacks of which nobody says how it is.
const lacksRun = "status or plan"

// Source is a document that a host is judged by.
type Source struct {
	Kind string    `json:"kind"` // plan, status, access
	File string    `json:"file"`
	Made time.Time `json:"made"`
	Old  bool      `json:"old,omitempty"`
	Spec string    `json:"spec,omitempty"` // the commit of the spec
}

// LastRun is the last run that changed a host.
type LastRun struct {
	Run     int       `json:"run"`
	Command string    `json:"command"`
	By      string    `json:"by"`
	Started time.Time `json:"started"`
	Result  string    `json:"result"`
}

// Finding is a resource of which the same is to be said on some hosts. Where it is
// declared is left out: that differs from backend to backend.
type Finding struct {
	Item render.Item `json:"item"`
	// Since is when the first of their statuses saw it.
	Since *time.Time `json:"since,omitempty"`
	Hosts []string   `json:"hosts"`
}

// Turn is what people gain and lose by manage.
type Turn struct {
	render.TurnDoc
	Hosts []string `json:"hosts"`
}

// Orphan is what no list knows.
type Orphan struct {
	render.OrphanDoc
	Hosts []string `json:"hosts"`
}

// Note is a sentence about hosts.
type Note struct {
	Text  string   `json:"text"`
	Hosts []string `json:"hosts"`
}

// Table is who may do what on hosts on which that is the same.
type Table struct {
	Hosts      []string              `json:"hosts"`
	Asked      []string              `json:"asked,omitempty"`       // the accounts, if not all
	AskedPaths []string              `json:"asked_paths,omitempty"` // the paths, if not those of the spec
	People     []Row                 `json:"people"`
	OpenGroups []render.OpenGroupDoc `json:"open_groups,omitempty"`
}

// Row is what one of them may do.
type Row struct {
	Name  string   `json:"name"`
	Login []string `json:"login"`
	// Root is by what they are root, or may become it.
	Root    []string         `json:"root"`
	Paths   []render.PathDoc `json:"paths,omitempty"`
	Unknown []string         `json:"unknown,omitempty"`
}

// Since is what has changed since an earlier report.
type Since struct {
	Made  time.Time `json:"made"`
	Hosts []Moved   `json:"hosts"`
	// Came and Gone are findings with the hosts on which they were not, or are no
	// more; Unseen are hosts that were not looked at both times, of which nobody
	// knows either.
	Came   []Finding `json:"came"`
	Gone   []Finding `json:"gone"`
	Unseen []string  `json:"unseen,omitempty"`
	// OrphansCame and OrphansGone are the same of what no list knows, on hosts of which
	// there is a status both times.
	OrphansCame []Orphan `json:"orphans_came,omitempty"`
	OrphansGone []Orphan `json:"orphans_gone,omitempty"`
	// Access is what people gained and lost, and by what others get into groups; Uncompared are the hosts of which
	// there is no access document of the same accounts in both.
	Access     []Turn   `json:"access"`
	Uncompared []string `json:"uncompared,omitempty"`
}

// Moved is a host that is in another state; without one it was not, or is not there.
type Moved struct {
	Host string `json:"host"`
	From State  `json:"from,omitempty"`
	To   State  `json:"to,omitempty"`
}
