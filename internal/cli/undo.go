package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/journal"
	"opsafe/internal/render"
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
		Args:    cobra.ExactArgs(1),
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

func (a *App) undo(ctx context.Context, word string, o undoOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	if !o.plan {
		if err := a.needRoot("undo"); err != nil {
			return err
		}
		release, err := a.lock(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
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
	kinds := undo.Kinds(a.Host, rec)
	run := runOptions{lockOut: o.lockOut, confirm: o.confirm, record: recorded{command: "undo", undoes: rec.Run, backend: rec.Backend}}
	if o.plan {
		_, err := a.planned(ctx, kinds, run, a.newOutput("undo", o.options, rec.Backend, name, render.Plan))
		return err
	}
	rep, err := a.converge(ctx, kinds, run, a.newOutput("undo", o.options, rec.Backend, name, render.Apply))
	if err == nil && !rep.Converged() {
		err = said(exitFailed)
	}
	return err
}

// undoable finds a run, and refuses one that cannot be undone as things are.
func (a *App) undoable(ctx context.Context, word string, o undoOptions) (*journal.Record, error) {
	h, rec, err := a.findRun(word)
	switch {
	case err != nil:
		return nil, err
	case rec.Result == journal.Running:
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
	changed, err := undo.ChangedSince(ctx, a.Host, rec)
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
