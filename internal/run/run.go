// Package run is what a run is: it plans on a host that remembers, refuses what would
// lock every admin out, records what was there before, has the old state come back
// unless somebody confirms, converges, and proves that the host is as it was to be.
//
// Plan and Apply are its two words.
package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/confirm"
	"opsafe/internal/converge"
	"opsafe/internal/facts"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/host/local"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/offboard"
	"opsafe/internal/spec"
)

// Runner is what runs get of the world.
type Runner struct {
	Host host.Host
	// Recorded is set when Host is a recorded one.
	Recorded *snapshot.Reader
	// LastRuns are, by backend, the last runs on a recorded host.
	LastRuns map[string]*facts.LastRun
	// Root reports whether everything may be done, or could be seen by who recorded it.
	Root bool
	Now  func() time.Time
	// By is who has asked for the run, and Program which opsafe makes it.
	By, Program string
	// LockPath and Executable are paths of the real machine.
	LockPath string
	// Patience is how long another run is waited for; 0: a little while.
	Patience   time.Duration
	Executable func() (string, error)
	// Tidy clears away what a dead run left that no change comes across, and says
	// what it has done. Nil: nothing is left.
	Tidy func(context.Context, local.Dead) ([]string, error)
	// Checkout says what is to be known of a repository.
	Checkout func(ctx context.Context, dir string) spec.Checkout
	// Wait waits for so long, or until the context is over.
	Wait func(context.Context, time.Duration) error
	// Log passes events on to the system journal; nil: nobody is told.
	Log func(history.Event)
	// Say says a line of the result, and Note one beside it.
	Say, Note func(text string)
}

func (r *Runner) say(format string, args ...any)  { r.Say(fmt.Sprintf(format, args...)) }
func (r *Runner) note(format string, args ...any) { r.Note(fmt.Sprintf(format, args...)) }

// View shows a run to whoever has asked for it.
type View interface {
	converge.Sink
	// Looks is who is told of the looks of a plan of these kinds; nil: nobody wants to
	// know.
	Looks(kinds []converge.Kind) converge.Sink
	// Refused shows why a plan would not be carried out, before all else; nothing if it
	// would be.
	Refused(why string)
	// Planned is told what there is to do.
	Planned(plan *converge.Report)
	// Access shows who gains and who loses what, before the changes that do it.
	Access(*change.AccessDiff)
	// Close shows what is left to say when the run is over.
	Close(*converge.Report) error
}

// Show shows a run that is over.
func Show(v View, rep *converge.Report) error {
	v.Refused(rep.Refused)
	v.Access(rep.Access)
	for _, res := range rep.Results {
		v.Done(res)
	}
	return v.Close(rep)
}

// Job is what a run is to do, and what it heeds.
type Job struct {
	Kinds []converge.Kind
	WayIn
	// Confirm is how long somebody has to confirm; 0: nothing has to be confirmed.
	Confirm time.Duration
	Record  Record
	// Agree asks whether to carry out a plan, and shows it; an error: no. Nil: nobody has
	// to agree.
	Agree func(context.Context, *Plan) error
	// Notes say what concerns the host, as the run leaves it, and no resource. Nil:
	// nothing.
	Notes func() []string
	// Left looks for what stays of what the run is meant to end. Nil: there is no such
	// thing.
	Left func(context.Context) ([]offboard.Left, error)
	// Kept is the plan of which no more and no less is done; nil: whatever is to be
	// done is done.
	Kept *Kept
}

// Plan is a run on a host that remembers.
type Plan struct {
	*converge.Report
	// After is the host as the plan leaves it.
	After host.Reader
}

// Foresee makes the run on a host that remembers, and no more. The view may be nil.
func (r *Runner) Foresee(ctx context.Context, from host.Reader, kinds []converge.Kind, view View) *Plan {
	after := overlay.New(from)
	o := converge.Options{Host: after, Kinds: kinds, Now: r.Now}
	if view == nil {
		return &Plan{After: after, Report: converge.Run(ctx, o)}
	}
	o.Sink = view.Looks(kinds)
	plan := &Plan{After: after, Report: converge.Run(ctx, o)}
	view.Planned(plan.Report)
	return plan
}

// Plan shows what a job would do. It returns Refused where Apply would refuse it.
func (r *Runner) Plan(ctx context.Context, job Job, view View) (*converge.Report, error) {
	plan := r.Foresee(ctx, r.Host, job.Kinds, view)
	r.Summarize(ctx, plan, job.Declared)
	r.Guard(ctx, plan, job.WayIn, job.Record.Command)
	for _, n := range plan.HostNotes {
		r.note("%s", n)
	}
	if err := Show(view, plan.Report); err != nil {
		return nil, err
	}
	return plan.Report, refused(plan.Report)
}

// Apply plans, and then does what is planned. The plan's run comes first so that what
// nobody has touched costs one look, and so that what came out differently from the
// plan can be said. An error means that the job was refused, or that what it did could
// not be recorded or proved; what failed of it is in the report.
func (r *Runner) Apply(ctx context.Context, job Job, view View) (*converge.Report, error) {
	plan := r.Foresee(ctx, job.Kept.reader(r.Host), job.Kinds, view)
	if err := job.Kept.stale(r.Now(), plan.Report); err != nil {
		return nil, err
	}
	if plan.Summary.Changes() == 0 && !r.owing() {
		plan.HostNotes = job.notes()
		return plan.Report, Show(view, plan.Report)
	}
	ways, err := r.guard(ctx, plan.After, job.WayIn, job.Confirm != 0)
	if err != nil {
		return nil, fmt.Errorf("nothing has been changed: %w", err)
	}
	if job.Record.Command == "manage" {
		r.NoteAgain(plan.Report, "is done again")
	}
	r.Summarize(ctx, plan, job.Declared)
	view.Access(plan.Access)
	if job.Agree != nil {
		if err := job.Agree(ctx, plan); err != nil {
			return nil, fmt.Errorf("nothing has been changed: %w", err)
		}
	}
	book, err := r.open(ctx, job.Record, plan.Results)
	if err != nil {
		return nil, err
	}
	if job.Confirm == 0 && job.Agree == nil { // else it has been said, or what cannot come back by itself is
		r.NoteLost(book.Lost())
	}
	var waiting *confirm.Record
	if job.Confirm != 0 {
		if waiting, err = r.arm(ctx, job, book); err != nil {
			return nil, errors.Join(err, book.Abandon(ctx))
		}
	}
	tried := r.tryBefore(ctx, job.WayIn, ways)
	rep, failed := r.recorded(ctx, book, job, plan.Report, view)
	for _, d := range differences(plan.Report, rep) {
		r.note("%s", d)
	}
	shut := r.prove(ctx, tried, book, waiting)
	if shut == nil && waiting != nil {
		shut = r.await(ctx, waiting, book)
	}
	if err := errors.Join(failed, shut); err != nil {
		return nil, err
	}
	return rep, nil
}

// notes are said of the host as it is now.
func (j Job) notes() []string {
	if j.Notes == nil {
		return nil
	}
	return j.Notes()
}

// owing reports whether an earlier run has left something owed. The plan may have
// nothing to do for it, since the unit does not run any more: then it is still to
// be forgotten.
func (r *Runner) owing() bool {
	pending, err := r.Host.Pending()
	return err == nil && len(pending) > 0
}
