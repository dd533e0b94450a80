package run

import (
	"context"
	"errors"
	"os"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/spec"
)

// Record is what the record of a run says of it.
type Record struct {
	Command string
	Subject string // whom or what it is about, if not all that is declared
	Undoes  int    // the run that it undoes; 0: none
	Backend string
	Dir     string // the repository that it goes by; empty for none
	// Declared is all that the spec declares, if the run is about all of it.
	Declared []string
	// Former is what earlier specs declared, if the run is about all that this one does.
	Former []string
	// resume is an earlier attempt at the same; nil: there is none.
	resume *history.Record
}

// open begins the record of a run whose plan is known.
func (r *Runner) open(ctx context.Context, o Record, plan []change.Result) (*history.Book, error) {
	rec := history.Record{
		Command: o.Command, Subject: o.Subject, Undoes: o.Undoes, By: r.By, Program: r.Program, Backend: o.Backend, Declared: o.Declared, Former: o.Former,
	}
	if o.Dir != "" {
		rec.Spec = history.Spec{Dir: o.Dir, Commit: spec.Commit(o.Dir)}
		rec.Spec.Dirty = rec.Spec.Commit != "" && r.Checkout(ctx, o.Dir).Changed > 0
		// The spec has been read; what its digest is does not decide anything.
		rec.Spec.Digest, _ = spec.Digest(o.Dir)
	}
	return history.Open(ctx, history.Options{Host: r.Host, Record: rec, PID: os.Getpid(), Now: r.Now, Log: r.Log, Resume: o.resume}, plan)
}

// resultOf is what came of a run.
func resultOf(rep *converge.Report) history.Result {
	switch {
	case rep.Interrupted:
		return history.Interrupted
	case rep.Converged():
		return history.Succeeded
	}
	return history.Failed
}

// recorded makes a run on the host, and completes its record whatever comes of it. Of
// the plan it takes over who gains and who loses what, and what time it took.
func (r *Runner) recorded(ctx context.Context, book *history.Book, job Job, plan *converge.Report, view View) (*converge.Report, error) {
	rep := converge.Run(ctx, converge.Options{
		Host: r.Host, Kinds: job.Kinds, Before: book.Before, Sink: book.Sink(view), Approve: job.approve(plan), Now: r.Now,
		Ahead: func(on host.Reader) host.Host { return overlay.New(on) },
	})
	rep.Access, rep.HostNotes, rep.Times = plan.Access, job.notes(), rep.Times.With(plan.Times...)
	result, err := resultOf(rep), error(nil)
	if job.Left != nil {
		result, err = leave(ctx, book, job, result)
	}
	return rep, errors.Join(err, view.Close(rep), book.Close(ctx, rep.Results, result))
}

// leave records what stays of what a run was meant to end, without which it has not
// succeeded.
func leave(ctx context.Context, book *history.Book, job Job, result history.Result) (history.Result, error) {
	left, err := job.Left(ctx)
	for _, l := range left {
		book.Leave(l.What + ": " + l.Way)
		if !l.Doubt && result == history.Succeeded {
			result = history.Incomplete
		}
	}
	return result, err
}
