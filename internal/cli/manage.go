package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/confirm"
	"opsafe/internal/converge"
	"opsafe/internal/host/overlay"
	"opsafe/internal/render"
)

func newManage(a *App) *cobra.Command {
	var o manageOptions
	c := &cobra.Command{
		Use:   "manage",
		Short: "Bring this host to its declared state",
		Long: `Bring this host to its declared state: look, compare, change what differs, and
look again. Exits with 0 only if the host is in the declared state in the end.

A failure in one resource stops what needs it, not the rest.

With --plan, just what plan --out has kept is done. If the spec, or anything of
the host that the plan rests on, has moved on, that is named and nothing changed.

Nothing is changed if afterwards nobody whom the spec names could log in with a
key and become root.`,
		Example: "  sudo opsafe manage --backend tpp\n  sudo opsafe manage --only user/alice",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.manage(c.Context(), o) },
	}
	o.addRepository(c, a)
	o.addSelection(c, a)
	o.addFormat(c)
	o.addFull(c)
	o.addLockOut(c)
	addConfirm(c, &o.confirm)
	c.Flags().StringVar(&o.plan, "plan", "", "carry out just what this `FILE` of plan --out holds, if nothing has moved on since")
	return c
}

func addConfirm(c *cobra.Command, window *time.Duration) {
	c.Flags().DurationVar(window, "confirm", 0, "bring back what could cut you off, unless opsafe confirm follows within this `TIME` (2m)")
}

type manageOptions struct {
	options
	lockOut
	confirm time.Duration
	plan    string
}

func (a *App) manage(ctx context.Context, o manageOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	if err := a.needRoot("manage"); err != nil {
		return err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	kept, err := a.readSaved(&o)
	if err != nil {
		return err
	}
	look := a
	if kept != nil {
		if look, err = kept.watch(a, &o.options); err != nil {
			return err
		}
	}
	p, err := o.prepare(ctx, look)
	if err != nil {
		return err
	}
	if kept != nil {
		kept.p = p
	}
	if p.boot != "" && p.boot != p.backend {
		return fmt.Errorf("this host is %s (%s), and %s is asked for: to make it another backend's for good, run: opsafe bootstrap --switch %s", p.boot, backendFile, p.backend, p.backend)
	}
	out := a.newOutput("manage", o.options, p.backend, p.facts.Hostname, render.Apply)
	rep, err := a.converge(ctx, p.kinds, runOptions{
		declared: p.declared, lockOut: o.lockOut, confirm: o.confirm, kept: kept,
		record: recorded{command: "manage", backend: p.backend, dir: p.in.Repo.Dir},
	}, out)
	if err != nil {
		return err
	}
	a.afterwards(p)
	if !rep.Converged() {
		return said(exitFailed)
	}
	return nil
}

// runOptions is what a run that changes the host heeds.
type runOptions struct {
	declared []string // whom the spec names
	lockOut
	confirm time.Duration // 0: nothing has to be confirmed
	record  recorded
	kept    *savedPlan // nil: whatever is to be done is done
}

func (o runOptions) wayIn() wayIn { return wayIn{declared: o.declared, lockOut: o.lockOut} }

// converge plans, and then does what is planned. The plan's run comes first so
// that what nobody has touched costs one look, and so that what came out
// differently from the plan can be said.
func (a *App) converge(ctx context.Context, kinds []converge.Kind, o runOptions, out *output) (*converge.Report, error) {
	if o.confirm != 0 && o.confirm < minWindow {
		return nil, fmt.Errorf("--confirm %v is too short: at least %v", o.confirm, minWindow)
	}
	after := overlay.New(o.kept.reader(a.Host))
	plan := converge.Run(ctx, converge.Options{Host: after, Kinds: kinds, Now: a.Now})
	if err := o.kept.stale(a, plan); err != nil {
		return nil, err
	}
	if plan.Summary.Changes() == 0 && !a.owing() {
		return plan, out.all(plan)
	}
	if err := a.guard(ctx, after, o.wayIn()); err != nil {
		return nil, err
	}
	a.summarize(ctx, plan, after, o.declared)
	out.access(plan.Access)
	book, err := a.openRecord(ctx, o.record, plan.Results)
	if err != nil {
		return nil, err
	}
	var waiting *confirm.Record
	if o.confirm != 0 {
		if waiting, err = a.arm(ctx, o.record.command, o.confirm, plan.Results); err != nil {
			return nil, errors.Join(err, book.Abandon(ctx))
		}
	}
	rep, failed := a.recordedRun(ctx, book, converge.Options{Kinds: kinds, Approve: o.kept.approve()}, plan, out)
	for _, d := range differences(plan, rep) {
		note(a.Err, "%s", d)
	}
	if waiting != nil {
		if err := a.await(ctx, waiting); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(failed, a.proveWayIn(ctx, o.wayIn())); err != nil {
		return nil, err
	}
	return rep, nil
}

// owing reports whether an earlier run has left something owed. The plan may have
// nothing to do for it, since the unit does not run any more: then it is still to
// be forgotten.
func (a *App) owing() bool {
	pending, err := a.Host.Pending()
	return err == nil && len(pending) > 0
}
