package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/drift"
	"opsafe/internal/render"
)

type pruneOptions struct {
	options
	lockOut
	plan    bool
	confirm time.Duration
}

func newPrune(a *App) *cobra.Command {
	var o pruneOptions
	c := &cobra.Command{
		Use:   "prune NAME...",
		Short: "Remove what is on this host and on no list",
		Long: `Remove what opsafe status lists as being on this host and on no list: by name, and
nothing else. It is planned, guarded and recorded like any other run, so that it
can be undone.`,
		Example: "  sudo opsafe prune sudoers/90-old key/mallory --plan",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.prune(c.Context(), args, o) },
	}
	o.addRepository(c, a)
	o.addFormat(c)
	o.addFull(c)
	o.addLockOut(c)
	c.Flags().BoolVar(&o.plan, "plan", false, "show what would be done, and change nothing")
	addConfirm(c, &o.confirm)
	return c
}

func (a *App) prune(ctx context.Context, names []string, o pruneOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	if !o.plan {
		if err := a.needRoot("prune"); err != nil {
			return err
		}
		release, err := a.lock(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
	p, err := o.prepare(ctx, a)
	if err != nil {
		return err
	}
	found, _, err := drift.Find(ctx, a.Host, p.in)
	if err != nil {
		return err
	}
	orphans, err := pick(found, names)
	if err != nil {
		return err
	}
	kinds := drift.Kinds(p.in, orphans)
	run := runOptions{
		declared: p.declared, lockOut: o.lockOut, confirm: o.confirm,
		record: recorded{command: "prune", subject: strings.Join(names, " "), backend: p.backend, dir: p.in.Repo.Dir},
	}
	if o.plan {
		_, err := a.planned(ctx, kinds, run, a.newOutput("prune", o.options, p.backend, p.facts.Hostname, render.Plan))
		return err
	}
	rep, err := a.converge(ctx, kinds, run, a.newOutput("prune", o.options, p.backend, p.facts.Hostname, render.Apply))
	if err == nil && !rep.Converged() {
		err = said(exitFailed)
	}
	return err
}

// pick finds orphans by name. What is not one of them is not removed.
func pick(found []drift.Orphan, names []string) ([]drift.Orphan, error) {
	all := make([]string, len(found))
	for i, o := range found {
		all[i] = o.String()
	}
	var out []drift.Orphan
	var errs []error
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		i := slices.Index(all, name)
		switch {
		case i >= 0:
			out = append(out, found[i])
		case len(all) == 0:
			errs = append(errs, fmt.Errorf("cannot prune %s: a list knows all that is on this host", name))
		default:
			errs = append(errs, fmt.Errorf("cannot prune %s: it is not here, or a list knows it; the nearest that no list knows is %s; opsafe status names them all", name, nearest(name, all)))
		}
	}
	return out, errors.Join(errs...)
}
