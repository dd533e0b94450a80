package render

import (
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/change"
	"opsafe/internal/converge"
)

// Close writes what could not be seen and what does not apply, then what to beware
// of and what failed, and last the summary: that is what a screen still shows when
// the rest has scrolled away.
func (t *Text) Close(rep *converge.Report, mode Mode) {
	t.foot()
	if mode == Plan {
		t.list("not applicable on this host", rep, dim, change.NotApplicable)
	}
	t.list("unknown", rep, yellow, change.Unknown)
	t.irreversible(rep)
	t.noted(rep)
	t.failures(rep)
	t.byKind(rep)
	if t.wrote {
		t.lines("")
	}
	t.summary(rep, mode)
}

func (t *Text) summary(rep *converge.Report, mode Mode) {
	head, color := outcome(rep, mode)
	tail := rest(rep.Summary)
	if rep.Took > 0 {
		tail += ", " + took(rep.Took)
	}
	between := " "
	if w := t.style.Width; w > 0 && visible(head+" "+tail) > w {
		between = "\n"
	}
	t.lines(t.style.Broken(t.style.paint(color, head) + between + t.style.paint(dim, tail)))
}

// denied is what the reason says when root would see more.
const denied = "permission denied"

// list writes resources of one status with their reasons; those that share one
// are written together. What only root may see is counted by kind.
func (t *Text) list(title string, rep *converge.Report, color string, status change.Status) {
	var reasons, kinds groups
	for _, r := range rep.Results {
		switch {
		case r.Status != status:
		case strings.Contains(r.Reason, denied):
			kinds.add(t.plurals.of(r.ID.Kind), r)
		default:
			reasons.add(alike(r.Reason, r.ID), r)
		}
	}
	if len(reasons.keys)+len(kinds.keys) == 0 {
		return
	}
	t.section(title, bold+color)
	for i, reason := range reasons.keys {
		if more := reasons.after(i); i >= mostGroups && more > 1 && !t.style.Full {
			t.lines("  " + t.style.paint(dim, fmt.Sprintf("… and %d more %s", more, showsThem)))
			break
		}
		of := reasons.of[reason]
		if !slices.ContainsFunc(of, func(r change.Result) bool { return r.Reason != of[0].Reason }) {
			reason = of[0].Reason
		}
		t.lines(t.style.fill("  "+t.fold(ids(of)), []string{t.style.paint(dim, clean(reason))})...)
	}
	for _, kind := range kinds.keys {
		t.denied(kind, kinds.of[kind])
	}
}

// denied counts what root could see.
func (t *Text) denied(kind string, results []change.Result) {
	var names []string
	for _, r := range results {
		names = append(names, clean(r.ID.Name))
	}
	what := fmt.Sprintf("%d %s", len(names), kind)
	if len(names) == 1 {
		what = "1 " + singular(results[0].ID.Kind)
	}
	head := fmt.Sprintf("  %s, %s", what, t.style.paint(dim, denied+":"))
	t.lines(t.style.fill(head, []string{t.fold(names)})...)
}

// How much is shown of what is written together.
const (
	mostGroups = 20
	fewNames   = 3
	someNames  = 10
)

// groups are results that are written together, in the order in which the first
// ones came.
type groups struct {
	keys []string
	of   map[string][]change.Result
}

func (g *groups) add(key string, r change.Result) {
	if g.of == nil {
		g.of = map[string][]change.Result{}
	}
	if _, ok := g.of[key]; !ok {
		g.keys = append(g.keys, key)
	}
	g.of[key] = append(g.of[key], r)
}

// after is how many results are in groups from the i-th on.
func (g *groups) after(i int) int {
	n := 0
	for _, key := range g.keys[i:] {
		n += len(g.of[key])
	}
	return n
}

// alike is a text about a resource without its name, so that it is the same for
// all to which the same has happened.
func alike(text string, id change.ID) string {
	var b strings.Builder
	before := ""
	for {
		head, tail, found := strings.Cut(text, id.Name)
		if !found || id.Name == "" {
			return b.String() + text
		}
		whole := !endsInWord(before+head) && !beginsWithWord(tail)
		b.WriteString(head)
		switch {
		case whole && (strings.HasSuffix(head, "/") || strings.HasPrefix(tail, "/")):
			b.WriteString("…") // a part of a path or an address
		case whole:
			b.WriteString("it")
		default:
			b.WriteString(id.Name)
		}
		before, text = id.Name, tail
	}
}

func ids(results []change.Result) []string {
	var out []string
	for _, r := range results {
		out = append(out, clean(r.ID.Words()))
	}
	return out
}

// few are names, the first ones unless all are asked for.
func (t *Text) few(names []string, most int) []string {
	if len(names) > most+1 && !t.style.Full {
		return append(names[:most:most], fmt.Sprintf("and %d more (--full)", len(names)-most))
	}
	return names
}

// fold lists names in one line.
func (t *Text) fold(names []string) string { return strings.Join(t.few(names, fewNames), ", ") }
