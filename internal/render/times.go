package render

import (
	"fmt"
	"io"

	"opsafe/internal/converge"
)

// TimeDoc is how long a run took for a kind.
type TimeDoc struct {
	Kind    string  `json:"kind"`
	Seconds float64 `json:"seconds"`
}

func newTimes(times converge.Times) []TimeDoc {
	var out []TimeDoc
	for _, t := range times {
		out = append(out, TimeDoc{Kind: t.Kind, Seconds: t.Took.Seconds()})
	}
	return out
}

// WriteTimes writes a line for each kind: what it took, and its name.
func WriteTimes(out io.Writer, times converge.Times) {
	fmt.Fprintln(out, "\nwhat it took")
	for _, t := range times {
		fmt.Fprintf(out, "  %9s  %s\n", precisely(t), t.Kind)
	}
}

// precisely has three digits behind the point of what is short: most kinds are.
func precisely(t converge.Time) string { return fmt.Sprintf("%.3f s", t.Took.Seconds()) }
