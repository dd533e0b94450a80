package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"opsafe/internal/deploy"
	"opsafe/internal/host"
	"opsafe/internal/host/local"
	"opsafe/internal/kind/deployment"
	"opsafe/internal/notes"
	"opsafe/internal/queue"
	"opsafe/internal/run"
	"opsafe/internal/words"
)

// deployMachine is the machine on which things are deployed.
type deployMachine interface {
	deploy.Machine
	// StartUnit starts a unit and waits for it; of a oneshot service, until it has ended.
	StartUnit(ctx context.Context, name string) error
}

type deployOptions struct {
	ref       string
	worker    bool
	requested bool
}

func newDeploy(a *App) *cobra.Command {
	var o deployOptions
	c := &cobra.Command{
		Use:   "deploy NAME",
		Short: "Deploy what the remote has now, and wait for it",
		Long: `Deploy a declared deployment: what its remote has now, and what came of it. If it
fails, the release before stays in service, or is put back into it.

With --ref, another branch, a tag or a whole commit is deployed, also an older one. It
stays until the branch that is followed has something new.`,
		Example: "  sudo opsafe deploy site\n  sudo opsafe deploy site --ref v1.4",
		Args: func(_ *cobra.Command, args []string) error {
			if want := 1; !o.requested && len(args) != want || o.requested && len(args) > 0 {
				return errors.New("want the name of one deployment: opsafe deployments lists them")
			}
			return nil
		},
		ValidArgsFunction: a.completeDeployments,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case o.requested:
				return a.requested()
			case o.worker:
				return a.deployWorker(c.Context(), args[0])
			}
			return a.askFor(c.Context(), queue.Entry{What: queue.Deploy, Deployment: args[0], Ref: o.ref})
		},
	}
	c.Flags().StringVar(&o.ref, "ref", "", "deploy this `REV`, a branch, a tag or a commit with all its digits, in place of the branch that is followed")
	c.Flags().BoolVar(&o.worker, "worker", false, "handle what is in the queue")
	c.Flags().BoolVar(&o.requested, "requested", false, "deploy what the SSH client asked for, as a forced command")
	_ = c.Flags().MarkHidden("worker")    // it is for the unit
	_ = c.Flags().MarkHidden("requested") // it is for authorized_keys
	return c
}

func newRollback(a *App) *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "rollback NAME",
		Short: "Go back to the release before the one in service",
		Long: `Go back to the release before the one in service, and wait for it: the link moves, units
are restarted, and health is asked. It stays until the branch that is followed has
something new, or opsafe deploy brings back what that has now.

Done again, it goes one release further back, never to one that was gone back from. With
--to, it goes to any release that is kept: opsafe deployments lists them.`,
		Example:           "  sudo opsafe rollback site\n  sudo opsafe rollback site --to 3f2a91c",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeDeployments,
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("to") && !releaseDigits().MatchString(to) {
				return fmt.Errorf("--to %s: want the first digits of a release's commit, 4 at least: opsafe deployments lists them", to)
			}
			return a.askFor(c.Context(), queue.Entry{What: queue.Rollback, Deployment: args[0], Ref: to})
		},
	}
	c.Flags().StringVar(&to, "to", "", "go to this release `REV` that is kept, by the first digits of its commit")
	_ = c.RegisterFlagCompletionFunc("to", a.completeReleases)
	return c
}

// releaseDigits are the first digits of a commit.
var releaseDigits = words.Pattern(`^[0-9a-f]{4,64}$`)

func (a *App) completeReleases(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return nil, noFiles
	}
	state, err := deploy.ReadState(a.Host, args[0])
	if err != nil {
		return nil, noFiles
	}
	var out []string
	for _, r := range state.Releases {
		out = append(out, r.Revision)
	}
	return out, noFiles
}

func (a *App) completeDeployments(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	names, err := deployment.Names(a.Host)
	if err != nil || len(args) > 0 {
		return nil, noFiles
	}
	return names, noFiles
}

// deployment reads what a deployment is.
func (a *App) deployment(name string) (*deployment.Config, error) {
	names, err := deployment.Names(a.Host)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if n == name {
			return deployment.Read(a.Host, name)
		}
	}
	hint := "declare it under deployments, and run opsafe manage"
	if len(names) > 0 {
		hint = "there is " + words.And(names)
	}
	return nil, fmt.Errorf("there is no deployment %q on this host: %s", name, hint)
}

// askFor adds an entry to the queue of a deployment, and waits for what comes of it.
func (a *App) askFor(ctx context.Context, e queue.Entry) error {
	if err := a.needRoot(e.What); err != nil {
		return err
	}
	config, err := a.deployment(e.Deployment)
	if err != nil {
		return err
	}
	if e.What == queue.Rollback && config.Source() == "" {
		return fmt.Errorf("deployment %s has no releases to go back to: %s", config.Name, wayBack(*config))
	}
	if e.What == queue.Deploy && strings.HasPrefix(e.Ref, "-") || e.Ref != "" && config.Source() == "" {
		return fmt.Errorf("--ref %s: deployment %s has no such thing", e.Ref, config.Name)
	}
	if config.Spec != "" || len(config.Compose) > 0 {
		if err := a.runner().Unconfirmed(); err != nil {
			return fmt.Errorf("%s is not asked for: %w", config.Name, err)
		}
	}
	if err := a.roomForState(ctx, config.Name); err != nil {
		return fmt.Errorf("%s is not asked for: its worker could not write down what it does: %w", config.Name, err)
	}
	e.Received, e.By = a.Now(), a.operator()
	q := queue.Open(filepath.Join(notes.Queue, config.Name))
	if e.Name, err = q.Add(e); err != nil {
		return fmt.Errorf("cannot ask for it: %w", err)
	}
	const most = 20
	for n := range most {
		// What the worker says of it is in the state; that it failed is no news here.
		started := a.Machine.StartUnit(ctx, deployment.Unit(config.Name, ".service"))
		if ctx.Err() != nil {
			return fmt.Errorf("it goes on without this: opsafe deployments says what comes of it: %w", ctx.Err())
		}
		state, err := deploy.ReadState(a.Machine, config.Name)
		if err != nil {
			return err
		}
		for _, r := range state.History {
			for _, name := range r.Entries {
				if name == e.Name {
					return a.sayResult(config.Name, r)
				}
			}
		}
		if started != nil {
			if err := a.roomForState(ctx, config.Name); err != nil {
				return fmt.Errorf("it waits until its worker can write down what it does: %w", err)
			}
			if n == 0 {
				note(a.Err, "the worker has ended with an error, and is tried again: journalctl -u %s says why", deployment.Unit(config.Name, ".service"))
			}
			if err := a.pause(ctx, time.Second); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("nothing came of it: see journalctl -u %s", deployment.Unit(config.Name, ".service"))
}

// roomForState is the error of a state that cannot be written. A worker that cannot would
// try again and again.
func (a *App) roomForState(ctx context.Context, name string) error {
	const more = 16 << 10 // bytes by which the state may grow
	at := deploy.StatePath(name)
	state, err := a.Machine.ReadFile(at)
	if err != nil {
		return err
	}
	at += ".room"
	return errors.Join(a.Machine.Save(ctx, at, make([]byte, len(state)+more)), a.Machine.RemoveFile(at))
}

// sayResult says what came of it.
func (a *App) sayResult(name string, r deploy.Result) error {
	for _, n := range r.Notes {
		note(a.Err, "%s", n)
	}
	switch r.Outcome {
	case deploy.Deployed:
		fmt.Fprintf(a.Out, "deployed %s\n", strings.TrimSpace(name+" "+r.Revision))
		return nil
	case deploy.Unchanged:
		fmt.Fprintf(a.Out, "unchanged %s %s: %s\n", name, r.Revision, r.Reason)
		return nil
	}
	return fmt.Errorf("%s: %s: %s", name, r.Outcome, host.Readable(r.Reason))
}

// requestable is what an SSH client may ask for.
var requestable = words.Pattern(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// requested deploys what an SSH client has asked for, as a forced command does: the
// name of a deployment, and nothing else.
func (a *App) requested() error {
	name := strings.TrimSpace(a.Env("SSH_ORIGINAL_COMMAND"))
	if !requestable().MatchString(name) {
		return errors.New("want the name of a deployment as the command, and nothing else")
	}
	return a.Exec([]string{"/usr/bin/sudo", "-n", notes.Program, "deploy", name}, nil)
}

// deployWorker handles what is in the queue of a deployment. It is for the deployment's
// own unit, of which systemd runs one at a time.
func (a *App) deployWorker(ctx context.Context, name string) error {
	if err := a.needRoot("deploy"); err != nil {
		return err
	}
	unit := deployment.Unit(name, ".service")
	if own := local.OwnUnit(); own != unit {
		return fmt.Errorf("this is for %s alone, so that nothing is deployed twice at once: run opsafe deploy %s", unit, name)
	}
	config, err := a.deployment(name)
	if err != nil {
		return err
	}
	patient := *a // a run of somebody else is no reason to fail
	patient.patience, patient.by = config.Within.Duration, "deployment "+name
	a = &patient
	say := func(line string) { say(a.Out, line) }
	w := &deploy.Worker{
		Machine: a.Machine, Config: *config, Queue: queue.Open(filepath.Join(notes.Queue, name)), Now: a.Now, Wait: a.pause, Say: say,
		Manage: a.manageRelease, Compose: a.composeProjects, Alone: a.runner().Alone, Unconfirmed: a.runner().Unconfirmed,
	}
	if s := config.Status; s != nil {
		const patience = 15 * time.Second
		told := deploy.NewAnnouncer(context.WithoutCancel(ctx), deploy.Announcing{
			Config: *s, Name: name, Read: a.Host.ReadFile, Wait: a.pause, Say: say, Patience: patience,
		})
		defer told.Close()
		w.Announce = told.Announce
	}
	return w.Work(ctx)
}

// manageRelease has this host as a commit of specs declares it. Once that is confirmed
// by health, it stays; otherwise the state before comes back.
func (a *App) manageRelease(ctx context.Context, dir string, confirm time.Duration, health func(context.Context) error) error {
	o := manageOptions{confirm: confirm}
	o.dir = dir
	if health == nil { // the last good commit, after a worker that may have died amid its run
		if err := a.runner().RevertOwn(ctx); err != nil {
			return err
		}
	}
	err := a.manageQuietly(ctx, o)
	if err == nil && health != nil {
		err = health(ctx)
	}
	if confirm == 0 {
		return err
	}
	if _, waits := os.Stat(notes.Waiting); waits != nil {
		return err // nothing has been changed, or it has come back already
	}
	if err != nil {
		return errors.Join(err, a.runner().Revert(context.WithoutCancel(ctx)))
	}
	return a.runner().Confirm(ctx)
}

// manageQuietly is manage, which says what it does in the journal.
func (a *App) manageQuietly(ctx context.Context, o manageOptions) error {
	o.format, o.formats = formatText, []string{formatText}
	err := a.manage(ctx, o)
	if errors.As(err, new(*run.UnconfirmedError)) {
		return &deploy.WaitsError{Err: err}
	}
	var exit *exitError
	if errors.As(err, &exit) && exit.err == nil {
		why := fmt.Sprintf("opsafe manage has failed; journalctl -u %s says more", local.OwnUnit())
		if exit.why != "" {
			why = exit.why + "; " + why
		}
		return errors.New(why)
	}
	if err != nil {
		return fmt.Errorf("manage: %w", err)
	}
	return nil
}
