// Package deploy brings a commit of a git repository into service on the host, and
// back out of it: releases stand side by side, a link that moves last says which one
// counts, and before anything that cannot be taken back it is written down what is
// being tried, so that whoever comes after a worker that died can finish.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/kind/deployment"
	"opsafe/internal/queue"
)

// Machine is what deploying needs of the host: internal/host/local has it.
type Machine interface {
	Stat(path string) (*host.Node, error)
	ReadFile(path string) ([]byte, error)
	ReadDir(path string) ([]string, error)
	// Changed is when the content of a file was last written.
	Changed(path string) (time.Time, error)
	// RunProgram runs a program to its end, and all that it has started ends with ctx.
	RunProgram(ctx context.Context, p host.Program) (string, error)
	MakeRelease(dir, account string) error
	RemoveRelease(ctx context.Context, dir, account string) error
	// Point, Save and SyncTree last through a power cut once they have returned.
	Point(link, target string) error
	Save(ctx context.Context, at string, data []byte) error
	SyncTree(dir string) error
	ActOn(ctx context.Context, unit string, verb host.Verb) error
	Settled(ctx context.Context, units []string) error
	UnitNow(ctx context.Context, name string) (*host.Unit, error)
	// KeepContainers writes down what there is of compose projects, PutContainersBack has it
	// so again, and says what it has done for that and what could not be done.
	KeepContainers(ctx context.Context, at string, projects []string) error
	PutContainersBack(ctx context.Context, at string, died bool) (host.PutBack, error)
	ForgetContainers(at string) error
	Image(ctx context.Context, ref string) (*host.Image, error)
	RemoveFile(at string) error
}

// How often the worker may die of an entry before that goes aside.
const maxTries = 3

// undoWithin is how long putting back may take besides what health may.
const undoWithin = 5 * time.Minute

// Worker handles what waits in the queue of one deployment.
type Worker struct {
	Machine Machine
	Config  deployment.Config
	Queue   queue.Dir
	Now     func() time.Time
	// Wait waits, and ends with its context.
	Wait func(context.Context, time.Duration) error
	// Say takes a line of what is going on.
	Say func(string)
	// Announce tells whoever watches the commit what comes of it: pending, success or
	// failure. It returns at once. Nil: nobody watches.
	Announce func(revision, state, why string)
	// Manage brings the host to what a release of specs declares, and has health say
	// whether that stays. Nil: there is no such thing.
	Manage func(ctx context.Context, dir string, confirm time.Duration, health func(context.Context) error) error
	// Compose brings compose projects to the images that their registries have now, and
	// notes which ones ran before in place of which; changed says whether any container is
	// another. Once no other run can change the host, it first has keep write down what
	// there is.
	Compose func(ctx context.Context, projects []string, keep func() error) (notes []string, changed bool, err error)
	// Unconfirmed says why no run can change the host, because one waits to be confirmed;
	// nil: none does.
	Unconfirmed func() error
	// Alone waits until no run of opsafe changes the host, and keeps others away.
	Alone func(ctx context.Context) (release func(), err error)

	state State
}

// errEnded says that the worker was told to end, which is no failure of what it tried.
var errEnded = errors.New("the worker was told to end")

// Work handles what is in the queue, and asks the repository if that is empty. An error
// means that the worker could not do its work; what could not be deployed is in the
// state, and is none.
func (w *Worker) Work(ctx context.Context) error {
	state, err := ReadState(w.Machine, w.Config.Name)
	if err != nil {
		return err
	}
	w.state = state
	if err := w.recover(ctx); err != nil {
		return err
	}
	if err := w.takeOver(ctx); err != nil {
		return err
	}
	if err := w.confirmed(ctx); err != nil {
		return err
	}
	todo, err := w.begin(ctx)
	if err != nil {
		return err
	}
	for len(todo) > 0 {
		n := together(todo)
		if err := w.handle(ctx, todo[:n]); err != nil {
			return err
		}
		if w.undeclared() {
			return nil
		}
		todo = todo[n:]
	}
	w.prune(ctx)
	return nil
}

// begin lists what is to be done, and counts a try of each before anything is.
func (w *Worker) begin(ctx context.Context) ([]queue.Entry, error) {
	if err := w.Queue.Sweep(); err != nil {
		w.say("cannot sweep the queue: %v", err)
	}
	entries, bad, err := w.Queue.List()
	if err != nil {
		return nil, w.later(ctx, err)
	}
	for _, b := range bad {
		w.say("put aside: %s", b.Name)
		if err := w.Queue.AsideBad(b); err != nil {
			return nil, w.later(ctx, err)
		}
	}
	if len(entries) == 0 && len(bad) == 0 && w.polls() && !w.justDeclared() {
		e := queue.Entry{What: queue.Poll, Deployment: w.Config.Name, Received: w.Now(), By: "timer"}
		if e.Name, err = w.Queue.Add(e); err != nil {
			return nil, w.later(ctx, err)
		}
		entries = append(entries, e)
	}
	var todo []queue.Entry
	for _, e := range entries {
		if w.state.handled(e.Name) {
			if err := w.Queue.Done(e); err != nil {
				return nil, w.later(ctx, err)
			}
			continue
		}
		if e, err = w.Queue.Begin(e); err != nil {
			return nil, w.later(ctx, err)
		}
		if e.Tries > maxTries {
			if err := w.giveUp(ctx, e); err != nil {
				return nil, err
			}
			continue
		}
		todo = append(todo, e)
	}
	return todo, nil
}

// giveUp puts an entry aside of which the worker has died too often.
func (w *Worker) giveUp(ctx context.Context, e queue.Entry) error {
	reason := fmt.Sprintf("it was begun %d times, and the worker died each time", maxTries)
	w.state.note(Result{What: e.What, Outcome: Failed, Reason: reason, Began: w.Now(), Ended: w.Now(), By: e.By, Entries: []string{e.Name}})
	if err := w.save(ctx); err != nil {
		return w.later(ctx, err)
	}
	return w.Queue.Aside(e, reason)
}

// later waits before the worker ends with an error: systemd starts it again at once as
// long as its queue is not empty.
func (w *Worker) later(ctx context.Context, err error) error {
	const pause = 10 * time.Second
	return errors.Join(err, w.Wait(ctx, pause))
}

// polls reports whether the remote is asked when nobody has asked for anything.
func (w *Worker) polls() bool { return w.Config.Every.Duration > 0 }

// justDeclared reports whether what is declared has just been changed, which deploys
// nothing: a timer that is to go off more often than before goes off at once.
func (w *Worker) justDeclared() bool {
	since, err := w.Machine.Changed(deployment.File(w.Config.Name))
	age := w.Now().Sub(since)
	return err == nil && age >= 0 && age < min(w.Config.Every.Duration, time.Minute)
}

// together counts the entries at the beginning that are handled as one.
func together(entries []queue.Entry) int {
	if alone(entries[0]) {
		return 1
	}
	if n := slices.IndexFunc(entries, alone); n > 0 {
		return n
	}
	return len(entries)
}

// alone reports whether an entry asks for something of its own.
func alone(e queue.Entry) bool {
	return e.What == queue.Rollback || e.What == queue.Deploy && e.Ref != ""
}

// handle does what entries ask for, together.
func (w *Worker) handle(ctx context.Context, entries []queue.Entry) error {
	res := Result{What: entries[len(entries)-1].What, Began: w.Now()}
	for _, e := range entries {
		res.Entries = append(res.Entries, e.Name)
		res.By = e.By
	}
	err := w.try(ctx, entries, &res)
	if ctx.Err() != nil {
		return errors.Join(errEnded, err)
	}
	aside := false
	if errors.As(err, new(*WaitsError)) {
		return w.notYet(ctx, entries, err)
	}
	if err != nil {
		res.Outcome, res.Reason = Failed, err.Error()
		var refused *RefusedError
		if errors.As(err, &refused) {
			res.Outcome = Refused
		}
		aside = errors.As(err, new(*unreachableError))
		w.say("%s: %s", res.Outcome, res.Reason)
	}
	res.Ended = w.Now()
	if w.Announce != nil && res.Revision != "" && res.Outcome != Unchanged {
		state := "success"
		if err != nil {
			state = "failure"
		}
		w.Announce(res.Revision, state, res.short())
	}
	w.state.note(res)
	if err := w.save(ctx); err != nil {
		return w.later(ctx, err)
	}
	if w.undeclared() {
		w.say("what is deployed does not declare this deployment any more")
		return nil
	}
	for _, e := range entries {
		if aside && e.What != queue.Poll {
			err = w.Queue.Aside(e, res.Reason)
		} else {
			err = w.Queue.Done(e)
		}
		if err != nil {
			return w.later(ctx, err)
		}
	}
	return nil
}

// try does what entries ask for, and fills in what came of it.
func (w *Worker) try(parent context.Context, entries []queue.Entry, res *Result) error {
	ctx, cancel := context.WithTimeoutCause(parent, w.Config.Within.Duration, fmt.Errorf("it took longer than %v", w.Config.Within))
	defer cancel()
	last := entries[len(entries)-1]
	asked := slices.ContainsFunc(entries, func(e queue.Entry) bool { return e.What != queue.Poll })
	switch {
	case w.Config.To != "":
		return w.remote(ctx, res)
	case len(w.Config.Compose) > 0:
		return w.compose(ctx, asked, res)
	case last.What == queue.Rollback:
		return w.rollback(ctx, last.Ref, res)
	}
	ref := ""
	if last.What == queue.Deploy {
		ref = last.Ref
	}
	return w.follow(ctx, ref, asked, res)
}

func (w *Worker) say(format string, args ...any) { w.Say(fmt.Sprintf(format, args...)) }

// The paths of a deployment.

func (w *Worker) releasesDir() string           { return path.Join(w.Config.Directory, "releases") }
func (w *Worker) releaseDir(rev string) string  { return path.Join(w.releasesDir(), rev) }
func (w *Worker) repository() string            { return path.Join(w.Config.Directory, "repository") }
func (w *Worker) current() string               { return path.Join(w.Config.Directory, "current") }
func (w *Worker) sharedPath(name string) string { return path.Join(w.Config.Directory, "shared", name) }
