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
	return c
}

func addConfirm(c *cobra.Command, window *time.Duration) {
	c.Flags().DurationVar(window, "confirm", 0, "bring back what could cut you off, unless opsafe confirm follows within this `TIME` (2m)")
}

type manageOptions struct {
	options
	lockOut
	confirm time.Duration
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
	p, err := o.prepare(ctx, a)
	if err != nil {
		return err
	}
	if p.boot != "" && p.boot != p.backend {
		return fmt.Errorf("this host is %s (%s), and %s is asked for: to make it another backend's for good, run: opsafe bootstrap --switch %s", p.boot, backendFile, p.backend, p.backend)
	}
	out := a.newOutput("manage", o.options, p.backend, p.facts.Hostname, render.Apply)
	rep, err := a.converge(ctx, p.kinds, runOptions{
		declared: p.declared, lockOut: o.lockOut, confirm: o.confirm,
		record: recorded{command: "manage", backend: p.backend, dir: p.dir},
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
	// unsummed leaves out who gains and who loses what: whoever is to lose their
	// access may not hinder it by what there is to be looked at for that.
	unsummed bool
}

func (o runOptions) wayIn() wayIn { return wayIn{declared: o.declared, lockOut: o.lockOut} }

// converge plans, and then does what is planned. The plan's run comes first so
// that what nobody has touched costs one look, and so that what came out
// differently from the plan can be said.
func (a *App) converge(ctx context.Context, kinds []converge.Kind, o runOptions, out *output) (*converge.Report, error) {
	after := overlay.New(a.Host)
	plan := converge.Run(ctx, converge.Options{Host: after, Kinds: kinds, Now: a.Now})
	if plan.Summary.Changes() == 0 && !a.owing() {
		return plan, out.all(plan)
	}
	if err := a.guard(ctx, after, o.wayIn()); err != nil {
		return nil, err
	}
	if !o.unsummed {
		if err := a.summarize(ctx, plan, after, o.declared); err != nil {
			return nil, err
		}
	}
	out.access(plan.Access)
	book, err := a.record(ctx, o.record, plan.Results)
	if err != nil {
		return nil, err
	}
	var waiting *confirm.Record
	if o.confirm != 0 {
		if waiting, err = a.arm(ctx, o.record.command, o.confirm, plan.Results); err != nil {
			return nil, errors.Join(err, book.Abandon(ctx))
		}
	}
	rep, failed := a.recordedRun(ctx, book, kinds, plan.Access, out)
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
