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
	"opsafe/internal/run"
	"opsafe/internal/words"
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
	release, err := a.hold(ctx, "prune", mode(o.plan))
	if err != nil {
		return err
	}
	defer release()
	p, err := o.prepare(ctx, a)
	if err != nil {
		return err
	}
	found, _, err := drift.Find(ctx, a.Host, p.in, a.Now())
	if err != nil {
		return err
	}
	orphans, err := pick(found, names)
	if err != nil {
		return err
	}
	_, err = a.do(ctx, run.Job{
		Kinds: drift.Kinds(p.in, orphans), WayIn: run.WayIn{Declared: p.declared, MayClose: o.allowed}, Confirm: o.confirm,
		Record: run.Record{Command: "prune", Subject: strings.Join(names, " "), Backend: p.backend, Dir: p.in.Repo.Dir},
	}, a.newOutput("prune", o.options, p.backend, p.facts.Hostname, mode(o.plan)))
	return err
}

// pick finds orphans by name. What is not one of them is not removed.
func pick(found []drift.Orphan, names []string) ([]drift.Orphan, error) {
	all := make([]string, len(found))
	for i, o := range found {
		all[i] = o.String()
	}
	prunable := []string{}
	for _, o := range found {
		if o.Way == "" {
			prunable = append(prunable, o.String())
		}
	}
	var out []drift.Orphan
	var errs []error
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		i := slices.Index(all, name)
		switch {
		case i >= 0 && found[i].Way != "":
			errs = append(errs, fmt.Errorf("prune cannot remove %s (%s): %s", name, found[i].What, found[i].Way))
		case i >= 0:
			out = append(out, found[i])
		case len(prunable) == 0:
			errs = append(errs, fmt.Errorf("cannot prune %s: a list knows all that is on this host", name))
		default:
			errs = append(errs, fmt.Errorf("cannot prune %s: it is not here, or a list knows it; the nearest that no list knows is %s; opsafe status names them all", name, words.Nearest(name, slices.Values(prunable))))
		}
	}
	return out, errors.Join(errs...)
}
