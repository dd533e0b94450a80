package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"opsafe/internal/change"
	"opsafe/internal/confirm"
	"opsafe/internal/converge"
	"opsafe/internal/history"
	"opsafe/internal/undo"
)

// onlyDown reports whether all is back but that units do not run, or owe what the next run
// has them take up.
func (r *Runner) onlyDown(ctx context.Context, rec *confirm.Record) bool {
	h, err := history.Read(r.Host)
	if err != nil {
		return false
	}
	target := h.Find(rec.Run)
	if target == nil {
		return false
	}
	plan := r.Foresee(ctx, r.Host, append(undo.Unjudged(ctx, r.Host, target), standingUnits(rec.Up)), nil)
	return !slices.ContainsFunc(plan.Results, func(res change.Result) bool {
		runs := func(a change.Attr) bool { return a.Name == "running" }
		return res.Status != change.Unchanged && res.Status != change.NotApplicable &&
			(res.Err != nil || res.ID.Kind != "unit" || len(res.Change.Attrs) == 0 || slices.ContainsFunc(res.Change.Attrs, func(a change.Attr) bool { return !runs(a) }))
	})
}

// putBack undoes a run, has units run that ran before it, and leaves a record of a command
// as every run does: one, however often it has to be tried.
func (r *Runner) putBack(ctx context.Context, number int, command string, up []string) error {
	h, err := history.Read(r.Host)
	if err != nil {
		return err
	}
	target := h.Find(number)
	if target == nil {
		if _, err := history.Load(r.Host, number); err != nil {
			return err
		}
		return nil // it has changed nothing
	}
	if target.Ended.IsZero() {
		target.Complete(r.Host)
	}
	o := converge.Options{Host: r.Host, Kinds: append(undo.Unjudged(ctx, r.Host, target), standingUnits(up)), Sink: putBackText{r}, Now: r.Now}
	plan := r.Foresee(ctx, r.Host, o.Kinds, nil)
	if plan.Summary.Changes()+plan.Summary.Failed == 0 && !r.owing() {
		return nil
	}
	what := Record{Command: command, Undoes: target.Run, Backend: target.Backend}
	for _, other := range h.Records {
		if other.Command == what.Command && other.Undoes == what.Undoes && other.Result != history.Succeeded && other.Result != history.Running {
			what.resume = other
		}
	}
	book, err := r.open(ctx, what, plan.Results)
	if err != nil {
		r.note("%v", err)
		// To be let in again counts more than a record of it.
		return failures(converge.Run(ctx, o))
	}
	o.Before, o.Sink = book.Before, book.Sink(o.Sink)
	rep := converge.Run(ctx, o)
	return errors.Join(failures(rep), book.Close(ctx, rep.Results, resultOf(rep)))
}

// failures are the errors of a run.
func failures(rep *converge.Report) error {
	var errs []error
	for _, r := range rep.Results {
		switch {
		case r.Err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", r.ID, r.Err))
		case r.Status == change.Unknown, r.Status == change.Blocked:
			errs = append(errs, fmt.Errorf("%s: %s", r.ID, r.Reason))
		}
	}
	return errors.Join(errs...)
}

// putBackText says what is put back, while it is.
type putBackText struct{ *Runner }

func (p putBackText) Begin([]change.ID, change.Change) {}

func (p putBackText) Done(r change.Result) {
	if r.Status == change.Changed && !r.Change.Empty() {
		p.say("Put back: %s", r.ID)
	}
	for _, n := range r.Notes {
		p.say("Not put back: %s", n)
	}
}
