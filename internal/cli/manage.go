package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/host/local"
	"opsafe/internal/render"
	"opsafe/internal/run"
)

func newManage(a *App) *cobra.Command {
	var o manageOptions
	c := &cobra.Command{
		Use:        "manage",
		Short:      "Bring this host to its declared state",
		SuggestFor: []string{"apply", "run", "converge", "up", "sync"},
		Long: `Bring this host to its declared state: look, compare, change what differs, and
look again. Exits with 0 only if the host is in the declared state in the end.

A failure in one resource stops what needs it, not the rest.

With --ask, the plan is shown first, and carried out only if the answer is yes. What
would be another change by then is left alone.

With --plan, just what plan --out has kept is done. If the spec, or anything of
the host that the plan rests on, has moved on, that is named and nothing changed.

With --root, the machine in a directory is brought to the state that is declared, as
far as that goes without its running; the rest is left to its first boot, for which
the spec, this program and a unit that runs manage are put there.

Nothing is changed if afterwards nobody whom the spec names could log in with a
key and become root.`,
		Example: "  sudo opsafe manage --backend tpp\n  sudo opsafe manage --only user/alice",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.manage(c.Context(), o) },
	}
	o.addRepository(c, a)
	o.addSelection(c, a)
	o.addFormat(c)
	o.addFull(c)
	o.addTimings(c)
	o.addLockOut(c)
	o.addRoot(c)
	addConfirm(c, &o.confirm)
	c.MarkFlagsMutuallyExclusive("root", "confirm")
	c.Flags().BoolVar(&o.ask, "ask", false, "show the plan, and ask on the terminal before it is carried out")
	c.Flags().StringVar(&o.plan, "plan", "", "carry out just what this `FILE` of plan --out holds, if nothing has moved on since")
	c.MarkFlagsMutuallyExclusive("root", "plan")
	return c
}

func addConfirm(c *cobra.Command, window *time.Duration) {
	c.Flags().Var((*patience)(window), "confirm", "bring back all that is changed, as far as undo can, unless opsafe confirm follows within this `TIME`, such as 2m")
	c.Flags().Lookup("confirm").DefValue = "" // none is not a time
}

// patience is how long to wait for opsafe confirm. Zero, left out, is not at all: it
// cannot be said, or an empty variable of a script would leave the run unprotected.
type patience time.Duration

func (p *patience) String() string { return time.Duration(*p).String() }

func (p *patience) Type() string { return "duration" }

func (p *patience) Set(text string) error {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return errors.New("want a time with its unit, such as 30s or 5m")
	case d < minWindow:
		return fmt.Errorf("it is too short: at least %v", minWindow)
	}
	*p = patience(d)
	return nil
}

type manageOptions struct {
	options
	lockOut
	confirm time.Duration
	plan    string
	ask     bool
	// held is done first, once no other run can change the host. Nil: there is nothing.
	held func() error
}

func (a *App) manage(ctx context.Context, o manageOptions) error {
	if err := errors.Join(o.checkFormat(), a.canAsk(o)); err != nil {
		return err
	}
	if o.root != "" && a.Tree == "" {
		return a.within(ctx, o.options, "manage")
	}
	o.registries = true
	release, err := a.hold(ctx, "manage", render.Apply)
	if err != nil {
		return err
	}
	defer release()
	if o.held != nil {
		if err := o.held(); err != nil {
			return err
		}
	}
	if a.Tree != "" {
		if err := local.ForbidServices(); err != nil {
			return err
		}
	}
	kept, err := a.readSaved(&o)
	if err != nil {
		return err
	}
	look := a
	if kept != nil {
		if look, kept.Watched, err = a.watched(&o.options); err != nil {
			return err
		}
	}
	p, err := o.prepare(ctx, look)
	if err != nil {
		return err
	}
	if kept != nil {
		kept.Repo, kept.Backend, kept.Document = p.in.Repo, p.in.Backend, p.document
	}
	if p.boot != "" && p.boot != p.backend {
		return fmt.Errorf("this host is %s (%s), and %s is asked for: to make it another backend's for good, run: opsafe bootstrap --switch %s", p.boot, backendFile, p.backend, p.backend)
	}
	out := a.newOutput("manage", o.options, p.backend, p.facts.Hostname, render.Apply)
	out.goesBy(ctx, p.in.Repo.Dir)
	out.reading = p.took
	r := a.runner()
	stopped := r.Stopped(p.backend, p.whole)
	for _, n := range stopped { // before anything is done
		note(a.Err, "%s", n)
	}
	var after []string
	job := run.Job{
		Kinds: p.kinds, WayIn: p.wayIn(o.lockOut), Confirm: o.confirm, Kept: kept,
		Record: run.Record{Command: "manage", Backend: p.backend, Dir: a.repositoryLater(p.in.Repo.Dir), Declared: p.whole, Former: p.in.Former},
	}
	job.Notes = func() []string {
		after = a.hostNotes(ctx, p, a.Host)
		return append(stopped, after...)
	}
	if o.ask {
		job.Agree = func(ctx context.Context, plan *run.Plan) error { return a.agree(ctx, plan.Report, out.style) }
	}
	rep, err := r.Apply(ctx, job, out)
	if err != nil {
		return err
	}
	if err := r.RememberLines(ctx, p.in.Backend, rep); err != nil {
		return err
	}
	a.afterwards(ctx, after, true)
	if !rep.Converged() {
		return &exitError{code: exitFailed, why: failures(rep)}
	}
	return nil
}

// failures are the first few of what has failed in a run.
func failures(rep *converge.Report) string {
	const most = 3
	var out []string
	for _, r := range rep.Results {
		if r.Err != nil {
			out = append(out, r.ID.Words()+": "+r.Err.Error())
		}
	}
	if more := len(out) - most; more > 0 {
		out = append(out[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "; ")
}
