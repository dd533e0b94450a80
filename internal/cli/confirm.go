package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/change"
	"opsafe/internal/confirm"
	"opsafe/internal/host/local"
	"opsafe/internal/journal"
)

// minWindow is the shortest time to confirm: less than it takes to open a second
// session is a mistake.
const minWindow = 5 * time.Second

func newConfirm(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "confirm",
		Short: "Keep what manage --confirm has changed",
		Long: `Keep what manage --confirm has changed: without this, the old state comes back when
the time is over. Run it from a new session: that is what proves that you can
still get in.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.confirm(c.Context()) },
	}
}

func newRevert(a *App) *cobra.Command {
	var due bool
	c := &cobra.Command{
		Use:   "revert",
		Short: "Bring back now what manage --confirm has changed",
		Long: `Bring back what manage --confirm has changed and nobody has confirmed, without
waiting for the time to be over.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.revert(c.Context(), due) },
	}
	c.Flags().BoolVar(&due, "if-due", false, "only when the time to confirm is over")
	_ = c.Flags().MarkHidden("if-due") // it is for the timer
	return c
}

func (a *App) confirm(ctx context.Context) error {
	if err := a.needRoot("confirm"); err != nil {
		return err
	}
	lock, err := local.TakeLock(a.LockPath)
	if err != nil {
		return err
	}
	defer lock.Release()
	rec, err := confirm.Read(a.Host)
	if err != nil {
		return err
	}
	if rec == nil {
		return errors.New("nothing waits to be confirmed: either it has been already, or the time was over and the old state is back")
	}
	if err := confirm.Disarm(ctx, a.Host); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "Confirmed: what %s changed %s stays.\n", rec.By, ago(a.Now().Sub(rec.Since)))
	return nil
}

func (a *App) revert(ctx context.Context, ifDue bool) error {
	if err := a.needRoot("revert"); err != nil {
		return err
	}
	lock, err := local.TakeLock(a.LockPath)
	if err != nil {
		return err
	}
	defer lock.Release()
	rec, err := confirm.Read(a.Host)
	switch {
	case err != nil:
		return err
	case rec == nil && ifDue:
		return nil
	case rec == nil:
		return errors.New("nothing waits to be confirmed: there is nothing to bring back")
	}
	if ifDue {
		if due, err := rec.Due(a.Host); err != nil || !due {
			return err
		}
	}
	// Putting back half of it would be worse than either state.
	ctx = context.WithoutCancel(ctx)
	if err := a.putBack(ctx, rec); err != nil {
		return fmt.Errorf("not everything could be put back; it is tried again: %w", err)
	}
	if err := confirm.Disarm(ctx, a.Host); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "The state before the run of %s, %s, is back: nobody confirmed it.\n", rec.By, ago(a.Now().Sub(rec.Since)))
	return nil
}

// putBack brings the old state back, and leaves a record as every run does.
func (a *App) putBack(ctx context.Context, rec *confirm.Record) error {
	book, err := a.openRecord(ctx, recorded{command: "revert"}, nil)
	if err != nil {
		note(a.Err, "%v", err)
		// To be let in again counts more than a record of it.
		_, err = confirm.Revert(ctx, a.Host, rec, putBackText{a})
		return err
	}
	back, err := confirm.Revert(ctx, book, rec, book.Sink(putBackText{a}))
	result := journal.Succeeded
	if err != nil {
		result = journal.Failed
	}
	return errors.Join(err, book.Close(ctx, back, result))
}

// putBackText says what is put back, while it is.
type putBackText struct{ app *App }

func (p putBackText) Begin([]change.ID, change.Change) {}

func (p putBackText) Done(r change.Result) {
	if r.Status == change.Changed && !r.Change.Empty() {
		fmt.Fprintf(p.app.Out, "Put back: %s\n", r.ID)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(p.app.Out, "Not put back: %s\n", n)
	}
}

// unconfirmed refuses to change a host on which changes wait to be confirmed:
// what would be put back would no longer be what was there.
func (a *App) unconfirmed() error {
	rec, err := confirm.Read(a.Host)
	if err != nil || rec == nil {
		return err
	}
	return fmt.Errorf("what %s changed %s waits to be confirmed: keep it with opsafe confirm, or bring the old state back with opsafe revert", rec.By, ago(a.Now().Sub(rec.Since)))
}

// arm has what a plan replaces come back by itself. It returns nil if the plan
// has nothing that could cut somebody off.
func (a *App) arm(ctx context.Context, command string, window time.Duration, plan []change.Result) (*confirm.Record, error) {
	undo, lost, err := confirm.Collect(ctx, a.Host, plan)
	if err != nil {
		return nil, err
	}
	for _, what := range lost {
		note(a.Err, "what cannot come back by itself: %s", what)
	}
	if len(undo) == 0 {
		note(a.Err, "nothing that could cut you off is changed: there is nothing to confirm")
		return nil, nil
	}
	program, err := a.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find opsafe's own program: %w", err)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("cannot copy opsafe's own program: %w", err)
	}
	rec := &confirm.Record{By: a.operator(), Command: command, Since: a.Now(), Window: window, Undo: undo}
	if err := confirm.Arm(ctx, a.Host, rec, binary); err != nil {
		return nil, errors.Join(err, confirm.Disarm(context.WithoutCancel(ctx), a.Host))
	}
	return rec, nil
}

// await gives the operator the whole window from the end of the run.
func (a *App) await(ctx context.Context, rec *confirm.Record) error {
	if err := confirm.Rearm(context.WithoutCancel(ctx), a.Host, rec); err != nil {
		return err
	}
	names := make([]string, len(rec.Undo))
	for i, u := range rec.Undo {
		names[i] = u.String()
	}
	note(a.Err, "open a new session and run there, within %v: sudo opsafe confirm", rec.Window)
	note(a.Err, "otherwise this comes back by itself, also after a reboot: %s", strings.Join(names, ", "))
	return nil
}

func ago(d time.Duration) string { return d.Round(time.Second).String() + " ago" }
