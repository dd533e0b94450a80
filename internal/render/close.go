package render

import (
	"fmt"
	"strings"
	"time"

	"opsafe/internal/change"
	"opsafe/internal/converge"
)

// Close writes what could not be seen, what does not apply and what failed, and
// last the summary in one line.
func (t *Text) Close(rep *converge.Report, mode Mode) {
	if mode == Plan {
		t.list("not applicable on this host", rep, dim, change.NotApplicable)
	}
	t.list("unknown", rep, yellow, change.Unknown)
	t.noted(rep)
	t.failures(rep)
	if t.wrote {
		t.printf("\n")
	}
	t.printf("%s\n", t.summary(rep, mode))
}

func (t *Text) section(name, color string) {
	if t.wrote {
		t.printf("\n")
	}
	t.wrote, t.kind = true, ""
	t.printf("%s\n", t.style.paint(bold+color, name))
}

// denied is what the reason says when root would see more.
const denied = "permission denied"

// list writes resources of one status with their reasons; those that share one
// are written together. What only root may see is counted by kind.
func (t *Text) list(title string, rep *converge.Report, color string, status change.Status) {
	var reasons, kinds []string
	byReason, byKind := map[string][]string{}, map[string][]string{}
	for _, r := range rep.Results {
		switch {
		case r.Status != status:
		case strings.Contains(r.Reason, denied):
			kinds = collect(kinds, byKind, plural(r.ID.Kind), clean(r.ID.Name))
		default:
			reasons = collect(reasons, byReason, r.Reason, clean(r.ID.String()))
		}
	}
	if len(reasons)+len(kinds) == 0 {
		return
	}
	t.section(title, color)
	for _, reason := range reasons {
		head := "  " + t.fold(byReason[reason])
		t.printf("%s\n", strings.Join(t.wrap(head, []string{t.style.paint(dim, clean(reason))}), "\n"))
	}
	for _, kind := range kinds {
		names := byKind[kind]
		what := fmt.Sprintf("%d %s", len(names), kind)
		if len(names) == 1 && kind != plural("sudoers") {
			what = "1 " + strings.TrimSuffix(strings.Replace(kind, "directories", "directory", 1), "s")
		}
		head := fmt.Sprintf("  %s, %s", what, t.style.paint(dim, denied+":"))
		t.printf("%s\n", strings.Join(t.wrap(head, []string{t.fold(names)}), "\n"))
	}
}

// collect files a name under a key, and keeps the keys in order of appearance.
func collect(order []string, m map[string][]string, key, name string) []string {
	if _, ok := m[key]; !ok {
		order = append(order, key)
	}
	m[key] = append(m[key], name)
	return order
}

// fold lists names, the first few unless all are asked for.
func (t *Text) fold(names []string) string {
	const most = 3
	if len(names) > most+1 && !t.style.Full {
		names = append(names[:most:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

// noted writes the notes of what did not change: those of changes stand beside
// them.
func (t *Text) noted(rep *converge.Report) {
	first := true
	for _, r := range rep.Results {
		if r.Status == change.Changed {
			continue
		}
		for _, n := range r.Notes {
			if first {
				t.section("notes", yellow)
				first = false
			}
			t.printf("  %s\n      %s\n", clean(r.ID.String()), clean(n))
		}
	}
}

func (t *Text) failures(rep *converge.Report) {
	if rep.Summary.Failed == 0 {
		return
	}
	t.section("failed", red)
	for _, r := range rep.Results {
		switch r.Status {
		case change.Failed:
			t.printf("  %s %s\n", t.style.paint(red, "✗"), t.place(r))
			for line := range strings.Lines(r.Err.Error()) {
				t.printf("      %s\n", clean(strings.TrimRight(line, "\n")))
			}
		case change.Blocked:
			t.printf("  %s %s\n      not tried: %s\n", t.style.paint(yellow, "⊘"), t.place(r), clean(r.Reason))
		}
	}
}

// place is a resource and where it is declared.
func (t *Text) place(r change.Result) string {
	name := clean(r.ID.String())
	if r.Pos.File == "" {
		return name
	}
	return name + " " + t.style.paint(dim, r.Pos.String())
}

// Mode tells a plan from the real thing, for the words of the summary.
type Mode string

// The modes.
const (
	Plan  Mode = "plan"
	Apply Mode = "apply"
)

func (t *Text) summary(rep *converge.Report, mode Mode) string {
	head, color := outcome(rep, mode)
	tail := rest(rep.Summary)
	if rep.Took > 0 {
		tail += ", " + took(rep.Took)
	}
	between := " "
	if w := t.style.Width; w > 0 && visible(head+" "+tail) > w {
		between = "\n"
	}
	return t.style.paint(color, head) + between + t.style.paint(dim, tail)
}

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
		head, color = strings.TrimSuffix(head, ".")+fmt.Sprintf("; %d failed.", s.Failed), red
		if s.Changes() == 0 {
			head = fmt.Sprintf("%d failed.", s.Failed)
		}
	} else if s.Unknown > 0 && s.Changes() == 0 {
		head, color = "Not everything could be seen.", yellow
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
