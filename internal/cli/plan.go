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
}

func newPlan(a *App) *cobra.Command {
	var o planOptions
	c := &cobra.Command{
		Use:   "plan",
		Short: "Say exactly what manage would do",
		Long: `Say exactly what manage would do, and change nothing.

Plan needs no root. What may not be seen without is shown as unknown.`,
		Example: "  opsafe plan --backend tpp\n  sudo opsafe plan --only user --only key\n  opsafe plan --exit-code --format json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.plan(c.Context(), o) },
	}
	o.addRepository(c, a)
	o.addSelection(c, a)
	o.addFormat(c)
	o.addFull(c)
	c.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with 0: nothing to do, 2: changes, 1: error, or not everything could be seen")
	return c
}

func (a *App) plan(ctx context.Context, o planOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
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
	if err := a.summarize(ctx, rep, after, p.declared); err != nil {
		return err
	}
	if err := out.all(rep); err != nil {
		return err
	}
	a.afterwards(p)
	if err := a.unconfirmed(); a.Root && err != nil {
		note(a.Err, "manage would refuse: %v", err)
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
	if !a.Root {
		fmt.Fprintln(a.Err, "note: run as root to see everything")
	}
}
