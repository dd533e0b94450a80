package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsafe/internal/render"
	"opsafe/internal/words"
)

// Options are how documents become a report.
type Options struct {
	Now time.Time
	// Old is the age from which a document says nothing of the present.
	Old time.Duration
	// Expect are hosts that have to be among them.
	Expect []string
}

// of are the documents of one host.
type of struct{ plan, status, access *Document }

// New makes a report of documents. Two documents of one kind about one host are
// refused: nothing says which of them counts, and they may be of two hosts that have
// the same name.
func New(docs []*Document, o Options) (*Report, error) {
	hosts := map[string]*of{}
	for _, name := range o.Expect {
		hosts[name] = &of{}
	}
	var problems Problems
	for _, d := range docs {
		h := hosts[d.Host]
		if h == nil {
			h = &of{}
			hosts[d.Host] = h
		}
		at := map[string]**Document{kindPlan: &h.plan, kindStatus: &h.status, kindAccess: &h.access}[d.Kind]
		if *at != nil {
			problems = append(problems, fmt.Sprintf("%s: it is of %s %s, and so is %s: give one of them; hosts of the same name need to be told apart by their names", d.File, d.Kind, d.Host, (*at).File))
			continue
		}
		*at = d
	}
	if problems != nil {
		return nil, problems
	}
	b := builder{Options: o, hosts: hosts}
	return b.report(), nil
}

// builder gathers what is said of hosts.
type builder struct {
	Options
	hosts    map[string]*of
	findings gather[Finding]
	turns    gather[Turn]
	orphans  gather[Orphan]
	notes    gather[Note]
	tables   gather[Table]
}

func (b *builder) report() *Report {
	r := &Report{FormatVersion: FormatVersion, Command: "report", Made: b.Now, Hosts: []Host{}}
	for _, name := range sortedKeys(b.hosts) {
		r.Hosts = append(r.Hosts, b.host(name, b.hosts[name]))
	}
	r.Findings, r.Turns, r.Orphans = b.findings.all(), b.turns.all(), b.orphans.all()
	r.Notes, r.Access = b.notes.all(), b.tables.all()
	sortFindings(r.Findings)
	slices.SortStableFunc(r.Access, func(x, y Table) int { return len(y.Hosts) - len(x.Hosts) })
	return r
}

// host judges one host, and gathers what its documents say.
func (b *builder) host(name string, docs *of) Host {
	h := Host{Name: name, Documents: []Source{}}
	for _, d := range []*Document{docs.plan, docs.status, docs.access} {
		if d == nil {
			continue
		}
		d.Old = b.old(d.Made)
		h.Documents = append(h.Documents, d.Source)
		switch {
		case h.Backend == "":
			h.Backend = d.Backend
		case d.Backend != "" && d.Backend != h.Backend:
			b.note(name, fmt.Sprintf("its documents are of different backends, %s and %s", h.Backend, d.Backend))
		}
	}
	if docs.plan == nil && docs.status == nil {
		h.Lacks = append(h.Lacks, lacksRun)
	}
	if docs.access == nil {
		h.Lacks = append(h.Lacks, kindAccess)
	} else {
		b.access(name, docs.access.Access)
	}
	b.state(&h, docs)
	return h
}

// skew is by how much clocks may go differently.
const skew = 5 * time.Minute

// old reports whether what was so then says nothing of now: since it is long ago, or
// by a clock that is wrong.
func (b *builder) old(made time.Time) bool {
	age := b.Now.Sub(made)
	return b.Old > 0 && (age > b.Old || age < -skew)
}

// state says how a host is. Where there is both a status and a plan, the status is of
// the host itself; what a plan names besides stands beside it: it may be of a newer
// spec.
func (b *builder) state(h *Host, docs *of) {
	plan, status := docs.plan, docs.status
	if plan == nil && status == nil {
		h.State, h.Why = Unknown, []string{"there is neither a status nor a plan of it"}
		return
	}
	since := map[string]time.Time{}
	if status == nil {
		h.Partial = true
		why := "there is no status of it, and a plan of the host does not say when it was made"
		if plan.Plan.Facts != nil {
			why = "there is no status of it, and its plan is by recorded facts"
		}
		h.Why = append(h.Why, why)
	}
	if status != nil {
		for _, d := range status.Status.Drifted {
			since[d.Kind+"/"+d.Name] = d.Since
		}
		b.status(h, status.Status)
	}
	b.run(h, b.runOf(h, plan, status), since)
	switch {
	case h.Failed > 0:
		h.State = Failed
	case h.Changes > 0 || status != nil && status.Status.State == "drifted":
		h.State = Drifted
	case h.Unknown > 0 || len(h.Why) > 0 || status != nil && status.Status.State != "as declared":
		h.State = Unknown
	default:
		h.State = InOrder
	}
	if plan != nil && plan.Old || status != nil && status.Old {
		h.Was, h.State = h.State, Old
	}
}

// status takes what only a status says.
func (b *builder) status(h *Host, s *render.StatusDoc) {
	h.Since, h.Orphans = s.Since, len(s.Orphans)
	for _, o := range s.Orphans {
		b.orphans.add(h.Name, key(o), func() *Orphan { return &Orphan{OrphanDoc: o} }, func(o *Orphan) *[]string { return &o.Hosts })
	}
	if l := s.LastRun; l != nil {
		h.LastRun = &LastRun{Run: l.Run, Command: l.Command, By: l.By, Started: l.Started, Result: l.Result}
	}
}

// run takes what would be done on a host.
func (b *builder) run(h *Host, run *render.Document, since map[string]time.Time) {
	s := run.Summary
	h.Changes, h.Failed, h.Unknown, h.Unchanged = len(run.Changes), len(run.Failed), len(run.Unknown), s.Unchanged
	// What is counted and not listed is there all the same.
	h.Changes = max(h.Changes, changes(s))
	h.Failed, h.Unknown = max(h.Failed, s.Failed), max(h.Unknown, s.Unknown)
	chosen := len(run.Only)+len(run.Skip) > 0
	h.Partial = h.Partial || s.Interrupted || chosen
	if s.Interrupted {
		h.Why = append(h.Why, "it was interrupted before everything had been looked at")
	}
	if chosen {
		h.Why = append(h.Why, "not all that is declared was looked at: "+chosenWords(run))
	}
	if len(run.Unjudged) > 0 {
		h.Why = append(h.Why, "the facts that its plan is by do not tell all that was asked")
	}
	if run.Refused != "" {
		h.Why = append(h.Why, run.Refused)
	}
	for _, text := range run.HostNotes {
		b.note(h.Name, text)
	}
	b.unjudged(h.Name, run)
	for _, i := range slices.Concat(run.Failed, run.Unknown, run.Changes, run.Notes) {
		at, seen := since[i.Kind+"/"+i.Name]
		i.Declared = ""
		f := b.findings.add(h.Name, key(i), func() *Finding { return &Finding{Item: i} }, func(f *Finding) *[]string { return &f.Hosts })
		if seen && (f.Since == nil || at.Before(*f.Since)) {
			f.Since = &at
		}
	}
	b.turned(h.Name, run.Access)
}

func (b *builder) unjudged(host string, run *render.Document) {
	for _, text := range run.Unjudged {
		b.note(host, "cannot be told from the facts: "+text)
	}
}

// turned takes who gains and who loses what by manage.
func (b *builder) turned(host string, a *render.AccessDoc) {
	if a == nil {
		return
	}
	for _, t := range a.Turns {
		b.turns.add(host, key(t), func() *Turn { return &Turn{TurnDoc: t} }, func(t *Turn) *[]string { return &t.Hosts })
	}
	for _, text := range a.Unknown {
		b.note(host, "of the people it cannot be told: "+text)
	}
}

func (b *builder) note(host, text string) {
	b.notes.add(host, text, func() *Note { return &Note{Text: text} }, func(n *Note) *[]string { return &n.Hosts })
}

func chosenWords(run *render.Document) string {
	var out []string
	if len(run.Only) > 0 {
		out = append(out, "only "+words.And(run.Only))
	}
	if len(run.Skip) > 0 {
		out = append(out, "not "+words.And(run.Skip))
	}
	return strings.Join(out, ", ")
}

// key is the same for what says the same.
func key(v any) string {
	data, err := json.Marshal(v)
	if err != nil { // it has come out of JSON
		return err.Error()
	}
	return string(data)
}
