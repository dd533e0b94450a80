package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"opsafe/internal/before"
	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/notes"
)

// Sink is told what happens while it happens, as in package converge.
type Sink interface {
	Begin(ids []change.ID, c change.Change)
	Done(r change.Result)
}

// Options are for Open.
type Options struct {
	Host host.Host
	// Record says who runs what, and from which spec.
	Record Record
	PID    int
	Now    func() time.Time
	// Log passes an event on to the system journal; nil: nobody is told.
	Log func(Event)
	// Resume is the record of an earlier attempt at the same, which is continued:
	// an attempt that changes nothing writes nothing. Nil: this is a run of its own.
	Resume *Record
}

// Book writes the record of a run, and keeps what each step replaces before the step is
// done.
type Book struct {
	o    Options
	rec  *Record
	keep *before.Collector
	next Sink

	mu      sync.Mutex
	now     []change.ID
	notify  []change.Notification
	changed bool
	was     string // the outcome of the attempt that is continued
}

// Open begins the record of a run whose plan is known. When it returns, what the
// plan is going to replace is on disk; it has not been changed yet.
func Open(ctx context.Context, o Options, plan []change.Result) (*Book, error) {
	if o.Resume != nil {
		return resume(ctx, o, plan)
	}
	rec := o.Record
	b := &Book{o: o, rec: &rec, keep: before.NewCollector(o.Host, nil)}
	steps, err := notes.MakeDir(o.Host, notes.History)
	if err = errors.Join(err, converge.Keep(ctx, o.Host, steps...)); err != nil {
		return nil, unrecorded(err)
	}
	all, err := runs(o.Host)
	if err != nil {
		return nil, unrecorded(err)
	}
	rec.Run = 1
	if len(all) > 0 {
		rec.Run = all[len(all)-1] + 1
	}
	rec.Summary = change.Count(plan)
	rec.Started = o.Now()
	b.begin(ctx, plan)
	if err := write(ctx, o.Host, &rec); err != nil {
		return nil, unrecorded(errors.Join(err, b.forget(ctx)))
	}
	// That an old record cannot be removed is no reason to change nothing; Close
	// tries again, and says so.
	_ = trim(ctx, o.Host)
	b.log(b.began())
	return b, nil
}

// begin has the record say what is planned and by whom. It reports whether there is
// anything that has not been kept before.
func (b *Book) begin(ctx context.Context, plan []change.Result) (fresh bool) {
	b.rec.Result, b.rec.Process = Running, processOf(b.o.Host, b.o.PID)
	b.rec.Process.PID = b.o.PID
	for _, r := range plan {
		if r.Status != change.Changed {
			continue
		}
		b.rec.enter(entryOf(r))
		b.now, b.notify = []change.ID{r.ID}, notified(r.Change)
		for _, s := range slices.Concat(r.Change.Steps, r.Change.Finally) {
			fresh = b.collect(ctx, s) || fresh
		}
	}
	return fresh
}

// enter adds an entry, in the place of an earlier one on the same.
func (r *Record) enter(e Entry) {
	if i := slices.IndexFunc(r.Entries, func(x Entry) bool { return x.ID == e.ID }); i >= 0 {
		r.Entries[i] = e
		return
	}
	r.Entries = append(r.Entries, e)
}

// resume goes on with the record of an earlier attempt.
func resume(ctx context.Context, o Options, plan []change.Result) (*Book, error) {
	rec := *o.Resume
	rec.Entries, rec.Kept = slices.Clone(rec.Entries), slices.Clone(rec.Kept)
	taken := make([]before.Image, len(rec.Kept))
	for i, k := range rec.Kept {
		taken[i] = k.Image
	}
	b := &Book{o: o, rec: &rec, keep: before.NewCollector(o.Host, taken)}
	b.was = rec.outcome()
	if !b.begin(ctx, plan) {
		return b, nil
	}
	if err := write(ctx, o.Host, &rec); err != nil {
		return nil, unrecorded(err)
	}
	return b, nil
}

// outcome is what of a record does not change by itself.
func (r *Record) outcome() string {
	same := *r
	same.Ended, same.Process, same.Inventory = time.Time{}, Process{}, nil
	same.Summary.Unchanged, same.Summary.NotApplicable = 0, 0 // of what an attempt has looked at
	data, err := json.Marshal(same)
	if err != nil {
		return ""
	}
	return string(data)
}

// Kept is what can be brought back of what the run is going to change, as far as it is
// known now.
func (b *Book) Kept() []Kept { return b.rec.Kept }

// Lost lists what cannot be brought back, as far as it is known now.
func (b *Book) Lost() []string { return b.rec.Lost() }

// Changed reports whether the run has done anything to the host.
func (b *Book) Changed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// Foresee lists what a record of these changes would not keep, so that undo could not
// bring it back: as Lost says it afterwards.
func Foresee(ctx context.Context, r host.Reader, plan []change.Result) []string {
	c := before.NewCollector(r, nil)
	for _, res := range plan {
		if res.Status != change.Changed {
			continue
		}
		for _, s := range slices.Concat(res.Change.Steps, res.Change.Finally) {
			c.Step(ctx, s)
		}
	}
	var rec Record
	for _, i := range c.Taken {
		rec.Kept = append(rec.Kept, Kept{Image: i})
	}
	return rec.Lost()
}

func unrecorded(err error) error {
	return fmt.Errorf("nothing has been changed: what is going to be replaced could not be recorded, so that it could be brought back: %w", err)
}

// notified lists the units that a change restarts or has restarted: bringing it
// back does so, too.
func notified(c change.Change) []change.Notification {
	out := slices.Clone(c.Notify)
	for _, s := range c.Steps {
		if act, ok := s.(host.ActOnUnit); ok {
			out = append(out, change.Notification{Unit: act.Name, Verb: act.Verb})
		}
	}
	return out
}

// Run is the number of the run.
func (b *Book) Run() int { return b.rec.Run }

// collect keeps what a step replaces, and reports whether there is anything new to
// be written.
func (b *Book) collect(ctx context.Context, s host.Step) bool {
	fresh := b.keep.Step(ctx, s) > 0
	for i, taken := range b.keep.Taken {
		if i < len(b.rec.Kept) {
			b.rec.Kept[i].Image = taken
			continue
		}
		k := Kept{Image: taken, Notify: b.notify}
		if len(b.now) > 0 {
			k.Of = b.now[0]
		}
		b.rec.Kept = append(b.rec.Kept, k)
	}
	if host.RunsDpkg(s) && b.rec.Inventory == nil {
		b.rec.Inventory, fresh = takeInventory(b.o.Host), true
	}
	return fresh
}

// Before returns when what a step is going to replace is on disk. The plan has shown
// most of it; what it could not foresee is written now.
func (b *Book) Before(ctx context.Context, s host.Step) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keep.Lacks(ctx, s) || host.RunsDpkg(s) && b.rec.Inventory == nil {
		if b.collect(ctx, s) {
			if err := write(context.WithoutCancel(ctx), b.o.Host, b.rec); err != nil {
				return fmt.Errorf("cannot record what is replaced, so it has not been: %w", err)
			}
		}
	}
	b.changed = b.changed || !bookkeeping(s)
	return nil
}

// bookkeeping reports whether a step changes nothing but opsafe's own notes.
func bookkeeping(s host.Step) bool {
	switch s.(type) {
	case host.NoteStep, host.TrialStep, host.Probe:
		return true
	default:
		return false
	}
}

// Sink has the book learn what the run is doing, and passes it on.
func (b *Book) Sink(next Sink) Sink {
	b.next = next
	return (*listener)(b)
}

// listener is a Book in its other role.
type listener Book

// Begin remembers which resource the next steps belong to.
func (l *listener) Begin(ids []change.ID, c change.Change) {
	l.mu.Lock()
	l.now, l.notify = ids, notified(c)
	l.mu.Unlock()
	if l.next != nil {
		l.next.Begin(ids, c)
	}
}

// Done tells the system journal of what was changed, and of what failed.
func (l *listener) Done(r change.Result) {
	if r.Status == change.Changed || r.Status == change.Failed {
		b := (*Book)(l)
		b.log(b.happened(r))
	}
	if l.next != nil {
		l.next.Done(r)
	}
}

// Leave has the record name what stays of what the run was meant to end.
func (b *Book) Leave(what string) { b.rec.Left = append(b.rec.Left, what) }

// Close completes the record. A run that has changed nothing leaves none.
func (b *Book) Close(ctx context.Context, results []change.Result, result Result) error {
	ctx = context.WithoutCancel(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	again := b.o.Resume != nil
	if !again {
		b.log(b.ended(result))
	}
	if !b.changed && !again {
		return b.forget(ctx)
	}
	b.rec.Complete(b.o.Host)
	for i := range b.rec.Kept {
		if after, err := before.Again(ctx, b.o.Host, b.rec.Kept[i].Image); err == nil {
			b.rec.Kept[i].After = &after
		}
	}
	if !again {
		b.rec.Entries = nil
	}
	for _, r := range results {
		if r.Status != change.Unchanged && r.Status != change.NotApplicable {
			b.rec.Entries = append(b.rec.Entries, entryOf(r))
		}
	}
	b.rec.Summary = change.Count(results)
	b.rec.Result = result
	if again {
		b.rec.settleEntries()
		if b.rec.outcome() == b.was {
			return nil
		}
		b.log(b.ended(result))
	}
	b.rec.Ended = b.o.Now()
	if err := errors.Join(write(ctx, b.o.Host, b.rec), trim(ctx, b.o.Host)); err != nil {
		return fmt.Errorf("the run is over, but its record could not be completed: %w", err)
	}
	return nil
}

// settleEntries leaves the last word on each thing, and counts them anew.
func (r *Record) settleEntries() {
	all := r.Entries
	r.Entries = nil
	for _, e := range all {
		r.enter(e)
	}
	r.Summary = change.Count(r.Results())
}

// Abandon forgets a run that has not begun after all.
func (b *Book) Abandon(ctx context.Context) error { return b.forget(context.WithoutCancel(ctx)) }

func (b *Book) forget(ctx context.Context) error {
	return converge.RemoveNote(ctx, b.o.Host, fileOf(b.rec.Run))
}
