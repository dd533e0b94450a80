package cli

import (
	"context"
	"fmt"

	"opsafe/internal/run"

	"opsafe/internal/host/local"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/drift"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/render"
	"opsafe/internal/saved"
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
		Use:        "plan",
		Short:      "Say exactly what manage would do",
		SuggestFor: []string{"apply", "check", "diff", "dry-run", "preview", "test", "simulate"},
		Long: `Say exactly what manage would do, and change nothing.

Plan needs no root. What may not be seen without is shown as unknown.

With --out, which needs root, the plan is kept to be carried out as it is by
manage --plan.

With --facts, the plan is the same as on the host where opsafe facts recorded
them; what the record does not cover is unknown.`,
		Example: "  opsafe plan --backend tpp\n  sudo opsafe plan --only user --only key\n  opsafe plan --exit-code --format json\n  opsafe plan --backend tpp --facts facts.json",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.plan(c.Context(), o) },
	}
	o.addRepository(c, a)
	o.addSelection(c, a)
	o.addFormat(c)
	o.addFull(c)
	o.addTimings(c)
	o.addRoot(c)
	c.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with 0: nothing to do, 2: changes, 1: error, or not everything could be seen")
	c.Flags().StringVar(&o.facts, "facts", "", "plan for the host that opsafe facts recorded in this `FILE`, or for a bare one: none")
	_ = c.MarkFlagFilename("facts", "json")
	c.Flags().StringVar(&o.out, "out", "", "keep the plan in this `FILE`, for manage --plan")
	c.Flags().BoolVar(&o.registries, "registries", false, "ask registries whether they have another image, as manage does for compose projects with pull: always")
	c.MarkFlagsMutuallyExclusive("facts", "out")
	c.MarkFlagsMutuallyExclusive("root", "facts")
	c.MarkFlagsMutuallyExclusive("root", "out")
	c.MarkFlagsMutuallyExclusive("facts", "registries")
	return c
}

func (a *App) plan(ctx context.Context, o planOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	if o.root != "" && a.Tree == "" {
		return a.within(ctx, o.options, "plan")
	}
	var err error
	if o.facts != "" {
		if a, err = a.elsewhere(&o); err != nil {
			return err
		}
	}
	var watched *run.Watched
	if o.out != "" {
		if a, watched, err = a.watched(&o.options); err != nil {
			return err
		}
		if local.IsStdout(o.out) {
			a.Out = a.Err
		}
	}
	p, err := o.prepare(ctx, a)
	if err != nil {
		return err
	}
	if p.boot != "" && p.boot != p.backend {
		note(a.Err, "this host was bootstrapped as %s; manage would refuse %s", p.boot, p.backend)
	}
	out := a.newOutput("plan", o.options, p.backend, p.facts.Hostname, render.Plan)
	out.goesBy(ctx, p.in.Repo.Dir)
	out.reading = p.took
	r := a.runner()
	plan := r.Foresee(ctx, a.Host, p.kinds, out)
	var kept *saved.Plan
	if watched != nil && !plan.Interrupted {
		if kept, err = a.keepPlan(watched, o, p); err != nil {
			return err
		}
	}
	if a.style(a.Out).Width == 0 {
		plan.Took = 0 // a plan is the same wherever it is made, and whenever
	}
	r.Summarize(ctx, plan, p.declared)
	if a.record != nil {
		plan.Unjudged = a.record.Unjudged()
	}
	plan.HostNotes = append(r.Stopped(p.backend, p.whole), a.hostNotes(ctx, p, plan.After)...)
	waiting := r.Waiting()
	if waiting != "" {
		plan.HostNotes = append(plan.HostNotes, waiting)
	}
	r.Guard(ctx, plan, p.wayIn(lockOut{}), "manage")
	if kept != nil {
		if err := a.writePlan(ctx, kept, o, p.document(plan.Report)); err != nil {
			return err
		}
	}
	if err := run.Show(out, plan.Report); err != nil {
		return err
	}
	a.afterwards(ctx, plan.HostNotes, false)
	r.NoteAgain(plan.Report, "would be done again")
	if a.Root && a.record == nil {
		r.NoteLost(history.Foresee(ctx, a.Host, plan.Results))
		if err := r.Unconfirmed(); err != nil && waiting == "" {
			note(a.Err, "manage would refuse: %v", err)
		}
	}
	if plan.Refused != "" {
		return out.told(&run.Refused{Why: plan.Refused})
	}
	return o.verdict(plan.Report)
}

// verdict is the exit code.
func (o planOptions) verdict(rep *converge.Report) error {
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

// hostNotes say what concerns the host, as a run leaves it, but no resource.
func (a *App) hostNotes(ctx context.Context, p *prepared, after host.Reader) []string {
	out := append(p.held(), a.leftNotes(p)...)
	out = append(out, leaverNotes(drift.Leavers(after, p.in, a.Now()))...)
	out = append(out, a.closedNotes(ctx, p, after)...)
	return append(out, entryNotes(p.in.LeftEntries(after))...)
}

// afterwards says what has been noted of the host, and what else is to be known.
func (a *App) afterwards(ctx context.Context, notes []string, writes bool) {
	for _, n := range notes {
		note(a.Err, "%s", n)
	}
	if a.record != nil {
		a.afterRecord()
		return
	}
	if text := a.upgrades(ctx, writes); text != "" {
		note(a.Err, "%s", text)
	}
	if !a.Root {
		fmt.Fprintln(a.Err, "note: run as root to see everything")
	}
}
