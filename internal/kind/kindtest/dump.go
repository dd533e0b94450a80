// Package kindtest runs the cases of kinds, and writes what comes of resources in a few stable lines, for tests.
package kindtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"opsafe/internal/change"
)

// Dump writes results in a few stable lines each; what is as declared is left
// out, unless there is something to say about it.
func Dump(results []change.Result) string {
	var b strings.Builder
	for _, r := range results {
		if r.Status == change.Unchanged && len(r.Notes) == 0 {
			continue
		}
		head := string(r.Status)
		if r.Status == change.Changed {
			head = string(r.Change.Action)
		}
		fmt.Fprintf(&b, "%s %s\n", head, r.ID)
		dumpChange(&b, r.Change)
		for _, line := range []struct{ name, text string }{
			{"why", r.Change.Why},
			{"irreversible", r.Change.Irreversible},
			{"deferred", r.Change.Deferred},
			{"reason", r.Reason},
		} {
			if line.text != "" {
				fmt.Fprintf(&b, "  %s: %s\n", line.name, line.text)
			}
		}
		for _, n := range r.Notes {
			fmt.Fprintf(&b, "  note: %s\n", n)
		}
		if r.Err != nil {
			fmt.Fprintf(&b, "  error: %v\n", r.Err)
		}
	}
	return b.String()
}

func dumpChange(b *strings.Builder, c change.Change) {
	for _, a := range c.Attrs {
		fmt.Fprintf(b, "  %s: %s → %s\n", a.Name, dumpValue(a.Before), dumpValue(a.After))
	}
	switch d := c.Diff; {
	case d == nil:
	case d.Hidden != "":
		fmt.Fprintf(b, "  content of %s differs (%s)\n", d.Path, d.Hidden)
	default:
		text := udiff.Unified("", "", d.Before, d.After)
		for i, line := range slices.Collect(strings.Lines(text)) {
			if i >= 2 { // the names of the two sides
				fmt.Fprintf(b, "  | %s\n", strings.TrimRight(line, " \n"))
			}
		}
	}
	for _, n := range c.Notify {
		fmt.Fprintf(b, "  then: %s %s\n", n.Verb, n.Unit)
	}
	for _, s := range c.Steps {
		fmt.Fprintf(b, "  step: %s\n", strings.TrimPrefix(fmt.Sprintf("%T", s), "host."))
	}
}

func dumpValue(v change.Value) string {
	switch v.Kind {
	case change.Known:
		return cmp.Or(v.Text, "-")
	case change.Absent:
		return "-"
	case change.Secret:
		return "(secret " + v.Text + ")"
	default:
		return "(" + string(v.Kind) + ")"
	}
}
