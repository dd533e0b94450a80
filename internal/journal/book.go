package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/host"
	"opsafe/internal/image"
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
}

// Book writes the record of a run: it is the host on which the run is made, and
// keeps what each step replaces before the step is done.
type Book struct {
	host.Host
	o    Options
	rec  *Record
	keep *image.Collector
	next Sink

	mu      sync.Mutex
	now     []change.ID
	notify  []change.Notification
	changed bool
}

// Open begins the record of a run whose plan is known. When it returns, what the
// plan is going to replace is on disk; it has not been changed yet.
func Open(ctx context.Context, o Options, plan []change.Result) (*Book, error) {
	rec := o.Record
	b := &Book{Host: o.Host, o: o, rec: &rec, keep: image.NewCollector(o.Host, nil)}
	if err := makeDir(ctx, o.Host); err != nil {
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
	rec.Started, rec.Result, rec.Process = o.Now(), Running, processOf(o.Host, o.PID)
	rec.Process.PID = o.PID
	for _, r := range plan {
		if r.Status != change.Changed {
			continue
		}
		rec.Entries = append(rec.Entries, entryOf(r))
		b.now, b.notify = []change.ID{r.ID}, notified(r.Change)
		for _, s := range slices.Concat(r.Change.Steps, r.Change.Finally) {
			b.collect(ctx, s)
		}
	}
	if err := write(ctx, o.Host, &rec); err != nil {
		return nil, unrecorded(errors.Join(err, b.forget(ctx)))
	}
	// That an old record cannot be removed is no reason to change nothing; Close
	// tries again, and says so.
	_ = trim(ctx, o.Host)
	b.log(b.began())
	return b, nil
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
	if packages(s) && b.rec.Inventory == nil {
		b.rec.Inventory, fresh = takeInventory(b.Host), true
	}
	return fresh
}

// Do does a step, after what it replaces is on disk. The plan has shown most of
// it; what it could not foresee is written now.
func (b *Book) Do(ctx context.Context, s host.Step) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keep.Lacks(s) || packages(s) && b.rec.Inventory == nil {
		if b.collect(ctx, s) {
			if err := write(context.WithoutCancel(ctx), b.Host, b.rec); err != nil {
				return fmt.Errorf("cannot record what is replaced, so it has not been: %w", err)
			}
		}
	}
	b.changed = b.changed || !bookkeeping(s)
	return b.Host.Do(ctx, s)
}

// bookkeeping reports whether a step changes nothing but opsafe's own notes.
func bookkeeping(s host.Step) bool {
	switch s.(type) {
	case host.Owe, host.Settle, host.Probe:
		return true
	}
	return false
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

// Close completes the record. A run that has changed nothing leaves none.
func (b *Book) Close(ctx context.Context, results []change.Result, result Result) error {
	ctx = context.WithoutCancel(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log(b.ended(result))
	if !b.changed {
		return b.forget(ctx)
	}
	b.rec.Complete(b.Host)
	for i := range b.rec.Kept {
		if after, err := image.Again(ctx, b.Host, b.rec.Kept[i].Image); err == nil {
			b.rec.Kept[i].After = &after
		}
	}
	b.rec.Entries, b.rec.Summary = nil, change.Count(results)
	for _, r := range results {
		if r.Status != change.Unchanged && r.Status != change.NotApplicable {
			b.rec.Entries = append(b.rec.Entries, entryOf(r))
		}
	}
	b.rec.Ended, b.rec.Result = b.o.Now(), result
	if err := errors.Join(write(ctx, b.Host, b.rec), trim(ctx, b.Host)); err != nil {
		return fmt.Errorf("the run is over, but its record could not be completed: %w", err)
	}
	return nil
}

// Abandon forgets a run that has not begun after all.
func (b *Book) Abandon(ctx context.Context) error { return b.forget(context.WithoutCancel(ctx)) }

func (b *Book) forget(ctx context.Context) error {
	return b.Host.Do(ctx, host.RemovePath{Path: fileOf(b.rec.Run)})
}
