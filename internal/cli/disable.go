package cli

import (
	"context"
	"fmt"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/kind"
	"opsafe/internal/offboard"
	"opsafe/internal/render"
	"opsafe/internal/roster"
	"opsafe/internal/run"
	"opsafe/internal/spec"
)

type accountOptions struct {
	options
	lockOut
	name string
	plan bool
}

func (o *accountOptions) add(c *cobra.Command) {
	o.addDir(c)
	o.addFormat(c)
	o.addFull(c)
	c.Flags().BoolVar(&o.plan, "plan", false, "show what would be done, and change nothing")
}

func newDisableUser(a *App) *cobra.Command {
	var o accountOptions
	c := &cobra.Command{
		Use:   "disable-user NAME",
		Short: "Take somebody's access to this host away, all of it",
		Long: `Take somebody's access to this host away: keys, also those in the files of other
accounts, groups, password, shell, sessions, scheduled jobs, units that run as
them, and rules of sudo that are theirs alone. The account expires; its home stays.

It is refused while this host's backend still gives the person something. A later
manage does not bring the person back; enable-user does.

What it leaves is named, with what takes it away. Exits with 0 only if nothing
that is known to be theirs remains.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return a.disableUser(c.Context(), o)
		},
	}
	o.add(c)
	o.addBackend(c, a)
	o.addLockOut(c)
	c.ValidArgsFunction = a.completeAccounts
	return c
}

func newEnableUser(a *App) *cobra.Command {
	var o accountOptions
	c := &cobra.Command{
		Use:   "enable-user NAME",
		Short: "Let somebody whom disable-user has disabled in again",
		Long: `Undo disable-user: the account no longer expires and has its shell again. Groups,
keys and a way to set a password come with the next manage, if the person is
listed in the spec.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return a.enableUser(c.Context(), o)
		},
	}
	o.add(c)
	c.ValidArgsFunction = a.completeDisabled
	return c
}

func (a *App) disableUser(ctx context.Context, o accountOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	release, err := a.hold(ctx, "disable-user", mode(o.plan))
	if err != nil {
		return err
	}
	defer release()
	off, err := a.offboarding(o)
	if err != nil {
		return err
	}
	resources, err := offboard.Offboard(a.Host, off)
	if err != nil {
		return err
	}
	left := func(ctx context.Context) ([]offboard.Left, error) { return off.Remains(ctx, a.Host) }
	rep, err := a.account(ctx, o, "disable-user", resources, left)
	if err != nil {
		return err
	}
	if o.plan {
		return a.closePlan(ctx, o, off, resources)
	}
	return a.closing(ctx, o, off, a.Host, rep.Summary.Changes() > 0)
}

func places(at []spec.Pos) string {
	var b strings.Builder
	for _, p := range at {
		fmt.Fprintf(&b, "\n  %s", p)
	}
	return b.String()
}

func (a *App) enableUser(ctx context.Context, o accountOptions) error {
	o.allowed = true // nobody loses anything
	if err := o.checkFormat(); err != nil {
		return err
	}
	release, err := a.hold(ctx, "enable-user", mode(o.plan))
	if err != nil {
		return err
	}
	defer release()
	disabled, err := roster.ReadTombstones(a.Host)
	if err != nil {
		return err
	}
	t, ok := disabled[o.name]
	if !ok {
		return fmt.Errorf("%s has not been disabled on this host by disable-user: there is no %s", o.name, roster.TombstonePath(o.name))
	}
	resources, err := offboard.Onboard(a.Host, t)
	if err != nil {
		return err
	}
	if _, err := a.account(ctx, o, "enable-user", resources, nil); err != nil || o.plan || o.format != formatText {
		return err
	}
	fmt.Fprintf(a.Out, "%s can have access again: list them in developers.yaml, then sudo opsafe manage brings groups and keys.\n", o.name)
	return nil
}

// account runs the resources that make up somebody's access. It heeds that
// somebody can become root afterwards, which what lets people in cannot hinder, and
// records what is left.
func (a *App) account(ctx context.Context, o accountOptions, command string, resources []kind.Resource, left func(context.Context) ([]offboard.Left, error)) (*converge.Report, error) {
	facts, err := a.Host.Facts()
	if err != nil {
		return nil, err
	}
	job := run.Job{
		Kinds: accountKinds(command, resources), WayIn: run.WayIn{MayClose: o.allowed},
		Record: run.Record{Command: command, Subject: o.name}, Left: left,
	}
	return a.do(ctx, job, a.newOutput(command, o.options, "", facts.Hostname, mode(o.plan)))
}

// mode is whether a run is shown as a plan.
func mode(plan bool) render.Mode {
	if plan {
		return render.Plan
	}
	return render.Apply
}

// do plans or applies a job. What has failed of it has been said.
func (a *App) do(ctx context.Context, job run.Job, out *output) (*converge.Report, error) {
	do := a.runner().Apply
	if out.run.Mode == render.Plan {
		do = a.runner().Plan
	}
	rep, err := do(ctx, job, out)
	if err == nil && !rep.Converged() {
		err = said(exitFailed)
	}
	return rep, out.told(err)
}

func accountKinds(command string, resources []kind.Resource) []converge.Kind {
	return []converge.Kind{{Kind: kind.Bare(command, kind.StageAccounts), Resources: resources}}
}

// operator is who asked for it: the person behind sudo, if there is one.
func (a *App) operator() string {
	if a.by != "" {
		return a.by
	}
	if name := a.Env("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
