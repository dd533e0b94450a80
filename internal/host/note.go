package host

import (
	"context"
	"slices"
	"strings"
)

// A Pending is a restart, reload or start that is owed because of a change that has
// been made or is about to be.
type Pending struct {
	// Unit is a unit's name, or that of a container as OwedContainer writes it.
	Unit string `json:"unit"`
	Verb Verb   `json:"verb"`
	Why  string `json:"why"`
	// Container is the id of the one that is ended to be made anew; empty: a start is owed
	// to whichever the service has.
	Container string `json:"container,omitempty"`
	// Undo are files as they were before the changes for which this is owed.
	// They are put back if the unit does not come through it, also by a later
	// run.
	Undo []PriorFile `json:"undo,omitempty"`
}

// owedContainers begins the names of containers to which a start is owed: with its
// slash, no unit is called so.
const owedContainers = "compose/"

// OwedContainer is how the container of a service is named where something is owed
// to it.
func OwedContainer(of ServiceRef) string { return owedContainers + of.String() }

// ContainerOwed is the service of a name of OwedContainer; false: it is a unit's.
func ContainerOwed(unit string) (ServiceRef, bool) {
	name, ok := strings.CutPrefix(unit, owedContainers)
	project, service, _ := strings.Cut(name, "/")
	return ServiceRef{Project: project, Service: service}, ok
}

// OwedTo reports whether the start that is owed to a service is owed to its container, nil
// for none: not to one that was made in the place of the one that was ended, and that
// somebody may have stopped since.
func (p Pending) OwedTo(c *Container) bool {
	return p.Container == "" || c == nil || c.ID == p.Container || c.NeverStarted()
}

// Join is what is owed to a unit when q is owed to it, too, of the same sort: a
// restart includes a reload, and of a file the earlier state counts.
func (p Pending) Join(q Pending) Pending {
	undo := p.Undo
	if p.Verb != Restart && q.Verb == Restart {
		p.Verb, p.Why = q.Verb, q.Why
	}
	for _, f := range q.Undo {
		if !slices.ContainsFunc(undo, func(g PriorFile) bool { return g.Path == f.Path }) {
			undo = append(slices.Clip(undo), f)
		}
	}
	p.Undo = undo
	if p.Container != "" {
		p.Container = q.Container
	}
	return p
}

// PriorFile is a regular file as it was, or that there was none.
type PriorFile struct {
	Path    string `json:"path"`
	Absent  bool   `json:"absent,omitempty"`
	Owner   string `json:"owner,omitempty"`
	Group   string `json:"group,omitempty"`
	Mode    Mode   `json:"mode,omitempty"`
	Content []byte `json:"content,omitempty"`
}

// PutBack is the step that makes the file what it was.
func (f PriorFile) PutBack() Step {
	if f.Absent {
		return RemovePath{Path: f.Path}
	}
	return WriteFile{Path: f.Path, Content: NewContent(f.Content), Owner: f.Owner, Group: f.Group, Access: AccessOf(f.Mode)}
}

// NoteStep is a step on opsafe's own notes.
//
//sumtype:decl
type NoteStep interface {
	Step
	note()
}

// Bookkeeping.
type (
	// Owe records a restart, reload or start durably before the change that
	// causes it is made. A unit is owed at most one restart or reload, and the
	// first includes the second; a start is owed beside it, since either may be
	// done without the other.
	Owe struct{ Pending Pending }
	// Settle forgets what was owed to a unit, after it has been done: the start
	// if Verb is Start, the restart or reload if it is one of these, all if it is
	// empty.
	Settle struct {
		Unit string
		Verb Verb
	}
)

// Settles reports whether the step forgets what is owed.
func (s Settle) Settles(p Pending) bool {
	return s.Unit == p.Unit && (s.Verb == "" || (s.Verb == Start) == (p.Verb == Start))
}

func (Owe) note()    {}
func (Settle) note() {}

func (Owe) touches(context.Context, Reader) []Touch    { return nil }
func (Settle) touches(context.Context, Reader) []Touch { return nil }
