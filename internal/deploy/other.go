package deploy

import (
	"context"
	"errors"
	"fmt"

	"opsafe/internal/host"
	"opsafe/internal/kind/deployment"
)

// remote has another host deploy. What came of it is what its program says.
func (w *Worker) remote(ctx context.Context, res *Result) error {
	argv := []string{"/usr/bin/ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15", "--", w.Config.To, w.Config.There}
	if _, err := w.Machine.RunProgram(ctx, host.Program{Argv: argv, As: w.Config.User}); err != nil {
		return fmt.Errorf("%s cannot deploy %s: %w", w.Config.To, w.Config.There, w.refusedBy(err))
	}
	res.Outcome = Deployed
	return nil
}

// undeclared reports whether a commit of specs that was deployed has taken its own
// deployment away, and the queue with it.
func (w *Worker) undeclared() bool {
	if w.Config.Spec == "" {
		return false
	}
	n, err := w.Machine.Stat(deployment.File(w.Config.Name))
	return err == nil && n == nil
}

// manageBack has the host as the last good commit declares it.
func (w *Worker) manageBack(ctx context.Context, a *Attempt) string {
	if a.From == "" {
		return "there is no commit before it that was good"
	}
	if w.Manage == nil {
		return "the last good commit is still " + a.From
	}
	if err := w.Manage(ctx, w.releaseDir(a.From), 0, nil); err != nil {
		return fmt.Sprintf("the last good commit is still %s, but the host is not as it declares: %v", a.From, err)
	}
	return "the host is as the last good commit declares it, " + a.From
}

// manage brings the host to what a commit of specs declares. The link moves once that
// is done, and the host healthy.
func (w *Worker) manage(ctx context.Context, a *Attempt) error {
	if w.Manage == nil {
		return errors.New("a repository of specs cannot be followed here")
	}
	if err := w.Machine.SyncTree(w.releaseDir(a.Revision)); err != nil {
		return err
	}
	a.Phase = Managing
	if err := w.save(ctx); err != nil {
		return err
	}
	health := func(ctx context.Context) error { return w.healthy(ctx, a.Revision) }
	if err := w.Manage(ctx, w.releaseDir(a.Revision), w.Config.Confirm.Duration, health); err != nil {
		if errors.As(err, new(*WaitsError)) {
			a.Phase = Building // the host has not been touched
		}
		return err
	}
	return w.toSwitch(ctx, a)
}
