package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/kind/deployment"
	"opsafe/internal/queue"
)

// maxHistory is how many results are kept.
const maxHistory = 50

// State is how a deployment is.
type State struct {
	// Deployed is the release that counts; nil: there is none yet.
	Deployed *Release `json:"deployed,omitempty"`
	// Former is the release that a rollback goes to; empty: there is none.
	Former string `json:"former,omitempty"`
	// Followed is the commit of the branch that was deployed last because the remote
	// had it: what comes next has to follow it.
	Followed string `json:"followed,omitempty"`
	// Releases are complete, in the order in which they were deployed last.
	Releases []Release `json:"releases,omitempty"`
	// Trying is what is being tried; nil: nothing is.
	Trying *Attempt `json:"trying,omitempty"`
	// Last is what came of it last; Failed is the last failure since something was
	// deployed.
	Last    *Result  `json:"last,omitempty"`
	Failed  *Result  `json:"failed,omitempty"`
	History []Result `json:"history,omitempty"` // newest last
}

// Release is a commit in a directory of its own.
type Release struct {
	Revision string    `json:"revision"`
	Since    time.Time `json:"since"` // when it began to count
	// Left says that a rollback went back from it: none goes to it by itself.
	Left bool `json:"left,omitempty"`
}

// Phase is how far an attempt has come.
type Phase string

// The phases, in their order.
const (
	Building  Phase = "building"  // the link is where it was
	Managing  Phase = "managing"  // the host may be as a new commit of specs declares it
	Switching Phase = "switching" // the link may have moved
	Composing Phase = "composing" // containers may have been made anew
)

// Attempt is what is being tried: enough to put it back.
type Attempt struct {
	What     string    `json:"what"`
	Revision string    `json:"revision"`       // empty: of compose projects, which have none
	From     string    `json:"from,omitempty"` // what counted before; empty: nothing did
	Phase    Phase     `json:"phase"`
	Acted    []Act     `json:"acted,omitempty"` // may have been done
	Began    time.Time `json:"began"`
	Entries  []string  `json:"entries,omitempty"`
	// Follows says that it is what the branch has.
	Follows bool `json:"follows,omitempty"`
}

// Act is what a unit is made to do.
type Act struct {
	Unit string    `json:"unit"`
	Verb host.Verb `json:"verb"`
}

// Outcome is what came of an attempt, in a word.
type Outcome string

// The outcomes.
const (
	Deployed  Outcome = "deployed"
	Unchanged Outcome = "unchanged"
	Failed    Outcome = "failed"
	Refused   Outcome = "refused"
)

// Result is what came of an attempt.
type Result struct {
	What     string    `json:"what"`
	Revision string    `json:"revision,omitempty"`
	From     string    `json:"from,omitempty"`
	Outcome  Outcome   `json:"outcome"`
	Reason   string    `json:"reason,omitempty"`
	Notes    []string  `json:"notes,omitempty"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	By       string    `json:"by,omitempty"`
	Entries  []string  `json:"entries,omitempty"`
	// Quiet: nothing was asked for, and nothing came of it.
	Quiet bool `json:"-"`
}

// short is the reason for a commit's status.
func (r Result) short() string {
	if r.Outcome == Deployed {
		return "deployed"
	}
	line, _, _ := strings.Cut(r.Reason, "\n")
	return line
}

// same reports whether the same came of both.
func (r Result) same(o Result) bool {
	return r.What == o.What && r.Revision == o.Revision && r.Outcome == o.Outcome && r.Reason == o.Reason
}

// StatePath is where the state of a deployment is.
func StatePath(name string) string { return deployment.StateFile(name) }

// ReadState reads how a deployment is; one that was never tried is in no state.
func ReadState(r interface {
	ReadFile(path string) ([]byte, error)
}, name string,
) (State, error) {
	var s State
	data, err := r.ReadFile(StatePath(name))
	if err != nil || data == nil {
		return s, err
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&s); err != nil {
		return s, fmt.Errorf("cannot read %s: %w: move it away: what is deployed then is deployed anew", StatePath(name), err)
	}
	return s, nil
}

// save writes the state down, so that it outlives a power cut.
func (w *Worker) save(ctx context.Context) error {
	data, err := json.MarshalIndent(w.state, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", StatePath(w.Config.Name), err)
	}
	return w.Machine.Save(context.WithoutCancel(ctx), StatePath(w.Config.Name), append(data, '\n'))
}

func (s *State) revision() string {
	if s.Deployed == nil {
		return ""
	}
	return s.Deployed.Revision
}

func (s *State) release(revision string) *Release {
	for i := range s.Releases {
		if s.Releases[i].Revision == revision {
			return &s.Releases[i]
		}
	}
	return nil
}

// handled reports whether it is known what came of an entry.
func (s *State) handled(entry string) bool {
	return slices.ContainsFunc(s.History, func(r Result) bool { return slices.Contains(r.Entries, entry) })
}

// note takes a result down. That a timer has found nothing new is not worth a place.
func (s *State) note(r Result) {
	if r.Quiet {
		return
	}
	switch r.Outcome {
	case Deployed:
		s.Failed = nil
	case Failed, Refused:
		if r.Outcome == Failed || r.What != queue.Rollback { // which has changed nothing, and is known to who has asked
			s.Failed = &r
		}
	case Unchanged:
		if s.revision() == r.Revision && r.Revision != "" {
			s.Failed = nil // what the remote has is what is deployed
		}
	}
	s.Last = &r
	if r.Outcome == Unchanged && r.What == "poll" {
		return
	}
	if n := len(s.History); n > 0 && r.What == "poll" && s.History[n-1].same(r) {
		s.History = s.History[:n-1] // a remote that is away is away each time
	}
	s.History = append(s.History, r)
	if more := len(s.History) - maxHistory; more > 0 {
		s.History = slices.Delete(s.History, 0, more)
	}
}

// deployed takes down that a release counts from now on.
func (s *State) deployed(a *Attempt, now time.Time) {
	r := Release{Revision: a.Revision, Since: now}
	at := slices.IndexFunc(s.Releases, func(o Release) bool { return o.Revision == r.Revision })
	if back := a.What == queue.Rollback && at >= 0; back {
		s.Releases[at] = r
		for i := range s.Releases[at+1:] {
			s.Releases[at+1+i].Left = true
		}
	} else {
		s.Releases = append(slices.DeleteFunc(s.Releases, func(o Release) bool { return o.Revision == r.Revision }), r)
		at = len(s.Releases) - 1
	}
	s.Deployed, s.Trying, s.Former = &r, nil, ""
	for _, before := range slices.Backward(s.Releases[:at]) {
		if !before.Left {
			s.Former = before.Revision
			break
		}
	}
	if a.Follows {
		s.Followed = a.Revision
	}
}
