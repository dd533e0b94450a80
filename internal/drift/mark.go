package drift

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"opsafe/internal/host"
	"opsafe/internal/notes"
)

const markFormat = 1

// Mark is what status saw last. It is written only when what it sees is another
// state.
type Mark struct {
	FormatVersion int `json:"format_version"`
	// Since is when the host was first seen in its declared state; zero: it was
	// not.
	Since time.Time `json:"since"`
	// Drift is when each resource was first seen not to be as declared.
	Drift map[string]time.Time `json:"drift"`
}

// ReadMark reads it; nil: there is none, or it cannot be read, which is the same.
func ReadMark(r host.Reader) *Mark {
	data, err := r.ReadFile(notes.Status)
	if err != nil || data == nil {
		return nil
	}
	var m Mark
	if json.Unmarshal(data, &m) != nil || m.FormatVersion != markFormat {
		return nil
	}
	return &m
}

// Runs is what is known of the runs on a host.
type Runs struct {
	Mended time.Time // when the last manage that succeeded ended; zero: none has
	Last   time.Time // when the last run of all ended
}

// Next is the mark after a look at a host on which these resources are not as
// declared. What was seen before a manage succeeded has been mended by it.
func (m *Mark) Next(drifted []string, runs Runs, now time.Time) *Mark {
	if m == nil {
		m = &Mark{}
	}
	next := &Mark{FormatVersion: markFormat, Drift: map[string]time.Time{}}
	seen := false
	for _, t := range m.Drift {
		seen = seen || t.After(runs.Mended)
	}
	for _, id := range drifted {
		next.Drift[id] = now
		if t, ok := m.Drift[id]; ok && t.After(runs.Mended) {
			next.Drift[id] = t
		}
	}
	switch {
	case len(drifted) > 0:
	case seen:
		next.Since = now // somebody has mended it by hand
	case m.Since.After(runs.Last):
		next.Since = m.Since
	case !runs.Mended.IsZero() && !runs.Mended.Before(runs.Last):
		next.Since = runs.Mended
	default:
		next.Since = now
	}
	return next
}

// Same reports whether there is no need to write the next mark.
func (m *Mark) Same(next *Mark) bool {
	if m == nil {
		return false
	}
	equal := func(a, b time.Time) bool { return a.Equal(b) }
	return m.Since.Equal(next.Since) && maps.EqualFunc(m.Drift, next.Drift, equal)
}

// First is since when the host has not been in its declared state.
func (m *Mark) First() time.Time {
	var first time.Time
	for _, t := range m.Drift {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// Marshal is the content of the note.
func (m *Mark) Marshal() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot remember the state: %w", err)
	}
	return append(data, '\n'), nil
}
