package cli

import (
	"context"
	"errors"
	"fmt"

	"opsafe/internal/converge"
	"opsafe/internal/host/local"
	"opsafe/internal/kinds"
	"opsafe/internal/render"
	"opsafe/internal/run"
	"opsafe/internal/saved"
)

// watched is the app on a host of which is remembered what a plan rests on. It needs root:
// to others much is unknown, and a plan of it is not one that can be carried out.
func (a *App) watched(o *options) (*App, *run.Watched, error) {
	if !a.Root {
		return nil, nil, errors.New("a plan that is to be kept needs root, who alone sees all that it rests on: run it with sudo")
	}
	name, _, err := o.backendName(a)
	if err != nil {
		return nil, nil, err
	}
	repo, err := o.load(a, name)
	if err != nil {
		return nil, nil, err
	}
	b, err := repo.Backend(name)
	if err != nil {
		return nil, nil, err
	}
	w := run.Watch(a.Host, kinds.Secrets(b))
	on := *a
	on.Host = w
	return &on, w, nil
}

// keepPlan makes up the plan that is kept. What is asked of the host from here on is
// nothing that it rests on.
func (a *App) keepPlan(w *run.Watched, o planOptions, p *prepared) (*saved.Plan, error) {
	number, _ := version()
	return w.Keep(saved.Input{
		Opsafe: number, Made: a.Now(), Only: o.only, Skip: o.skip, Repo: p.in.Repo, Backend: p.in.Backend,
	})
}

// writePlan writes the plan, with what it does.
func (a *App) writePlan(ctx context.Context, plan *saved.Plan, o planOptions, run render.Document) error {
	plan.Does(run)
	data, err := plan.Marshal()
	if err != nil {
		return err
	}
	if err := local.WriteOut(ctx, o.out, data, 0o600); err != nil {
		return fmt.Errorf("cannot write the plan: %w", err)
	}
	note(a.Err, "to carry out just this: sudo opsafe manage --plan %s%s", o.out, atDir(o.dir))
	return nil
}

// document is the form in which a plan is kept.
func (p *prepared) document(rep *converge.Report) render.Document {
	return render.NewDocument(render.Heading{Command: "plan", Backend: p.backend, Host: p.facts.Hostname, Mode: render.Plan}, rep)
}

// readSaved reads a plan and makes its options those of this run.
func (a *App) readSaved(o *manageOptions) (*run.Kept, error) {
	if o.plan == "" {
		return nil, nil
	}
	if len(o.only)+len(o.skip) > 0 {
		return nil, errors.New("a kept plan says itself what it is about: leave out --only and --skip")
	}
	plan, err := saved.Read(o.plan)
	if err != nil {
		return nil, err
	}
	id, err := saved.Identity(a.Host)
	switch {
	case err != nil:
		return nil, err
	case id != plan.Host:
		return nil, fmt.Errorf("nothing has been changed: the plan %s was made on %s, and this is another host, or one that was installed anew", o.plan, plan.Host.Name)
	case o.backend != "" && o.backend != plan.Backend:
		return nil, fmt.Errorf("the plan %s is for %s, and %s is asked for: leave out --backend", o.plan, plan.Backend, o.backend)
	}
	o.backend, o.only, o.skip = plan.Backend, plan.Only, plan.Skip
	return &run.Kept{Plan: plan, Path: o.plan}, nil
}
