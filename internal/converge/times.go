package converge

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Time is how long a run took for one kind.
type Time struct {
	Kind string
	Took time.Duration
}

// Kinds that times have besides those of resources.
const (
	// TimeSpec is for reading the spec and for asking for keys. Run does neither.
	TimeSpec = "spec"
	// TimeRestart is for starts, restarts and reloads, and for watching whether what they
	// brought up keeps running.
	TimeRestart = "restart"
)

// Times are longest first.
type Times []Time

// With adds other times: one for each kind is left.
func (t Times) With(more ...Time) Times {
	of := map[string]time.Duration{}
	for _, m := range slices.Concat(t, more) {
		of[m.Kind] += m.Took
	}
	out := make(Times, 0, len(of))
	for kind, took := range of {
		out = append(out, Time{kind, took})
	}
	slices.SortFunc(out, func(a, b Time) int {
		return cmp.Or(cmp.Compare(b.Took, a.Took), strings.Compare(a.Kind, b.Kind))
	})
	return out
}

// stopwatch adds up what was done for whom.
type stopwatch struct {
	now   func() time.Time
	times Times
}

// time does something for a kind. What has nothing to do is not counted.
func (w *stopwatch) time(kind string, counts bool, do func()) {
	begun := w.now()
	do()
	if counts {
		w.times = append(w.times, Time{kind, w.now().Sub(begun)})
	}
}
