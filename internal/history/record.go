// Package history keeps a record of every run that changes a host: who ran it and
// when, from which spec, what was there before, what was changed, and what came of
// it. The record is on disk before the first change is made, so that a run which
// is killed can be seen, and undone.
package history

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsafe/internal/before"
	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// format is the version of a record.
const format = 1

// Result is what came of a run.
type Result string

// The results of a run.
const (
	Running     Result = "running"
	Succeeded   Result = "succeeded"
	Failed      Result = "failed"
	Interrupted Result = "interrupted"
	// Incomplete has done all that it was to do, and something stays that it was meant
	// to end: access of somebody whom disable-user has disabled.
	Incomplete Result = "incomplete"
)

// Record is what is kept of a run. It holds what was in files of root's alone, so
// nobody else may read it; what is shown of it comes from its entries.
type Record struct {
	FormatVersion int    `json:"format_version"`
	Run           int    `json:"run"`
	Command       string `json:"command"`           // manage
	Subject       string `json:"subject,omitempty"` // whom disable-user is about, what was pruned
	Undoes        int    `json:"undoes,omitempty"`  // the run that it brings back
	By            string `json:"by"`
	Program       string `json:"program,omitempty"` // which opsafe

	Backend string `json:"backend,omitempty"`
	Spec    Spec   `json:"spec"`

	// Declared is all that the spec declared, as KIND/NAME, if the run was about all
	// of it.
	Declared []string `json:"declared,omitempty"`
	// Former is what specs of earlier runs declared, and this one does not, of what nobody
	// would see else: paths that are there still.
	Former []string `json:"former,omitempty"`

	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"` // zero: it has not
	Result  Result    `json:"result"`
	Process Process   `json:"process"`

	// Left is what of somebody's access stays, or may, each with what takes it away.
	Left []string `json:"left,omitempty"`

	Summary change.Summary `json:"summary"`
	Entries []Entry        `json:"entries"`
	Kept    []Kept         `json:"kept"`
	// Inventory is what was there before packages came or went; it is gone
	// from the record once it is known what they brought.
	Inventory *Inventory `json:"inventory,omitempty"`
}

// Spec is what a run went by.
type Spec struct {
	Dir    string `json:"dir,omitempty"`
	Commit string `json:"commit,omitempty"`
	// Dirty says that files differed from the commit.
	Dirty  bool   `json:"dirty,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// Name is the commit, marked if files differed from it.
func (s Spec) Name() string {
	if s.Dirty {
		return s.Commit + "+dirty"
	}
	return s.Commit
}

// Short is as much of the commit's name as people type.
func (s Spec) Short() string {
	const most = 7
	s.Commit = s.Commit[:min(len(s.Commit), most)]
	return s.Name()
}

// Process tells whether a run is still at work.
type Process struct {
	PID   int    `json:"pid"`
	Start string `json:"start"` // in the kernel's ticks after boot
	Boot  string `json:"boot"`
}

// Entry is what became of one resource; before the run has ended, what was planned
// for it.
type Entry struct {
	ID       change.ID     `json:"id"`
	Pos      spec.Pos      `json:"declared"`
	Status   change.Status `json:"status"`
	Action   change.Action `json:"action,omitempty"`
	Attrs    []change.Attr `json:"attributes,omitempty"`
	Diff     *change.Diff  `json:"diff,omitempty"`
	Why      string        `json:"why,omitempty"`
	Lost     string        `json:"cannot_be_undone,omitempty"`
	Deferred string        `json:"known_after_apply,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Error    string        `json:"error,omitempty"`
	Notes    []string      `json:"notes,omitempty"`
}

// Kept is a thing as it was before the run, and as the run left it.
type Kept struct {
	before.Image
	After  *before.Image         `json:"after,omitempty"` // nil: it is not known
	Of     change.ID             `json:"of"`              // the resource that changed it first
	Notify []change.Notification `json:"notify,omitempty"`
}

// Touched reports whether the run left the thing in another state, or may have.
func (k Kept) Touched() bool { return k.After == nil || !before.Same(k.Image, *k.After) }

// maxDiff is how many bytes of a file's content before and after are kept to be
// shown; images have a room of their own.
const maxDiff = 64 << 10

// entryOf is a result as it is kept.
func entryOf(r change.Result) Entry {
	c := r.Change
	e := Entry{
		ID: r.ID, Pos: r.Pos, Status: r.Status, Action: c.Action, Attrs: c.Attrs, Why: c.Why,
		Lost: c.Irreversible, Deferred: c.Deferred, Reason: r.Reason, Notes: r.Notes,
	}
	if d := c.Diff; d != nil {
		short := *d
		if len(d.Before)+len(d.After) > maxDiff {
			short = change.Diff{Path: d.Path, Hidden: "too long to be kept"}
		}
		e.Diff = &short
	}
	if r.Err != nil {
		e.Error = r.Err.Error()
	}
	return e
}

// Results are the entries as those of a run, to be shown. There are no steps in
// them.
func (r *Record) Results() []change.Result {
	out := make([]change.Result, len(r.Entries))
	for i, e := range r.Entries {
		out[i] = change.Result{
			ID: e.ID, Pos: e.Pos, Status: e.Status, Reason: e.Reason, Notes: e.Notes,
			Change: change.Change{
				Action: e.Action, Attrs: e.Attrs, Diff: e.Diff, Why: e.Why, Irreversible: e.Lost, Deferred: e.Deferred,
			},
		}
		if e.Error != "" {
			out[i].Err = said(e.Error)
		}
	}
	return out
}

// said is an error that has been kept in words.
type said string

func (s said) Error() string { return string(s) }

// Title says in words what was run.
func (r *Record) Title() string {
	switch {
	case r.Undoes != 0:
		return fmt.Sprintf("%s %d", r.Command, r.Undoes)
	case r.Subject != "":
		return r.Command + " " + r.Subject
	}
	return r.Command
}

// Lost lists what of the state before is not kept, with the reason.
func (r *Record) Lost() []string {
	var out []string
	for _, k := range r.Kept {
		if why := k.Lost(); why != "" {
			out = append(out, why)
		}
	}
	return out
}

// Partly lists what a run changed of resources that failed in the end: they count as
// failed, and what was written before is there all the same.
func (r *Record) Partly() []string {
	if r.Ended.IsZero() {
		return nil // how far it got is not known
	}
	var out []string
	for _, k := range r.Kept {
		failed := slices.ContainsFunc(r.Entries, func(e Entry) bool { return e.ID == k.Of && e.Status == change.Failed })
		if failed && k.After != nil && k.Touched() {
			out = append(out, k.String())
		}
	}
	return out
}

// settle finds out whether a run that has not ended is still at work.
func (r *Record) settle(h host.Reader) {
	if r.Result == Running && r.Process != processOf(h, r.Process.PID) {
		r.Result = Interrupted
	}
}

// processOf identifies a process: its number alone comes again.
func processOf(h host.Reader, pid int) Process {
	p := Process{PID: pid}
	if boot, err := h.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		p.Boot = strings.TrimSpace(string(boot))
	}
	stat, err := h.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil || stat == nil {
		return Process{} // it is gone, or cannot be told
	}
	// The name of the program is in parentheses, and may hold any character.
	rest := stat[bytes.LastIndexByte(stat, ')')+1:]
	const startTime = 19 // the 22nd field, counted from the 3rd
	if f := strings.Fields(string(rest)); len(f) > startTime {
		p.Start = f[startTime]
	}
	return p
}

// undone are the runs that have been undone, with the run that did it, as far as
// that has not been undone in its turn.
func undone(records []*Record) map[int]int {
	by := map[int]int{}
	for _, r := range slices.Backward(records) {
		if _, gone := by[r.Run]; r.Undoes != 0 && r.Result == Succeeded && !gone && by[r.Undoes] == 0 {
			by[r.Undoes] = r.Run
		}
	}
	return by
}
