package run

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/kind"
	"opsafe/internal/render"
	"opsafe/internal/saved"
	"opsafe/internal/spec"
)

// ReadOnly is a host that can be looked at, and no more.
type ReadOnly struct{ Scannable }

// Scannable is what can be asked of a host, trees and lists of units included.
type Scannable interface {
	host.Reader
	host.TreeScanner
	host.Inventory
}

// Do refuses.
func (ReadOnly) Do(context.Context, host.Step) error {
	return errors.New("cannot change a host that is only looked at")
}

// Watched is a host of which is remembered what a plan rests on. A verdict on a part of
// a configuration rests on the whole, which is looked at, too.
type Watched struct {
	ReadOnly
	rec *snapshot.Recorder
}

// Watch has a host remembered as it is looked at. Of what is secret it keeps digests.
func Watch(r host.Reader, secrets host.Secrecy) *Watched {
	rec := snapshot.NewRecorder(r, secrets)
	return &Watched{ReadOnly{rec}, rec}
}

// Check is passed on.
func (w *Watched) Check(ctx context.Context, c host.Check, content host.Content) error {
	lookAtWhole(w, c.Tree)
	return w.ReadOnly.Check(ctx, c, content)
}

// Evaluate is passed on.
func (w *Watched) Evaluate(ctx context.Context, c host.Check) (string, error) {
	lookAtWhole(w, c.Tree)
	return w.ReadOnly.Evaluate(ctx, c)
}

// lookAtWhole looks at all files of a configuration. One that cannot be read is an
// answer like others.
func lookAtWhole(r host.Reader, t *host.CheckTree) {
	if t == nil {
		return
	}
	_, _ = r.ReadFile(t.Main)
	names, _ := r.ReadDir(t.Dir)
	for _, name := range names {
		at := path.Join(t.Dir, name)
		if n, err := r.Stat(at); err == nil && n != nil && n.Type == host.TypeFile {
			_, _ = r.ReadFile(at)
		}
	}
	_, _ = host.ReadConfiguration(r, &host.CheckTree{Main: t.Main, Dir: t.Dir})
}

// answers are all that a plan rests on: what was looked at for it, and who gets in and
// becomes root, whatever it is about.
func (w *Watched) answers() ([]snapshot.Answer, error) {
	for _, at := range []string{"/etc/sudoers.d/x", "/etc/ssh/sshd_config.d/x.conf"} {
		check, _ := kind.Judges(at)
		lookAtWhole(w.rec, check.Tree)
	}
	return w.rec.Answers()
}

// Keep makes a kept plan of what has been looked at until now.
func (w *Watched) Keep(in saved.Input) (*saved.Plan, error) {
	var err error
	if in.Answers, err = w.answers(); err != nil {
		return nil, err
	}
	if in.Host, err = saved.Identity(w.rec); err != nil {
		return nil, err
	}
	return saved.New(in)
}

// Kept is a kept plan that is about to be carried out, and what it is compared with.
type Kept struct {
	*saved.Plan
	Path    string // of its file
	Watched *Watched
	Repo    *spec.Repository
	Backend *spec.Backend
	// Document is the form in which its changes are kept.
	Document func(*converge.Report) render.Document
}

// reader is what a plan looks at: the host, with each look remembered if a kept
// plan is compared with it.
func (k *Kept) reader(h host.Host) host.Reader {
	if k == nil {
		return h
	}
	return k.Watched
}

// stale is what has moved on since the plan was made, as an error.
func (k *Kept) stale(now time.Time, rep *converge.Report) error {
	if k == nil {
		return nil
	}
	answers, err := k.Watched.answers()
	if err != nil {
		return err
	}
	moved := append(k.MovedSpec(k.Repo, k.Backend), k.MovedFacts(answers)...)
	if len(moved) == 0 {
		moved = k.MovedChanges(k.Document(rep))
	}
	if len(moved) == 0 {
		return nil
	}
	return fmt.Errorf("nothing has been changed: since the plan %s was made (%s), something has moved on:\n  %s\nplan anew, and look at what is different",
		k.Path, Age(now.Sub(k.Made)), strings.Join(moved, "\n  "))
}

// approve is the approval of each change: of the plan that was kept, or of the one
// that was agreed to. Nil: whatever is to be done is done.
func (j Job) approve(plan *converge.Report) func(change.Result) error {
	switch {
	case j.Kept != nil:
		return j.Kept.Approve
	case j.Agree != nil:
		agreed := &saved.Plan{Run: render.NewDocument(render.Heading{Mode: render.Plan}, plan)}
		return agreed.Approve
	}
	return nil
}
