package render

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/converge"
	"opsafe/internal/host"
)

// FormatVersion is the version of the JSON document. It grows when a field
// changes its meaning or goes; new fields do not change it.
const FormatVersion = 1

// Document is the JSON form of a run.
type Document struct {
	FormatVersion int        `json:"format_version"`
	Command       string     `json:"command"` // plan, manage, …
	Backend       string     `json:"backend,omitempty"`
	Host          string     `json:"host"`
	Spec          *SourceDoc `json:"spec,omitempty"`
	// Only and Skip say that not all that is declared was looked at.
	Only []string `json:"only,omitempty"`
	Skip []string `json:"skip,omitempty"`
	// Facts are there where a plan is made by recorded facts.
	Facts *FactsDoc `json:"facts,omitempty"`
	// Refused is there where whoever carries the plan out would refuse to.
	Refused       string     `json:"refused,omitempty"`
	Changes       []Item     `json:"changes"`
	Unknown       []Item     `json:"unknown"`
	NotApplicable []Item     `json:"not_applicable"`
	Failed        []Item     `json:"failed"`
	Notes         []Item     `json:"notes"`
	Access        *AccessDoc `json:"access,omitempty"`
	Summary       SummaryDoc `json:"summary"`
	// Unjudged is what a plan by recorded facts could not ask.
	Unjudged []string `json:"unjudged,omitempty"`
	// HostNotes concern the host, and no resource.
	HostNotes []string `json:"host_notes,omitempty"`
	// Times are there with --timings.
	Times []TimeDoc `json:"times,omitempty"`
}

// SourceDoc is what a run goes by: a directory, and what git says of it.
type SourceDoc struct {
	Dir      string `json:"dir"`
	Commit   string `json:"commit"`
	Branch   string `json:"branch,omitempty"`
	Changed  int    `json:"changed,omitempty"` // files that are not as in the commit
	Upstream string `json:"upstream,omitempty"`
	Behind   int    `json:"behind,omitempty"`   // commits that Upstream has and this one has not
	LastRun  int    `json:"last_run,omitempty"` // whose commit is not among this one's
	Lacks    int    `json:"lacks,omitempty"`    // commits that that run had and this one has not
}

// FactsDoc is by which facts a plan is made.
type FactsDoc struct {
	// Recorded and Opsafe say when they were recorded, and by which version; they are
	// empty of a host that is made up.
	Recorded *time.Time `json:"recorded,omitempty"`
	Opsafe   string     `json:"opsafe,omitempty"`
	// Lack says why the plan may tell less than the host would.
	Lack []string `json:"lack,omitempty"`
	// Words say it for people.
	Words string `json:"-"`
}

// AccessDoc is who gains and who loses what, in words.
type AccessDoc struct {
	Turns   []TurnDoc `json:"turns"`
	Unknown []string  `json:"unknown,omitempty"`
}

// TurnDoc is what is given to some people and taken from them.
type TurnDoc struct {
	Names []string `json:"names"`
	Gains []string `json:"gains"`
	Loses []string `json:"loses"`
}

// Item is one resource.
type Item struct {
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	Declared string   `json:"declared,omitempty"` // file:line:column
	Status   string   `json:"status"`
	Action   string   `json:"action,omitempty"` // add, change, remove, run
	Attrs    []Attr   `json:"attributes,omitempty"`
	Diff     *Diff    `json:"diff,omitempty"`
	Why      string   `json:"why,omitempty"`
	Undo     string   `json:"cannot_be_undone,omitempty"`
	Deferred string   `json:"known_after_apply,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Error    string   `json:"error,omitempty"`
	Notes    []string `json:"notes,omitempty"`
}

// Attr is an attribute; a value that is absent is null.
type Attr struct {
	Name   string  `json:"name"`
	Before *string `json:"before"`
	After  *string `json:"after"`
	// Special says of a value that it is not the value itself: secret,
	// unknown, known after apply.
	Special string `json:"special,omitempty"`
}

// Diff is a file's content before and after.
type Diff struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
	Hidden string `json:"hidden,omitempty"`
}

// SummaryDoc counts.
type SummaryDoc struct {
	Add           int     `json:"add"`
	Change        int     `json:"change"`
	Remove        int     `json:"remove"`
	Run           int     `json:"run"`
	Unchanged     int     `json:"unchanged"`
	Unknown       int     `json:"unknown"`
	NotApplicable int     `json:"not_applicable"`
	Failed        int     `json:"failed"`
	Seconds       float64 `json:"seconds"`
	Interrupted   bool    `json:"interrupted,omitempty"`
}

// NewDocument gives the JSON form of a report.
func NewDocument(h Heading, rep *converge.Report) Document {
	d := Document{
		FormatVersion: FormatVersion, Command: h.Command, Backend: h.Backend, Host: h.Host, Spec: h.Spec, Only: h.Only, Skip: h.Skip,
		Facts: h.Facts, Refused: host.Readable(rep.Refused),
		Changes: []Item{}, Unknown: []Item{}, NotApplicable: []Item{}, Failed: []Item{}, Notes: []Item{},
	}
	for _, r := range rep.Results {
		i := ItemOf(r)
		switch r.Status {
		case change.Changed:
			d.Changes = append(d.Changes, i)
		case change.Unknown:
			d.Unknown = append(d.Unknown, i)
		case change.NotApplicable:
			d.NotApplicable = append(d.NotApplicable, i)
		case change.Failed, change.Blocked:
			d.Failed = append(d.Failed, i)
		case change.Unchanged:
			if len(r.Notes) > 0 {
				d.Notes = append(d.Notes, i)
			}
		}
	}
	d.Access, d.Unjudged, d.HostNotes = newAccessDoc(rep.Access), rep.Unjudged, readable(rep.HostNotes)
	d.Times = newTimes(h.Times)
	s := rep.Summary
	d.Summary = SummaryDoc{
		Add: s.Add, Change: s.Change, Remove: s.Remove, Run: s.Run, Unchanged: s.Unchanged,
		Unknown: s.Unknown, NotApplicable: s.NotApplicable, Failed: s.Failed,
		Seconds: rep.Took.Seconds(), Interrupted: rep.Interrupted,
	}
	return d
}

// WriteJSON writes one document.
func WriteJSON(out io.Writer, d any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(d)
}

// ItemOf is one result.
func ItemOf(r change.Result) Item {
	i := Item{
		Kind: r.ID.Kind, Name: host.Readable(r.ID.Name), Status: string(r.Status), Action: string(r.Change.Action),
		Why: r.Change.Why, Undo: r.Change.Irreversible, Deferred: r.Change.Deferred,
		Reason: host.Readable(r.Reason), Notes: readable(r.Notes),
	}
	if r.Pos.File != "" {
		i.Declared = r.Pos.String()
	}
	if r.Err != nil {
		i.Error = host.Readable(r.Err.Error())
	}
	for _, a := range r.Change.Attrs {
		i.Attrs = append(i.Attrs, attr(a))
	}
	if d := r.Change.Diff; d != nil {
		i.Diff = &Diff{Path: host.Readable(d.Path), Before: d.Before, After: d.After, Hidden: d.Hidden}
	}
	return i
}

func attr(a change.Attr) Attr {
	out := Attr{Name: host.Readable(a.Name), Before: value(a.Before), After: value(a.After)}
	for _, v := range []change.Value{a.After, a.Before} {
		if v.Kind != change.Known && v.Kind != change.Absent {
			out.Special = string(v.Kind)
		}
	}
	return out
}

func value(v change.Value) *string {
	if v.Kind == change.Absent {
		return nil
	}
	text := host.Readable(v.Text)
	return &text
}

// readable are texts that JSON can hold.
func readable(texts []string) []string {
	out := slices.Clone(texts)
	for i := range out {
		out[i] = host.Readable(out[i])
	}
	return out
}
