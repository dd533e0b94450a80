package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"opsafe/internal/host/local"

	"github.com/spf13/cobra"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/drift"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/notes"
	"opsafe/internal/render"
	"opsafe/internal/words"
)

// The exit codes of status, for monitoring.
const (
	exitDrifted = 2
	exitOrphans = 3
)

const formatPrometheus = "prometheus"

type statusOptions struct {
	options
	output string
}

func newStatus(a *App) *cobra.Command {
	var o statusOptions
	c := &cobra.Command{
		Use:        "status",
		Short:      "Say whether this host is in its declared state, and since when",
		SuggestFor: []string{"drift", "state"},
		Long: `Say whether this host is in its declared state, since when, what has drifted, what
is on the host that no list knows, and what came of the last run.

Exits with 0: as declared, 2: something has drifted, 3: as declared, but there is
something that no list knows, 1: it cannot be told.

Run by root, it remembers in ` + notes.Status + ` when it first saw what it
sees: to say more exactly since when, run it by a timer. It changes nothing else.`,
		Example: "  sudo opsafe status\n  sudo opsafe status --format prometheus --output /var/lib/prometheus/node-exporter/opsafe.prom",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.status(c.Context(), o) },
	}
	o.addRepository(c, a)
	o.addFull(c)
	o.addFormats(c, formatText, formatJSON, formatPrometheus)
	c.Flags().StringVar(&o.output, "output", "", "write to this `FILE`, as a whole or not at all, as node_exporter wants it")
	return c
}

// state is what status has found out.
type state struct {
	upgrades string // what apt would upgrade, in words

	backend, host string
	now           time.Time
	rep           *converge.Report
	orphans       []drift.Orphan
	unseen        []string // why orphans could not all be looked for
	former        []string // what earlier specs declared
	closed        []string // what is for people whose accounts are closed
	mark          *drift.Mark
	history       *history.History // nil: it may not be seen
	working       bool             // a run is at work right now
}

func (a *App) status(ctx context.Context, o statusOptions) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	if o.output != "" {
		if err := a.needRoot("status --output"); err != nil {
			return err
		}
	}
	s, err := a.look(ctx, o)
	if err != nil {
		if o.format == formatPrometheus {
			err = errors.Join(err, a.emit(ctx, o, func(w *strings.Builder) error { return render.WriteMetrics(w, nil, a.Now()) }))
		}
		return err
	}
	if a.Root && !s.working {
		if err := a.remember(ctx, s.mark); err != nil {
			note(a.Err, "%v", err)
		}
	}
	a.runner().NoteAgain(s.rep, "would be done again by manage")
	a.runner().NoteFormer(s.former)
	for _, n := range s.closed {
		note(a.Err, "%s", n)
	}
	if waiting := a.runner().Waiting(); waiting != "" {
		note(a.Err, "%s", waiting)
	}
	a.sayUnseen(s.unseen, o.full)
	err = a.emit(ctx, o, func(w *strings.Builder) error {
		switch o.format {
		case formatPrometheus:
			return render.WriteMetrics(w, a.metricsOf(s), s.now)
		case formatJSON:
			return render.WriteJSON(w, statusDocOf(s))
		}
		a.statusText(w, s, o.options)
		return nil
	})
	if err != nil {
		return err
	}
	return s.verdict()
}

// sayUnseen names what could not be seen of what no list knows. Without root that is
// much, always the same, and seen by root.
func (a *App) sayUnseen(unseen []string, full bool) {
	if len(unseen) > 1 && !a.Root && !full {
		note(a.Err, "what no list knows may be more: %s could not be seen without root (--full names them)", words.Count(len(unseen), "thing"))
		return
	}
	for _, why := range unseen {
		note(a.Err, "what no list knows may be more: %s", why)
	}
}

// look finds out how the host is. It changes nothing.
func (a *App) look(ctx context.Context, o statusOptions) (*state, error) {
	p, err := o.prepare(ctx, a)
	if err != nil {
		return nil, err
	}
	s := &state{backend: p.backend, host: p.facts.Hostname, now: a.Now(), former: p.in.Former, upgrades: a.upgrades(ctx, true)}
	s.rep = converge.Run(ctx, converge.Options{Host: overlay.New(a.Host), Kinds: p.kinds, Now: a.Now})
	if s.rep.Interrupted {
		return nil, errors.New("interrupted before everything had been looked at")
	}
	if s.orphans, s.unseen, err = drift.Find(ctx, a.Host, p.in, a.Now()); err != nil {
		return nil, err
	}
	s.closed = a.closedNotes(ctx, p, a.Host)
	var runs drift.Runs
	if h, err := history.Read(a.Host); err == nil {
		s.history = h
		for _, r := range h.Records {
			runs.Last = r.Started
			if !r.Ended.IsZero() {
				runs.Last = r.Ended
			}
			if r.Command == "manage" && r.Result == history.Succeeded {
				runs.Mended = r.Ended
			}
		}
		last := h.Last()
		s.working = last != nil && last.Result == history.Running
	} else if !host.IsUnknown(err) {
		return nil, err
	}
	s.mark = drift.ReadMark(a.Host).Next(s.drifted(), runs, s.now)
	return s, nil
}

// drifted are the resources that are not as declared, or do not let it be told.
func (s *state) drifted() []string {
	var out []string
	for _, r := range s.rep.Results {
		switch r.Status {
		case change.Changed, change.Failed, change.Blocked:
			out = append(out, r.ID.String())
		}
	}
	return out
}

// verdict is the exit code.
func (s *state) verdict() error {
	switch {
	case s.rep.Summary.Changes()+s.rep.Summary.Failed > 0:
		return said(exitDrifted)
	case s.rep.Summary.Unknown+len(s.unseen) > 0:
		return said(exitFailed)
	case len(s.orphans) > 0:
		return said(exitOrphans)
	}
	return nil
}

// remember writes the mark if it says something new.
func (a *App) remember(ctx context.Context, m *drift.Mark) error {
	if drift.ReadMark(a.Host).Same(m) {
		return nil
	}
	data, err := m.Marshal()
	if err != nil {
		return err
	}
	return converge.WriteNote(ctx, a.Host, notes.Status, data)
}

// emit writes what status says to where it is wanted.
func (a *App) emit(ctx context.Context, o statusOptions, write func(*strings.Builder) error) error {
	var b strings.Builder
	if err := write(&b); err != nil {
		return fmt.Errorf("cannot write the result: %w", err)
	}
	if o.output == "" {
		_, err := fmt.Fprint(a.Out, b.String())
		return err
	}
	if err := local.WriteOut(ctx, o.output, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("cannot write the result: %w", err)
	}
	return nil
}
