package cli

import (
	"context"
	"errors"
	"os"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/journal"
	"opsafe/internal/spec"
)

// recorded is what the record of a run says of it.
type recorded struct {
	command string
	subject string // whom or what it is about, if not all that is declared
	undoes  int
	backend string
	dir     string // the repository that it goes by; empty for none
}

// record begins the record of a run whose plan is known.
func (a *App) record(ctx context.Context, r recorded, plan []change.Result) (*journal.Book, error) {
	rec := journal.Record{
		Command: r.command, Subject: r.subject, Undoes: r.undoes, By: a.operator(), Program: version(), Backend: r.backend,
	}
	if r.dir != "" {
		rec.Spec = journal.Spec{Dir: r.dir, Commit: spec.Commit(r.dir)}
		// The spec has been read; what its digest is does not decide anything.
		rec.Spec.Digest, _ = spec.Digest(r.dir)
	}
	return journal.Open(ctx, journal.Options{Host: a.Host, Record: rec, PID: os.Getpid(), Now: a.Now, Log: a.Log}, plan)
}

// resultOf is what came of a run.
func resultOf(rep *converge.Report) journal.Result {
	switch {
	case rep.Interrupted:
		return journal.Interrupted
	case rep.Converged():
		return journal.Succeeded
	}
	return journal.Failed
}

// recordedRun makes a run on the host, and completes its record whatever comes of
// it.
func (a *App) recordedRun(ctx context.Context, book *journal.Book, kinds []converge.Kind, access *change.Access, out *output) (*converge.Report, error) {
	rep := converge.Run(ctx, converge.Options{Host: book, Kinds: kinds, Sink: book.Sink(out), Now: a.Now})
	rep.Access = access
	return rep, errors.Join(out.close(rep), book.Close(ctx, rep.Results, resultOf(rep)))
}
