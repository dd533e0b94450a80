package cli

import (
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/facts"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/render"
	"opsafe/internal/run"
)

// noFacts asks for a bare host instead of a recorded one.
const noFacts = "none"

// bareRelease is what a bare host is: the release that is tested most.
const bareRelease = "bookworm"

// elsewhere is the app on a recorded host. It says which host that is, and how old
// the record.
func (a *App) elsewhere(o *planOptions) (*App, error) {
	on := *a
	if o.facts == noFacts {
		bare := snapshot.Bare(bareRelease)
		bare.Verdicts = map[string]snapshot.Verdict{} // nothing that a program would say is known
		on.record, on.Root = snapshot.New(bare), false
		on.record.JudgeWith(a.Judge)
		on.Host = run.ReadOnly{Scannable: on.record}
		on.goesByFacts(&render.FactsDoc{Words: fmt.Sprintf("planned for a bare Debian host (%s): nothing is known of a real one", bareRelease)})
		return &on, nil
	}
	f, err := facts.Read(o.facts)
	if err != nil {
		return nil, err
	}
	on.record, on.Root, on.lastRuns = snapshot.New(*f.Host), f.Coverage.Root, f.LastRuns
	on.record.JudgeWith(a.Judge)
	on.Host = run.ReadOnly{Scannable: on.record}
	recorded := f.Recorded.UTC()
	by := &render.FactsDoc{Recorded: &recorded, Opsafe: f.Opsafe}
	by.Words = fmt.Sprintf("planned for %s as it was %s (%s), by the facts of opsafe %s",
		f.Host.Facts.Hostname, run.Age(a.Now().Sub(recorded)), recorded.Format("2006-01-02 15:04 UTC"), f.Opsafe)
	if !f.Coverage.Root {
		by.Lack = append(by.Lack, "the facts were not recorded by root: much is unknown")
	}
	if o.backend == "" && a.Env("OPSAFE_BACKEND") == "" && len(f.Coverage.Backends) == 1 {
		o.backend = f.Coverage.Backends[0]
	}
	if o.backend != "" && !slices.Contains(f.Coverage.Backends, o.backend) {
		by.Lack = append(by.Lack, fmt.Sprintf("the facts were recorded for %s: of %s, much may be unknown", strings.Join(f.Coverage.Backends, ", "), o.backend))
	}
	on.goesByFacts(by)
	return &on, nil
}

// goesByFacts says by which facts a plan is made: beside it, and in it.
func (a *App) goesByFacts(by *render.FactsDoc) {
	a.byFacts = by
	for _, text := range append([]string{by.Words}, by.Lack...) {
		note(a.Err, "%s", text)
	}
}

// afterRecord says what could not be asked of a recorded host.
func (a *App) afterRecord() {
	if asked := a.record.Unjudged(); len(asked) > 0 {
		note(a.Err, "not in the facts, and asked by manage before it writes: %s", strings.Join(asked, "; "))
	}
}
