package render

import "time"

// HistoryDoc is the JSON form of the runs on a host.
type HistoryDoc struct {
	FormatVersion int      `json:"format_version"`
	Command       string   `json:"command"`
	Host          string   `json:"host"`
	Runs          []RunDoc `json:"runs"` // oldest first
}

// ShownDoc is the JSON form of one run that is over.
type ShownDoc struct {
	FormatVersion int    `json:"format_version"`
	Command       string `json:"command"`
	Host          string `json:"host"`
	Run           RunDoc `json:"run"`
	// Changes is what the run itself wrote; of one that did not end, what was
	// planned for it.
	Changes Document `json:"changes"`
}

// RunDoc is what is kept of a run but for its changes.
type RunDoc struct {
	Run      int        `json:"run"`
	Command  string     `json:"command"`
	Subject  string     `json:"subject,omitempty"`
	Undoes   int        `json:"undoes,omitempty"`
	UndoneBy int        `json:"undone_by,omitempty"`
	By       string     `json:"by"`
	Program  string     `json:"program,omitempty"`
	Backend  string     `json:"backend,omitempty"`
	Dir      string     `json:"dir,omitempty"`
	Commit   string     `json:"commit,omitempty"`
	Dirty    bool       `json:"dirty,omitempty"`
	Digest   string     `json:"digest,omitempty"`
	Started  time.Time  `json:"started"`
	Ended    *time.Time `json:"ended"`
	Result   string     `json:"result"`
	NotKept  []string   `json:"not_kept,omitempty"`
	Partly   []string   `json:"partly,omitempty"`
	Left     []string   `json:"left,omitempty"`
	Summary  SummaryDoc `json:"summary"`
}

// StatusDoc is the JSON form of how a host is.
type StatusDoc struct {
	FormatVersion int          `json:"format_version"`
	Command       string       `json:"command"`
	Backend       string       `json:"backend"`
	Host          string       `json:"host"`
	Made          time.Time    `json:"made"`
	State         string       `json:"state"`
	Since         *time.Time   `json:"since"`
	Drifted       []DriftedDoc `json:"drifted"`
	Orphans       []OrphanDoc  `json:"orphans"`
	LastRun       *RunDoc      `json:"last_run"`
	Plan          Document     `json:"plan"`
}

// DriftedDoc is a resource that is not as declared.
type DriftedDoc struct {
	Kind  string    `json:"kind"`
	Name  string    `json:"name"`
	Since time.Time `json:"since"`
}

// OrphanDoc is something that no list knows.
type OrphanDoc struct {
	Name string `json:"name"` // as prune wants it
	Sort string `json:"sort"`
	What string `json:"what"`
	Way  string `json:"way,omitempty"` // how it is removed, if not by prune
}
