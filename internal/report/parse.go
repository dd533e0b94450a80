package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"opsafe/internal/render"
	"opsafe/internal/words"
)

// The kinds of documents that are read.
const (
	kindPlan   = "plan"
	kindStatus = "status"
	kindAccess = "access"
)

// Document is what a file holds: one of the three.
type Document struct {
	Source
	Host, Backend string
	Plan          *render.Document
	Status        *render.StatusDoc
	Access        *render.PeopleDoc
}

// envelope is what all documents of opsafe's begin with.
type envelope struct {
	FormatVersion int    `json:"format_version"`
	Command       string `json:"command"`
	Host          string `json:"host"`
	Backend       string `json:"backend"`
}

// Parse reads a document. Written is when its file was: of a plan,
// which is the same whenever it is made, nothing else says how old it is, unless it is
// by facts, of which it says when they were recorded.
func Parse(file string, data []byte, written time.Time) (*Document, error) {
	e, err := open(data, render.FormatVersion)
	if err != nil {
		return nil, err
	}
	if e.Host == "" {
		return nil, errors.New("it does not say of which host it is")
	}
	d := &Document{Source: Source{Kind: e.Command, File: file, Made: written}, Host: e.Host, Backend: e.Backend}
	switch e.Command {
	case kindPlan:
		err = d.plan(data)
	case kindStatus:
		err = d.status(data)
	case kindAccess:
		err = d.access(data)
	default:
		return nil, fmt.Errorf("it is a document of %q: want one of %s", e.Command, words.Or([]string{kindPlan, kindStatus, kindAccess}))
	}
	if err != nil {
		return nil, fmt.Errorf("it is no document of opsafe %s as this opsafe knows it: %w", e.Command, err)
	}
	return d, nil
}

// ParseEarlier reads an earlier report.
func ParseEarlier(data []byte) (*Report, error) {
	e, err := open(data, FormatVersion)
	if err != nil {
		return nil, err
	}
	if e.Command != "report" {
		return nil, fmt.Errorf("it is a document of %q: want one that opsafe report --format json has written", e.Command)
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("it is no report as this opsafe knows it: %w", err)
	}
	if r.Hosts == nil || r.Findings == nil || r.Access == nil || r.Made.IsZero() {
		return nil, errors.New("it is no report as this opsafe knows it: hosts, findings, access or made is missing")
	}
	return &r, nil
}

// open finds out what a file holds, of which versions up to the known one are read.
func open(data []byte, known int) (envelope, error) {
	var e envelope
	if len(bytes.TrimSpace(data)) == 0 {
		return e, errors.New("it is empty: was the host not reached, or the command refused?")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	err := dec.Decode(&e)
	var other *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return e, fmt.Errorf("it is cut off after %d bytes: fetch it again", len(data))
	case err != nil && !errors.As(err, &other):
		return e, fmt.Errorf("it is no JSON: %w", err)
	case err != nil || e.FormatVersion < 1 || e.Command == "":
		return e, errors.New("it is no document of opsafe's: want what plan, status and access write with --format json")
	case e.FormatVersion > known:
		return e, fmt.Errorf("it has format_version %d, and this opsafe knows up to %d: a newer one reads it", e.FormatVersion, known)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return e, errors.New("something stands behind the document: want one document in each file, and nothing else")
	}
	return e, nil
}

func (d *Document) plan(data []byte) error {
	d.Plan = &render.Document{}
	if err := json.Unmarshal(data, d.Plan); err != nil {
		return err
	}
	if d.Plan.Spec != nil {
		d.Spec = d.Plan.Spec.Commit
	}
	if f := d.Plan.Facts; f != nil && f.Recorded != nil {
		d.at(*f.Recorded)
	}
	return whole(d.Plan)
}

func (d *Document) status(data []byte) error {
	d.Status = &render.StatusDoc{}
	if err := json.Unmarshal(data, d.Status); err != nil {
		return err
	}
	d.at(d.Status.Made)
	if d.Status.State == "" || d.Status.Drifted == nil || d.Status.Orphans == nil {
		return errors.New("state, drifted or orphans is missing")
	}
	return whole(&d.Status.Plan)
}

func (d *Document) access(data []byte) error {
	d.Access = &render.PeopleDoc{}
	if err := json.Unmarshal(data, d.Access); err != nil {
		return err
	}
	d.at(d.Access.Made)
	if d.Access.People == nil {
		return errors.New("people is missing")
	}
	return nil
}

// at takes the document's own word for when it was made.
func (d *Document) at(made time.Time) {
	if !made.IsZero() {
		d.Made = made
	}
}

// whole finds out whether a run's lists are all there: one without them would look
// like one of a host in order.
func whole(run *render.Document) error {
	for _, list := range [][]render.Item{run.Changes, run.Unknown, run.NotApplicable, run.Failed, run.Notes} {
		if list == nil {
			return errors.New("one of changes, unknown, not_applicable, failed, notes is missing")
		}
		if slices.ContainsFunc(list, func(i render.Item) bool { return i.Kind == "" || i.Status == "" }) {
			return errors.New("a resource has no kind or no status")
		}
	}
	return nil
}

// Problems are all that is wrong with the files.
type Problems []string

func (p Problems) Error() string { return strings.Join(p, "\n") }
