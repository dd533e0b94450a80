package drift_test

import (
	"maps"
	"testing"
	"time"

	"opsafe/internal/drift"
	"opsafe/internal/host"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
	"opsafe/internal/notes"
)

func at(hour int) time.Time { return time.Date(2026, 1, 2, hour, 0, 0, 0, time.UTC) }

// TestNext: since when things are as they are seen, by what was seen before and by the
// runs in between.
func TestNext(t *testing.T) {
	drifted := func(hours map[string]int) *drift.Mark {
		m := &drift.Mark{FormatVersion: 1, Drift: map[string]time.Time{}}
		for id, hour := range hours {
			m.Drift[id] = at(hour)
		}
		return m
	}
	now := at(12)
	for name, tt := range map[string]struct {
		was   *drift.Mark
		sees  []string
		runs  drift.Runs
		since time.Time
		drift map[string]time.Time
	}{
		"first look, as declared":            {nil, nil, drift.Runs{}, now, nil},
		"first look after a run":             {nil, nil, drift.Runs{Mended: at(9), Last: at(9)}, at(9), nil},
		"first look after a run that failed": {nil, nil, drift.Runs{Mended: at(8), Last: at(9)}, now, nil},
		"still as declared":                  {&drift.Mark{Since: at(10)}, nil, drift.Runs{Mended: at(9), Last: at(9)}, at(10), nil},
		"drifts":                             {&drift.Mark{Since: at(10)}, []string{"file//a"}, drift.Runs{}, time.Time{}, map[string]time.Time{"file//a": now}},
		"still drifted":                      {drifted(map[string]int{"file//a": 10}), []string{"file//a"}, drift.Runs{Mended: at(9)}, time.Time{}, map[string]time.Time{"file//a": at(10)}},
		"one more drifts":                    {drifted(map[string]int{"file//a": 10}), []string{"file//a", "file//b"}, drift.Runs{}, time.Time{}, map[string]time.Time{"file//a": at(10), "file//b": now}},
		"drifts again after it was mended":   {drifted(map[string]int{"file//a": 10}), []string{"file//a"}, drift.Runs{Mended: at(11), Last: at(11)}, time.Time{}, map[string]time.Time{"file//a": now}},
		"mended by a run":                    {drifted(map[string]int{"file//a": 10}), nil, drift.Runs{Mended: at(11), Last: at(11)}, at(11), nil},
		"mended by hand":                     {drifted(map[string]int{"file//a": 10}), nil, drift.Runs{Mended: at(9), Last: at(9)}, now, nil},
	} {
		got := tt.was.Next(tt.sees, tt.runs, now)
		if !got.Since.Equal(tt.since) || !maps.Equal(got.Drift, tt.drift) && len(got.Drift)+len(tt.drift) > 0 {
			t.Errorf("%s: since %v, drifted %v", name, got.Since, got.Drift)
		}
		if first := got.First(); first.IsZero() != (len(tt.sees) == 0) {
			t.Errorf("%s: drifted first %v", name, first)
		}
		if !got.Same(got) || tt.was.Same(got) && !tt.was.Since.Equal(got.Since) {
			t.Errorf("%s: another mark passes for the same", name)
		}
	}
}

// TestReadMark: what was written is read again; what cannot be read is as if it were
// not there.
func TestReadMark(t *testing.T) {
	want := &drift.Mark{FormatVersion: 1, Since: at(3), Drift: map[string]time.Time{"unit/x.service": at(4)}}
	data, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		text string
		want bool
	}{"as written": {string(data), true}, "no JSON": {"{", false}, "of another format": {`{"format_version": 99}`, false}, "empty": {"", false}} {
		h := overlay.New(snapshot.New(snapshot.Bare("bookworm")))
		steps, err := notes.Write(h, notes.Status, []byte(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			do(t, h, s)
		}
		if got := drift.ReadMark(h); (got != nil) != tt.want || tt.want && !got.Same(want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if m := drift.ReadMark(snapshot.New(snapshot.Bare("bookworm"))); m != nil {
		t.Errorf("without a note: %+v", m)
	}
}

func do(t *testing.T, h host.Host, s host.Step) {
	t.Helper()
	if err := h.Do(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}
