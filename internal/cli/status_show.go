package cli

import (
	"fmt"
	"io"
	"slices"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/deploy"
	"opsafe/internal/drift"
	"opsafe/internal/history"
	"opsafe/internal/host"
	"opsafe/internal/kind/deployment"
	"opsafe/internal/render"
)

// The states of a host, in JSON.
const (
	asDeclared = "as declared"
	drifted    = "drifted"
	unclear    = "unknown"
)

func (s *state) name() string {
	switch {
	case s.rep.Summary.Changes()+s.rep.Summary.Failed > 0:
		return drifted
	case s.rep.Summary.Unknown > 0:
		return unclear
	}
	return asDeclared
}

func (s *state) since() time.Time {
	if s.name() == drifted {
		return s.mark.First()
	}
	return s.mark.Since
}

func (s *state) last() *history.Record {
	if s.history == nil {
		return nil
	}
	return s.history.Last()
}

// statusText says it to people.
func (a *App) statusText(out io.Writer, s *state, o options) {
	fmt.Fprintf(out, "host      %s, backend %s\n", s.host, s.backend)
	switch s.name() {
	case drifted:
		n := s.rep.Summary.Changes() + s.rep.Summary.Failed
		what := "1 resource is not as declared"
		if n != 1 {
			what = fmt.Sprintf("%d resources are not as declared", n)
		}
		fmt.Fprintf(out, "state     %s, seen first %s\n", what, clock(s.since()))
	case unclear:
		fmt.Fprintf(out, "state     not everything could be seen\n")
	default:
		fmt.Fprintf(out, "state     as declared since %s\n", clock(s.since()))
	}
	if s.upgrades != "" {
		fmt.Fprintf(out, "upgrades  %s\n", s.upgrades)
	}
	switch last := s.last(); {
	case s.history == nil:
		fmt.Fprintf(out, "last run  only root may see it\n")
	case last == nil:
		fmt.Fprintf(out, "last run  none has changed this host\n")
	default:
		fmt.Fprintf(out, "last run  %d, %s by %s, %s: %s\n", last.Run, last.Title(), last.By, clock(last.Started), outcome(s.history, last))
	}
	if s.working {
		fmt.Fprintf(out, "          it is still at work: what is below may be half done\n")
	}
	style := a.style(a.Out)
	style.Full = o.full
	text := render.NewText(out, style)
	noted := slices.ContainsFunc(s.rep.Results, func(r change.Result) bool { return len(r.Notes) > 0 })
	switch {
	case s.name() == asDeclared && noted:
		fmt.Fprintln(out)
		text.Notes(s.rep)
	case s.name() != asDeclared:
		fmt.Fprintln(out)
		for _, r := range s.rep.Results {
			text.Result(r)
		}
		text.Close(s.rep, render.Plan)
	}
	if len(s.orphans) > 0 {
		fmt.Fprintln(out, "\non this host, and on no list (opsafe prune NAME removes it)")
		for _, x := range s.orphans {
			fmt.Fprintf(out, "  %-30s %s\n", render.Clean(x.String()), render.Clean(x.What))
			if x.Way != "" {
				fmt.Fprintf(out, "  %-30s not by prune: %s\n", "", render.Clean(x.Way))
			}
		}
	}
}

// statusDocOf says it to programs.
func statusDocOf(s *state) render.StatusDoc {
	d := render.StatusDoc{
		FormatVersion: render.FormatVersion, Command: "status", Backend: s.backend, Host: s.host, Made: s.now,
		State: s.name(), Drifted: []render.DriftedDoc{}, Orphans: []render.OrphanDoc{},
		Plan: render.NewDocument(render.Heading{Command: "plan", Backend: s.backend, Host: s.host}, s.rep),
	}
	if t := s.since(); !t.IsZero() {
		d.Since = &t
	}
	for _, r := range s.rep.Results {
		if t, ok := s.mark.Drift[r.ID.String()]; ok {
			d.Drifted = append(d.Drifted, render.DriftedDoc{Kind: r.ID.Kind, Name: r.ID.Name, Since: t})
		}
	}
	for _, o := range s.orphans {
		d.Orphans = append(d.Orphans, render.OrphanDoc{Name: host.Readable(o.String()), Sort: string(o.Category), What: host.Readable(o.What), Way: host.Readable(o.Way)})
	}
	if last := s.last(); last != nil {
		doc := newRunDoc(s.history, last)
		d.LastRun = &doc
	}
	return d
}

func (a *App) metricsOf(s *state) *render.Metrics {
	m := &render.Metrics{
		Backend: s.backend, Version: program(), Declared: s.name() == asDeclared, Since: s.since(), Summary: s.rep.Summary,
		Orphans: map[string]int{},
	}
	for _, sort := range drift.Categories() {
		m.Orphans[string(sort)] = 0
	}
	for _, o := range s.orphans {
		m.Orphans[string(o.Category)]++
	}
	for _, r := range s.rep.Results {
		if t, ok := s.mark.Drift[r.ID.String()]; ok {
			m.Drifted = append(m.Drifted, render.Drifted{Kind: r.ID.Kind, Name: r.ID.Name, Since: t})
		}
		if len(r.Notes) > 0 {
			m.Noted = append(m.Noted, r.ID)
		}
	}
	if last := s.last(); last != nil {
		m.LastRun, m.LastEnded, m.LastSucceeded = last.Run, last.Ended, last.Result == history.Succeeded
	}
	m.Deployments = a.deploymentsInService()
	return m
}

// deploymentsInService says of each deployment whether what was to be deployed last is in
// service. What cannot be read is not.
func (a *App) deploymentsInService() map[string]bool {
	names, err := deployment.Names(a.Host)
	if err != nil {
		return nil
	}
	out := map[string]bool{}
	for _, name := range names {
		state, err := deploy.ReadState(a.Host, name)
		out[name] = err == nil && state.Failed == nil
	}
	return out
}
