package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/history"
	"opsafe/internal/run"
	"opsafe/internal/spec"
	"opsafe/internal/undo"
)

type undoOptions struct {
	options
	lockOut
	plan      bool
	overwrite bool
	confirm   time.Duration
}

func newUndo(a *App) *cobra.Command {
	var o undoOptions
	c := &cobra.Command{
		Use:   "undo RUN",
		Short: "Bring back what was there before a run",
		Long: `Bring back what was there before a run, as opsafe history numbers them: planned,
guarded and recorded like any other run, so that an undo can be undone, too.

What cannot come back is said, and the rest comes back all the same. It is refused
when a later run has built upon what the run left: that has to be undone first;
and when somebody has changed it by hand since, unless that may be overwritten.

The spec still declares what it declares: unless that is changed, too, the next
manage makes the changes again.`,
		Example: "  sudo opsafe undo 17 --plan\n  sudo opsafe undo 17 --confirm 2m",
		Args:    a.oneRun("sudo opsafe undo %d --plan says what would come back"),
		RunE:    func(c *cobra.Command, args []string) error { return a.undo(c.Context(), args[0], o) },
	}
	o.addFormat(c)
	o.addFull(c)
	o.addLockOut(c)
	c.Flags().BoolVar(&o.plan, "plan", false, "show what would be done, and change nothing")
	c.Flags().BoolVar(&o.overwrite, "overwrite", false, "bring back also what somebody has changed by hand since")
	addConfirm(c, &o.confirm)
	c.ValidArgsFunction = a.completeRuns
	return c
}

// oneRun wants the number of one run. Who gives none is told which is the last, and how
// to go on.
func (a *App) oneRun(goOn string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		const want = "which run? opsafe history lists them"
		switch {
		case len(args) == 1:
			return nil
		case len(args) > 1 || a.Host == nil: // the command line alone is looked at
			return errors.New(want)
		}
		h, err := a.readHistory()
		if err != nil || h.Last() == nil {
			return errors.New(want)
		}
		last := h.Last()
		return fmt.Errorf("%s; the last is %d, %s by %s, %s: %s", want, last.Run, last.Title(), last.By, clock(last.Started), fmt.Sprintf(goOn, last.Run))
	}
}

func (a *App) undo(ctx context.Context, word string, o undoOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	release, err := a.hold(ctx, "undo", mode(o.plan))
	if err != nil {
		return err
	}
	defer release()
	rec, err := a.undoable(ctx, word, o)
	if err != nil {
		return err
	}
	name, err := a.hostname()
	if err != nil {
		return err
	}
	for _, lost := range rec.Lost() {
		note(a.Err, "not kept, so it cannot come back if it has been changed: %s", lost)
	}
	rep, err := a.do(ctx, run.Job{
		Kinds: undo.Kinds(ctx, a.Host, rec), WayIn: run.WayIn{MayClose: o.allowed}, Confirm: o.confirm,
		Record: run.Record{Command: "undo", Undoes: rec.Run, Backend: rec.Backend},
	}, a.newOutput("undo", o.options, rec.Backend, name, mode(o.plan)))
	if rep != nil && !o.plan && rec.Command == "manage" {
		a.sayStillDeclared(rec)
	}
	return err
}

// sayStillDeclared says what an undo does not change.
func (a *App) sayStillDeclared(rec *history.Record) {
	if now, err := spec.Digest(rec.Spec.Dir); err == nil && now == rec.Spec.Digest {
		note(a.Err, "the spec in %s still declares what run %d did: the next manage does it again", rec.Spec.Dir, rec.Run)
		return
	}
	note(a.Err, "what the spec still declares of what run %d did, the next manage does again", rec.Run)
}

// undoable finds a run, and refuses one that cannot be undone as things are.
func (a *App) undoable(ctx context.Context, word string, o undoOptions) (*history.Record, error) {
	h, rec, err := a.findRun(word)
	switch {
	case err != nil:
		return nil, err
	case rec.Result == history.Running:
		return nil, fmt.Errorf("run %d is still at work: wait for it to end", rec.Run)
	case h.By[rec.Run] != 0:
		by := h.By[rec.Run]
		return nil, fmt.Errorf("run %d has been undone already, by run %d: to have its changes again, undo that: opsafe undo %d", rec.Run, by, by)
	}
	if later := undo.Later(a.Host, h, rec); len(later) > 0 {
		return nil, fmt.Errorf("later runs have built upon what run %d left: undo them first, in this order: %s", rec.Run, undo.Runs(later))
	}
	if rec.Ended.IsZero() {
		note(a.Err, "run %d did not end: what somebody has changed by hand since cannot be told from what it did", rec.Run)
		rec.Complete(a.Host)
	}
	for _, l := range undo.Begun(h, rec) {
		note(a.Err, "run %d has begun to undo it, and did not end: what it did counts as undone", l.Run)
	}
	changed, err := undo.ChangedSince(ctx, a.Host, h, rec)
	if err != nil || len(changed) == 0 {
		return rec, err
	}
	list := strings.Join(changed, "\n  ")
	if !o.overwrite {
		return nil, errors.New("nothing has been changed: this is not as run " + word + " left it, somebody has changed it since:\n  " + list + "\nto bring it back all the same: --overwrite")
	}
	note(a.Err, "what somebody has changed since is overwritten:\n  %s", list)
	return rec, nil
}
