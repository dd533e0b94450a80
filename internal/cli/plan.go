package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/host/overlay"
	"opsafe/internal/render"
)

type planOptions struct {
	options
	exitCode bool
	facts    string
	out      string
}

func newPlan(a *App) *cobra.Command {
	var o planOptions
	c := &cobra.Command{
		Use:   "plan",
		Short: "Say exactly what manage would do",
		Long: `Say exactly what manage would do, and change nothing.

Plan needs no root. What may not be seen without is shown as unknown.

With --out, which needs root, the plan is kept to be carried out as it is by
manage --plan.

With --facts, the plan is the same as on the host where opsafe facts recorded
them; what the record does not cover is unknown.`,
		Example: "  opsafe plan --backend tpp\n  sudo opsafe plan --only user --only key\n  opsafe plan --exit-code --format json\n  opsafe plan --backend tpp --facts facts.json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.plan(c.Context(), o) },
	}
	o.addRepository(c, a)
	o.addSelection(c, a)
	o.addFormat(c)
	o.addFull(c)
	c.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with 0: nothing to do, 2: changes, 1: error, or not everything could be seen")
	c.Flags().StringVar(&o.facts, "facts", "", "plan for the host that opsafe facts recorded in this `FILE`, or for a bare one: none")
	_ = c.MarkFlagFilename("facts", "json")
	c.Flags().StringVar(&o.out, "out", "", "keep the plan in this `FILE`, for manage --plan")
	c.MarkFlagsMutuallyExclusive("facts", "out")
	return c
}

func (a *App) plan(ctx context.Context, o planOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	var err error
	if o.facts != "" {
		if a, err = a.elsewhere(&o); err != nil {
			return err
		}
	}
	var keep *keeper
	if o.out != "" {
		if keep, err = a.keeper(&o.options); err != nil {
			return err
		}
		a = keep.app
	}
	p, err := o.prepare(ctx, a)
	if err != nil {
		return err
	}
	if p.boot != "" && p.boot != p.backend {
		note(a.Err, "this host was bootstrapped as %s; manage would refuse %s", p.boot, p.backend)
	}
	out := a.newOutput("plan", o.options, p.backend, p.facts.Hostname, render.Plan)
	after := overlay.New(a.Host)
	rep := converge.Run(ctx, converge.Options{Host: after, Kinds: p.kinds, Now: a.Now})
	if keep != nil && !rep.Interrupted {
		if err := keep.save(o, p, rep); err != nil {
			return err
		}
	}
	if a.style(a.Out).Width == 0 {
		rep.Took = 0 // a plan is the same wherever it is made, and whenever
	}
	a.summarize(ctx, rep, after, p.declared)
	if err := out.all(rep); err != nil {
		return err
	}
	a.afterwards(p)
	if a.Root && a.record == nil {
		if err := a.unconfirmed(); err != nil {
			note(a.Err, "manage would refuse: %v", err)
		}
	}
	if rep.Summary.Changes() > 0 && a.Root {
		if err := a.guard(ctx, after, wayIn{declared: p.declared}); err != nil {
			return fmt.Errorf("manage would refuse this: %w", err)
		}
	}
	switch {
	case rep.Summary.Failed > 0 || rep.Interrupted:
		return said(exitFailed)
	case !o.exitCode:
		return nil
	case rep.Summary.Unknown > 0:
		return said(exitFailed)
	case rep.Summary.Changes() > 0:
		return said(exitChanges)
	}
	return nil
}

// afterwards says what concerns the host but no resource.
func (a *App) afterwards(p *prepared) {
	for _, h := range p.held() {
		note(a.Err, "%s", h)
	}
	if a.record != nil {
		a.afterRecord()
		return
	}
	if !a.Root {
		fmt.Fprintln(a.Err, "note: run as root to see everything")
	}
}
