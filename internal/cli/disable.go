package cli

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"opsafe/internal/converge"
	"opsafe/internal/host/overlay"
	"opsafe/internal/kind"
	"opsafe/internal/render"
	"opsafe/internal/roster"
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
		Long: `Take somebody's access to this host away: keys, groups, password, shell, sessions,
scheduled jobs and timers. The account expires; its home stays.

It is refused while the person is still listed in the spec. A later manage does
not bring the person back; enable-user does.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return a.disableUser(c.Context(), o)
		},
	}
	o.add(c)
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
	release, err := a.begin(ctx, "disable-user", o)
	if err != nil {
		return err
	}
	defer release()
	if err := a.checkUnlisted(o); err != nil {
		return err
	}
	backend, err := a.Host.ReadFile(backendFile)
	if err != nil {
		return err
	}
	resources, err := kind.Offboard(a.Host, kind.Offboarding{
		Name: o.name, Backend: strings.TrimSpace(string(backend)), By: a.operator(), Now: a.Now(),
	})
	if err != nil {
		return err
	}
	rep, err := a.account(ctx, o, "disable-user", resources)
	if err != nil || o.plan || o.format != formatText {
		return err
	}
	if rep.Summary.Changes() == 0 {
		fmt.Fprintf(a.Out, "%s has no access to this host, as before.\n", o.name)
		return nil
	}
	fmt.Fprintf(a.Out, "%s has no access to this host any more; looked at again: account, password, shell, keys, groups, sessions, jobs.\n", o.name)
	return nil
}

// checkUnlisted refuses to disable somebody whom the spec still lists. A mistake
// elsewhere in the spec is no reason to leave somebody their access: then what
// can be said for certain has to do.
func (a *App) checkUnlisted(o accountOptions) error {
	repo, err := o.load(a, "")
	var ps spec.Problems
	if err == nil {
		return a.unlisted(repo, o.name)
	}
	if !errors.As(err, &ps) {
		return err
	}
	dir, err := o.repository(a)
	if err != nil {
		return err
	}
	at, err := mentions(dir, o.name)
	if err != nil {
		return err
	}
	if len(at) > 0 {
		return fmt.Errorf("the spec cannot be loaded, and it may still list %s: nothing has been changed\nremove them first, here:%s\nor mend the spec, so that it can be told for certain:\n%w", o.name, places(at), ps)
	}
	note(a.Err, "the spec cannot be loaded; %s is not in it by name, so this goes on; whether their keys are listed under another name could not be checked:\n%v", o.name, ps)
	return nil
}

// unlisted refuses to disable somebody who, or whose keys, the spec still lists.
func (a *App) unlisted(repo *spec.Repository, name string) error {
	if at := roster.Listed(repo, name); len(at) > 0 {
		return fmt.Errorf("%s is still listed, and the next run on any host would bring them back; nothing has been changed\nremove them first, here:%s", name, places(at))
	}
	keys, err := kind.PresentKeys(a.Host, name)
	if err != nil {
		// Nobody is to keep their access by making their keys unreadable.
		note(a.Err, "whether keys of %s are listed elsewhere in the spec could not be checked: %v", name, err)
	}
	disabled, err := roster.ReadTombstones(a.Host)
	if err != nil {
		return err
	}
	keys = append(keys, disabled[name].Keys...)
	if at := roster.ListedKeys(repo, name, keys); len(at) > 0 {
		return fmt.Errorf("keys of %s still let somebody in elsewhere in the spec; nothing has been changed\nremove them first, here:%s", name, places(at))
	}
	return nil
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
	release, err := a.begin(ctx, "enable-user", o)
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
	resources, err := kind.Onboard(a.Host, t)
	if err != nil {
		return err
	}
	if _, err := a.account(ctx, o, "enable-user", resources); err != nil || o.plan || o.format != formatText {
		return err
	}
	fmt.Fprintf(a.Out, "%s can have access again: list them in developers.yaml, then sudo opsafe manage brings groups and keys.\n", o.name)
	return nil
}

// begin checks the options and keeps other runs away.
func (a *App) begin(ctx context.Context, command string, o accountOptions) (release func(), err error) {
	if err := o.checkFormat(); err != nil {
		return nil, err
	}
	if o.plan {
		return func() {}, nil
	}
	if err := a.needRoot(command); err != nil {
		return nil, err
	}
	return a.lock(ctx)
}

// account runs the resources that make up somebody's access. It heeds that
// somebody can become root afterwards, which what lets people in cannot hinder.
func (a *App) account(ctx context.Context, o accountOptions, command string, resources []kind.Resource) (*converge.Report, error) {
	facts, err := a.Host.Facts()
	if err != nil {
		return nil, err
	}
	kinds := accountKinds(command, resources)
	run := runOptions{lockOut: o.lockOut, record: recorded{command: command, subject: o.name}}
	if o.plan {
		return a.planned(ctx, kinds, run, a.newOutput(command, o.options, "", facts.Hostname, render.Plan))
	}
	rep, err := a.converge(ctx, kinds, run, a.newOutput(command, o.options, "", facts.Hostname, render.Apply))
	if err == nil && !rep.Converged() {
		err = said(exitFailed)
	}
	return rep, err
}

// planned shows what a run would do, unless it would be refused.
func (a *App) planned(ctx context.Context, kinds []converge.Kind, o runOptions, out *output) (*converge.Report, error) {
	after := overlay.New(a.Host)
	rep := converge.Run(ctx, converge.Options{Host: after, Kinds: kinds, Now: a.Now})
	a.summarize(ctx, rep, after, o.declared)
	if err := out.all(rep); err != nil {
		return nil, err
	}
	if rep.Summary.Changes() > 0 && a.Root { // others cannot see enough
		if err := a.guard(ctx, after, o.wayIn()); err != nil {
			return nil, fmt.Errorf("this would be refused: %w", err)
		}
	}
	if !rep.Converged() {
		return nil, said(exitFailed)
	}
	return rep, nil
}

func accountKinds(command string, resources []kind.Resource) []converge.Kind {
	return []converge.Kind{{Kind: kind.Kind{Name: command, Stage: kind.StageAccounts}, Resources: resources}}
}

// operator is who asked for it: the person behind sudo, if there is one.
func (a *App) operator() string {
	if name := a.Env("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
