// Package change is what a plan is made of: the difference between what is
// declared and what is there, as data. Planning, applying, showing and
// recording all consume the same values.
package change

import (
	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// ID names a resource: user/alice, file//etc/profile.
type ID struct{ Kind, Name string }

func (id ID) String() string { return id.Kind + "/" + id.Name }

// Action is what happens to a resource.
type Action string

// The actions.
const (
	Add    Action = "add"
	Modify Action = "change"
	Remove Action = "remove"
	Run    Action = "run" // a restart, reload or start
)

// Change is one resource's difference and how it is made good. The zero Change
// means that there is nothing to do.
type Change struct {
	Action Action
	// Attrs are the attributes that differ, in the order in which they are
	// shown.
	Attrs []Attr
	// Diff is the change of a file's content, if there is one.
	Diff *Diff
	// Why is said where the reason is not obvious.
	Why string
	// Irreversible says what cannot be brought back, if anything.
	Irreversible string
	// Steps make the change, in order.
	Steps []host.Step
	// Revert puts things back when one of Steps or the look afterwards fails. A
	// restart among them is left out as long as none of Steps has touched that
	// unit.
	Revert []host.Step
	// Finally is done in the end, whether Steps succeeded or not.
	Finally []host.Step
	// Notify lists what is owed to units once the change is made.
	Notify []Notification
	// Undo are files as they were before, which are put back if a unit of Notify
	// does not come through what it is told.
	Undo []host.PriorFile
	// Deferred is set when the difference will only be known once an earlier
	// change of the same plan has been made; there are no Steps then. It says
	// why. It never occurs on a real host.
	Deferred string
	// Open is what stays wrong once the steps are done: they are made, and the
	// resource fails all the same.
	Open error
	// Notes are for the operator and change nothing.
	Notes []string
}

// Empty reports whether there is nothing to do.
func (c Change) Empty() bool { return len(c.Steps) == 0 && c.Deferred == "" }

// Notification asks for a unit to be restarted or reloaded.
type Notification struct {
	Unit string
	Verb host.Verb
}

// Attr is one attribute before and after.
type Attr struct {
	Name          string
	Before, After Value
}

// Value is an attribute's value as it is shown and compared.
type Value struct {
	Text string
	Kind ValueKind
}

// ValueKind tells what sort of value a Value is.
type ValueKind string

// The kinds of values.
const (
	Absent     ValueKind = "" // the zero Value: there is none
	Known      ValueKind = "known"
	AfterApply ValueKind = "known after apply"
	Unseen     ValueKind = "unknown"
	Secret     ValueKind = "secret" // Text is a digest
)

// Text is a known value; the empty string means absent.
func Text(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{Kind: Known, Text: s}
}

// Later is a value that is only known after apply.
func Later() Value { return Value{Kind: AfterApply} }

// Diff is the content of a file before and after. Secret content has digests
// only.
type Diff struct {
	Path          string
	Before, After string
	// Binary or secret content is not shown.
	Hidden string // why it is not shown: "secret", "binary"
}

// Status is how it went with a resource.
type Status string

// The statuses of a resource.
const (
	Unchanged     Status = "unchanged"
	Changed       Status = "changed" // made, or in a plan: to be made
	Unknown       Status = "unknown" // not everything could be seen
	NotApplicable Status = "not applicable"
	Failed        Status = "failed"
	Blocked       Status = "blocked" // something that it needs failed
)

// Result is what became of one resource in a run.
type Result struct {
	ID     ID
	Pos    spec.Pos
	Status Status
	Change Change
	// Reason says why a resource does not apply, is unknown or blocked.
	Reason string
	Err    error // of a failed one
	Notes  []string
}

// Summary counts the results of a run.
type Summary struct {
	Add, Change, Remove, Run                  int
	Unchanged, Unknown, NotApplicable, Failed int // Failed counts blocked ones too
}

// Changes is how many changes there are.
func (s Summary) Changes() int { return s.Add + s.Change + s.Remove + s.Run }

// Count adds results to a summary.
func Count(results []Result) Summary {
	var s Summary
	for _, r := range results {
		switch r.Status {
		case Unchanged:
			s.Unchanged++
		case Unknown:
			s.Unknown++
		case NotApplicable:
			s.NotApplicable++
		case Failed, Blocked:
			s.Failed++
		case Changed:
			switch r.Change.Action {
			case Add:
				s.Add++
			case Modify:
				s.Change++
			case Remove:
				s.Remove++
			case Run:
				s.Run++
			}
		}
	}
	return s
}
