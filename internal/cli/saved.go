package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
	"opsafe/internal/render"
	"opsafe/internal/saved"
)

// keeper remembers what a plan rests on.
type keeper struct {
	app *App // on the host as it is looked at
	rec *snapshot.Recorder
}

// keeper needs root: to others much is unknown, and a plan of it is not one that
// can be carried out.
func (a *App) keeper(o *options) (*keeper, error) {
	if !a.Root {
		return nil, errors.New("a plan that is to be kept needs root, who alone sees all that it rests on: run it with sudo")
	}
	name, _, err := o.backendName(a)
	if err != nil {
		return nil, err
	}
	repo, err := o.load(a, name)
	if err != nil {
		return nil, err
	}
	b, err := repo.Backend(name)
	if err != nil {
		return nil, err
	}
	rec := snapshot.NewRecorder(a.Host, kind.Secrets(b))
	on := *a
	on.Host = lookedAt{rec}
	return &keeper{app: &on, rec: rec}, nil
}

// save writes the plan. What is asked of the host from here on is not a part of it.
func (k *keeper) save(o planOptions, p *prepared, rep *converge.Report) error {
	answers, err := k.rec.Answers()
	if err != nil {
		return err
	}
	id, err := saved.Identity(k.rec)
	if err != nil {
		return err
	}
	number, _ := version()
	plan, err := saved.New(saved.Input{
		Opsafe: number, Made: k.app.Now(), Host: id, Only: o.only, Skip: o.skip, Repo: p.in.Repo, Backend: p.in.Backend, Answers: answers,
		Run: planDocument(p, rep),
	})
	if err != nil {
		return err
	}
	data, err := plan.Marshal()
	if err != nil {
		return err
	}
	if err := writePrivate(o.out, data); err != nil {
		return fmt.Errorf("cannot write the plan: %w", err)
	}
	note(k.app.Err, "to carry out just this: sudo opsafe manage --plan %s", o.out)
	return nil
}

func planDocument(p *prepared, rep *converge.Report) render.Document {
	return render.NewDocument(render.Heading{Command: "plan", Backend: p.backend, Host: p.facts.Hostname, Mode: render.Plan}, rep)
}

// savedPlan is a plan that is about to be carried out.
type savedPlan struct {
	*saved.Plan
	path string
	p    *prepared
	rec  *snapshot.Recorder
}

// readSaved reads a plan and makes its options those of this run.
func (a *App) readSaved(o *manageOptions) (*savedPlan, error) {
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
	return &savedPlan{Plan: plan, path: o.plan}, nil
}

// watch has the host looked at through a recorder, from the first look on.
func (s *savedPlan) watch(a *App, o *options) (*App, error) {
	k, err := a.keeper(o)
	if err != nil {
		return nil, err
	}
	s.rec = k.rec
	return k.app, nil
}

// reader is what a plan looks at: the host, with each look remembered if a kept
// plan is compared with it.
func (s *savedPlan) reader(h host.Host) host.Reader {
	if s == nil {
		return h
	}
	return s.rec
}

// stale is what has moved on since the plan was made, as an error.
func (s *savedPlan) stale(a *App, rep *converge.Report) error {
	if s == nil {
		return nil
	}
	answers, err := s.rec.Answers()
	if err != nil {
		return err
	}
	moved := slices.Concat(s.MovedSpec(s.p.in.Repo, s.p.in.Backend), s.MovedFacts(answers))
	if len(moved) == 0 {
		moved = s.MovedChanges(planDocument(s.p, rep))
	}
	if len(moved) == 0 {
		return nil
	}
	return fmt.Errorf("nothing has been changed: since the plan %s was made (%s), something has moved on:\n  %s\nplan anew, and look at what is different",
		s.path, age(a.Now().Sub(s.Made)), strings.Join(moved, "\n  "))
}

// approve is the plan's approval of each change.
func (s *savedPlan) approve() func(change.Result) error {
	if s == nil {
		return nil
	}
	return s.Approve
}
