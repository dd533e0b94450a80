package converge

import (
	"context"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/kind"
	"opsafe/internal/kinds"
)

// Sink is told what happens while it happens.
type Sink interface {
	// Begin is called before a change is made, or before several of a batch
	// are made in one step.
	Begin(ids []change.ID, c change.Change)
	// Done is called with each result, in the order of the run.
	Done(r change.Result)
}

// Report is what a run found and did.
type Report struct {
	Results []change.Result
	Summary change.Summary
	Took    time.Duration
	// Times are what Took is made of, and of a run that has made its plan itself what
	// that took, too.
	Times Times
	// Interrupted is set when the run was cancelled: the rest was not looked at.
	Interrupted bool
	// Access is who gains and who loses what by it; nil if that has not been
	// worked out. Run does not: it is not about resources.
	Access *change.AccessDiff
	// Unjudged is what a recorded host could not be asked, in words. Run does not
	// know of records.
	Unjudged []string
	// HostNotes say, in words, what concerns the host and no resource: who keeps rights
	// that no list gives, and what the spec has stopped declaring. Run knows of neither.
	HostNotes []string
	// Refused says why whoever carries the plan out would refuse to, a sentence and what
	// belongs to it in lines below; empty: they would not. Run does not find that out.
	Refused string
}

// Converged reports whether everything is in the declared state, as far as the
// run could see.
func (r *Report) Converged() bool {
	return r.Summary.Failed == 0 && r.Summary.Unknown == 0 && !r.Interrupted
}

// Options are for Run.
type Options struct {
	Host host.Host
	// Kinds are in the order in which they take effect, with what they
	// declare.
	Kinds []Kind
	Sink  Sink // may be nil
	// Ahead makes a host that remembers, over another. By it is seen what there is to do
	// next while nothing has been done yet, so that changes can be made together; nil: each
	// is made by itself, as on a host that remembers anyway.
	Ahead func(host.Reader) host.Host
	Now   func() time.Time
	// Approve is asked before each change, if it is there: what it refuses fails,
	// and is not made.
	Approve func(change.Result) error
	// Before is told of each step before it is done, if it is there; when it fails, the
	// step is not done. It keeps what the step replaces.
	Before func(context.Context, host.Step) error
}

// Kind is a kind of resources and what is declared of it.
type Kind struct {
	kind.Kind
	Resources []kind.Resource
}

// Undeclared lists the kinds alone.
func Undeclared() []Kind {
	var out []Kind
	for _, k := range kinds.Table() {
		out = append(out, Kind{Kind: k})
	}
	return out
}

// Declare lists what the input declares, kind by kind.
func Declare(in *kind.Input) []Kind {
	var out []Kind
	for _, k := range kinds.Table() {
		out = append(out, Kind{Kind: k, Resources: k.Declare(in)})
	}
	return mountsFirst(in, out)
}
