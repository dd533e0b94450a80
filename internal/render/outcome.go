package render

import (
	"fmt"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/converge"
)

// Mode tells a plan from the real thing, for the words of the summary.
type Mode string

// The modes.
const (
	Plan  Mode = "plan"
	Apply Mode = "apply"
)

// outcome says in a few words what came of a run, and in which colour.
func outcome(rep *converge.Report, mode Mode) (head, color string) {
	s := rep.Summary
	head, color = "Nothing to do.", green
	if s.Changes() > 0 {
		head, color = "Plan: "+counts(s, mode)+".", bold
		if mode == Apply {
			head, color = "Done: "+counts(s, mode)+".", green
		}
	}
	if s.Failed > 0 {
		failed := fmt.Sprintf("%d failed", s.Failed)
		switch {
		case s.Changes() == 0:
			head = failed + "."
		case mode == Apply: // nobody is to read of it as of something done
			head = failed + "; " + counts(s, mode) + "."
		default:
			head = strings.TrimSuffix(head, ".") + "; " + failed + "."
		}
		color = red
	} else if s.Unknown > 0 && s.Changes() == 0 {
		head, color = "Not everything could be seen.", yellow
	}
	if rep.Refused != "" {
		head, color = strings.TrimSuffix(head, ".")+", and this would be refused.", red
	}
	if rep.Interrupted {
		if s.Changes()+s.Failed+s.Unknown == 0 {
			head = "" // there may well be something to do
		}
		head, color = strings.TrimSpace("Interrupted. "+head), red
	}
	return head, color
}

// counts says how many changes of each sort there are.
func counts(s change.Summary, mode Mode) string {
	verbs := [4]string{"to add", "to change", "to remove", "to restart or reload"}
	if mode == Apply {
		verbs = [4]string{"added", "changed", "removed", "restarted or reloaded"}
	}
	var parts []string
	for i, n := range []int{s.Add, s.Change, s.Remove, s.Run} {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, verbs[i]))
		}
	}
	return strings.Join(parts, ", ")
}

// rest counts what is neither a change nor a failure.
func rest(s change.Summary) string {
	text := fmt.Sprintf("%d unchanged", s.Unchanged)
	if s.NotApplicable > 0 {
		text += fmt.Sprintf(", %d not applicable", s.NotApplicable)
	}
	if s.Unknown > 0 {
		text += fmt.Sprintf(", %d unknown", s.Unknown)
	}
	return text
}

func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}
