// Package change is what a plan is made of: the difference between what is
// declared and what is there, as data. Planning, applying, showing and
// recording all consume the same values.
package change

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"opsafe/internal/host"
	"opsafe/internal/spec"
)

// ID names a resource: user/alice, file//etc/profile.
type ID struct{ Kind, Name string }

// String is the name by which commands are told of it.
func (id ID) String() string { return id.Kind + "/" + id.Name }

// Words names it as people do: user alice, file /etc/profile, the keys of alice.
func (id ID) Words() string {
	if id.Kind == "key" && !strings.ContainsAny(id.Name, "/:") { // neither a file nor a fingerprint
		return "the keys of " + id.Name
	}
	return id.Kind + " " + id.Name
}

// Action is what happens to a resource.
type Action string

// The actions.
const (
	Add    Action = "add"
	Modify Action = "change"
	Remove Action = "remove"
	Run    Action = "run" // a restart, reload or start
)

// Change is the difference between a resource as it is and as it is declared, and
// the steps that remove the difference. The zero Change means that there is nothing
// to do.
type Change struct {
	Action Action
	// Attrs are the attributes that differ, in the order in which they are
	// shown.
	Attrs []Attr
	// Diff is the change of a file's content, if there is one.
	Diff *Diff
	// Why is the reason for the change; empty where it is obvious.
	Why string
	// Irreversible says what undo cannot restore; empty if it can restore all.
	Irreversible string
	// Steps make the change, in order.
	Steps []host.Step
	// PutBack rolls back the files that Steps write or remove, if one of Steps or
	// the check after them fails: each file gets the content that it had before the
	// first step. A file that was written keeps its declared owner and mode.
	PutBack bool
	// Revert are the steps that follow once PutBack has restored the files. A restart
	// among them is left out if no step has touched its unit.
	Revert []host.Step
	// Finally are the steps that come last, whether Steps succeeded or not.
	Finally []host.Step
	// Notify lists the units to restart or reload once the change is made.
	Notify []Notification
	// Undo rolls back the files that Steps write or remove, if a unit of Notify does
	// not run after its restart or reload. That may be in a later run.
	Undo bool
	// Deferred is set when the difference will only be known once an earlier
	// change of the same plan has been made; there are no Steps then. It says
	// why. It never occurs on a real host.
	Deferred string
	// Open is what stays wrong after the steps. The steps are done, and then the
	// resource fails with this error.
	Open error
	// Samples are examples of the paths of a tree whose owner or mode changes: one of
	// each sort.
	Samples []Sample
	// Notes are hints for the operator. They do not affect the run.
	Notes []string
}

// Sample is the first of some paths that a change alters alike.
type Sample struct {
	Path  string
	Count int // of the paths, this one among them
}

// Differ adds an attribute to a change if its two values are not the same.
func (c *Change) Differ(name, before, after string) bool {
	if before == after {
		return false
	}
	c.Attrs = append(c.Attrs, Attr{Name: name, Before: Text(before), After: Text(after)})
	return true
}

// Fresh adds attributes of a thing that is made, in pairs of name and value;
// empty values are left out.
func (c *Change) Fresh(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			c.Attrs = append(c.Attrs, Attr{Name: pairs[i], After: Text(pairs[i+1])})
		}
	}
}

// FreshID adds the number of what is made, which may be known after apply only.
func (c *Change) FreshID(name string, id int) {
	after := Text(strconv.Itoa(id))
	if id == host.UnknownID {
		after = Later()
	}
	c.Attrs = append(c.Attrs, Attr{Name: name, After: after})
}

// Empty reports whether there is nothing to do.
func (c Change) Empty() bool { return len(c.Steps) == 0 && c.Deferred == "" }

// Notification asks for a unit to be restarted or reloaded.
type Notification struct {
	Unit string
	Verb host.Verb
}

// ByHand shows what of a tree is not as it was unpacked, and is to become something
// else: the first few paths, and how many there are besides.
func (c *Change) ByHand(u host.UnpackedTree, after string) {
	for _, p := range u.Changed[:min(len(u.Changed), host.MaxTreeDiffs)] {
		c.Attrs = append(c.Attrs, Attr{Name: "changed", Before: Text(p), After: Text(after)})
	}
	if more := len(u.Changed) + u.More - host.MaxTreeDiffs; more > 0 {
		c.Attrs = append(c.Attrs, Attr{Name: "changed", Before: Text(fmt.Sprintf("and %d more", more)), After: Text(after)})
	}
	if u.More > 0 {
		c.Irreversible = cmp.Or(c.Irreversible, fmt.Sprintf("of what was changed by hand in %s, all but the first %d paths is not kept", u.Path, host.MaxUnpackedNames))
	}
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

// ValueKind says whether there is a value, and whether it is known.
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

// Status is the outcome for one resource.
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

// Result is the outcome for one resource in a run, with its change.
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
